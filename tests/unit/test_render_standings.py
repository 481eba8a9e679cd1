"""Where batches stand, as people read it: a table, what is wrong, what to type, and a line of counts."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import NOW, attempt
from support.cli import check_golden

from batchrunner.facts import Polling
from batchrunner.remote import Counts, RemoteBatch, RemoteProblem, ResultFile, Sight
from batchrunner.render.layout import width_of
from batchrunner.render.standings import standings_document, standings_text
from batchrunner.render.style import COLOUR, PLAIN
from batchrunner.standing import Standing, current, deciding, standing_of
from batchrunner.state import Attempt, Entry, Problem

GOLDEN = Path(__file__).parents[1] / "golden" / "standings.txt"
AT = (NOW - timedelta(minutes=3)).isoformat()
EXPIRES = (NOW + timedelta(hours=5)).isoformat()


def typed(command: str) -> str:
    return f"batchrunner {command} --sandbox"


def entry(name: str, found: Attempt, run_key: str = "day:2026-11-22") -> Entry:
    return Entry(address=f"nightly/{name}", run_key=run_key, attempt=found)


def seen(status: str, **changes: object) -> Attempt:
    batch = RemoteBatch(batch_id="batch-1", status=status, said=status, **changes)  # type: ignore[arg-type]
    return attempt(sight=Sight(at=AT, batch=batch))


ALL = [
    entry("a[lang=en]", seen("completed", counts=Counts(total=50_000, completed=49_990, failed=10), ended_at=AT,
                             files=(ResultFile(kind="output", file_id="f"),))),
    entry("all-failed", seen("completed", counts=Counts(total=7, failed=7), ended_at=AT)),
    entry("cancelled", seen("cancelled", ended_at=AT)),
    entry("doubt", attempt("in-doubt", problem=Problem(code="timeout", words="no reply"))),
    entry("failed", seen("failed", problems=tuple(RemoteProblem(code="invalid_json_line", message="not JSON", line=n)
                                                  for n in range(1, 9)))),
    entry("finalizing", seen("finalizing", counts=Counts(total=4, completed=4), expires_at=EXPIRES)),
    entry("gone", attempt(sight=Sight(at=AT, misses=6, is_gone=True))),
    entry("missing", attempt(sight=Sight(at=AT, misses=2))),
    entry("never", attempt()),
    entry("odd", seen("unknown", expires_at=EXPIRES)),
    entry("overdue", seen("in_progress", expires_at="2026-11-20T00:00:00+00:00")),
    entry("rejected", attempt("rejected", problem=Problem(code="invalid-request", status=400, words="bad model"))),
    entry("unsent", attempt("intended")),
]  # fmt: skip


def standings() -> list[Standing]:
    return [standing_of(each, NOW, Polling()) for each in ALL]


def test_every_kind_has_its_verdict_and_its_next_command() -> None:
    found = {each.address.removeprefix("nightly/"): (each.verdict, each.word, each.next) for each in standings()}

    assert found == {
        "a[lang=en]": ("done", "completed", "fetch"),
        "all-failed": ("failed", "completed", "retry"),
        "cancelled": ("failed", "cancelled", "retry"),
        "doubt": ("held", "in-doubt", "resolve"),
        "failed": ("failed", "failed", "retry"),
        "finalizing": ("open", "finalizing", ""),
        "gone": ("failed", "gone", "retry"),
        "missing": ("open", "submitted", ""),
        "never": ("open", "submitted", ""),
        "odd": ("open", "unknown", ""),
        "overdue": ("failed", "in_progress", "cancel"),
        "rejected": ("refused", "rejected", ""),
        "unsent": ("owed", "not sent", ""),
    }


def test_it_reads_as_reviewed() -> None:
    check_golden(GOLDEN, standings_text(standings(), typed) + "\n")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_only_commands_and_long_names_are_wider_than_the_terminal(width: int) -> None:
    lines = standings_text(standings(), typed, PLAIN, width).split("\n")

    wide = [line for line in lines if width_of(line) > width]
    # Rows that are wider than a narrow terminal are wrapped by it: cut, they would say less.
    assert all(line.startswith("    batchrunner ") for line in wide if width >= 80)


def test_colour_adds_nothing_but_colour() -> None:
    coloured = standings_text(standings(), typed, COLOUR)

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == standings_text(standings(), typed, PLAIN)


def test_the_document_has_all_of_it() -> None:
    document = standings_document(standings(), typed)

    assert document["counts"]["completed"] == 2
    failed = next(each for each in document["batches"] if each["address"] == "nightly/failed")
    assert failed["next"] == "batchrunner retry nightly/failed --sandbox"
    assert len(failed["problems"]) == 8
    assert failed["counts"] is None


@given(st.lists(st.sampled_from(ALL), max_size=20), st.integers(20, 200))
def test_nothing_that_is_known_breaks_it(found: list[Entry], width: int) -> None:
    text = standings_text([standing_of(each, NOW, Polling()) for each in found], typed, PLAIN, width)

    assert text
    assert "None" not in text


# Which attempts count.


def test_the_newest_attempt_of_the_newest_run_counts_and_what_is_open() -> None:
    old = [entry("a", seen("failed"), "day:1"), entry("b", attempt(), "day:1")]
    older = [Entry(address=each.address, run_key=each.run_key, attempt=each.attempt) for each in old]
    new = [entry("a", attempt(number=1, intent=attempt().intent), "day:2")]

    assert current([*older, *new]) == [older[1], *new]
    assert current([*older, *new], every_run=True) == [*older, *new]


def test_a_later_attempt_decides() -> None:
    first, second = seen("failed"), attempt(number=2, batch_id="batch-2")
    both = [standing_of(entry("a", each), NOW, Polling()) for each in (first, second)]

    assert [each.attempt for each in deciding(both)] == [2]


# When it was looked.


def looked_at(minutes: int, name: str = "tickets[lang=en]") -> Entry:
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    counts = Counts(total=50_000, completed=12_000, failed=1_234)
    batch = RemoteBatch(batch_id="batch-1", status="in_progress", said="in_progress", counts=counts, expires_at=EXPIRES)
    return entry(name, attempt(sight=Sight(at=at, batch=batch)))


def shown(*entries: Entry, width: int = 80) -> str:
    return standings_text([standing_of(each, NOW, Polling()) for each in entries], typed, PLAIN, width)


def test_when_it_was_looked_is_said_below_rather_than_breaking_every_row() -> None:
    text = shown(looked_at(3), looked_at(130, "tickets[lang=fr]"), entry("never", attempt()))

    heading, *lines = text.split("\n")
    assert heading.split() == ["ADDRESS", "STATUS", "REQUESTS", "TIME"]
    assert lines[0] == "~  nightly/tickets[lang=en]  in_progress  12,000/50,000, 1,234 failed  5 h left"
    assert lines[-1] == "Last looked: 3 min to 2 h ago, 1 never."


def test_when_it_was_looked_has_a_column_where_there_is_room() -> None:
    text = shown(looked_at(3), width=120)

    assert "SEEN" in text
    assert "Last looked" not in text


def test_a_batch_that_has_ended_was_seen_and_that_is_all() -> None:
    text = shown(entry("done", seen("completed", ended_at=AT)))

    assert "SEEN" not in text
    assert "Last looked" not in text


def test_what_puts_batches_off_is_told_once_for_all_of_a_provider() -> None:
    """A refused key is refused for each of them, in words that differ by the id of the request."""
    put_off = [entry(f"b{number}", attempt("deferred", problem=Problem(code="unauthorized", status=401,
               words=f"wrong key (request {number})"))) for number in range(30)]  # fmt: skip
    text = standings_text([standing_of(each, NOW, Polling()) for each in put_off], typed)
    assert text.count("wrong key") == 1
    assert ". nightly/b0 and 29 more of p  deferred" in text
    assert "more like that" not in text
