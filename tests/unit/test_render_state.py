"""State as a table and attempt by attempt."""

import json

from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.records import Raw
from batchrunner.render.json import dumps
from batchrunner.render.layout import width_of
from batchrunner.render.state import list_document, list_text, show_document, show_text
from batchrunner.render.style import COLOUR
from batchrunner.state import Attempt, Entry, Intent, Problem, Status

AT = "2026-11-22T02:31:07.000+00:00"
LOCAL = LocalFile(path="data/a.jsonl", sha256="sha256:" + "ab" * 32, size=73_600_000, requests=41_200)


def entry(address: str = "nightly/a", status: Status = "submitted", **fields: object) -> Entry:
    intent = Intent(
        idempotency_key="br1-k",
        fingerprint="sha256:f",
        provider="alphaedge",
        origin="https://api.example",
        endpoint="/v1/embeddings",
        completion_window="24h",
        source=LOCAL,
        metadata={"team": "support"},
        plan_id="sha256:p",
        created_at="2026-11-22T02:30:00.000+00:00",
    )
    attempt = Attempt(number=1, status=status, intent=intent, updated_at=AT, **fields)  # type: ignore[arg-type]
    return Entry(address=address, run_key="day:2026-11-22", attempt=attempt)


def test_a_listing_is_aligned_and_greppable() -> None:
    listed = list_text([entry(batch_id="batch_71"), entry("nightly/long-name[lang=en]", "in-doubt")])
    assert listed == (
        "ADDRESS                     RUN             ATTEMPT  STATUS     BATCH     SUBMITTED\n"
        "nightly/a                   day:2026-11-22  1        submitted  batch_71  2026-11-22 02:31 UTC\n"
        "nightly/long-name[lang=en]  day:2026-11-22  1        in-doubt   -         -"
    )


def test_a_narrow_terminal_gets_two_lines_each() -> None:
    batch_id = "batch-0123456789abcdef01234567"
    entries = [entry(batch_id=batch_id), entry("nightly/long-name[lang=en]", "in-doubt")]
    lines = list_text(entries, width=80).split("\n")
    assert lines[0] == "ADDRESS                     BATCH"
    assert lines[2] == f"nightly/a                   {batch_id}"
    assert lines[3] == "    day:2026-11-22  1        submitted  2026-11-22 02:31 UTC"
    assert all(width_of(line) <= 80 for line in lines)


def test_colour_marks_what_is_open() -> None:
    lines = list_text([entry(), entry(status="in-doubt"), entry(status="rejected")], style=COLOUR).split("\n")
    assert not lines[1].startswith("\x1b")
    assert lines[2].startswith("\x1b[33m")
    assert lines[3].startswith("\x1b[31m")


def test_nothing_is_said_in_words() -> None:
    assert list_text([]) == "Nothing in state."
    assert show_text("a/b\x1b", []) == "No state knows a/b\\x1b."


def test_an_attempt_shows_all_that_is_known() -> None:
    known = entry(
        status="submitted",
        batch_id="batch_71",
        file_id="file-9a",
        request='{"input_file_id":"file-9a"}',
        adopted=True,
        upload_reply=Raw(b'{"id":"file-9a"}'),
        reply=Raw(b'{"id":"batch_71","unknown":[1]}'),
    )
    text = show_text("nightly/a", [known, entry(status="rejected", problem=Problem(code="c", status=400, words="no"))])
    for said in (
        "batch_71 (adopted)", "file-9a", "br1-k", "sha256:f", "sha256:p", "alphaedge at https://api.example",
        "/v1/embeddings, 24h", "data/a.jsonl, 41,200 requests, 73.6 MB, sha256:abab", "team=support",
        '      "unknown": [', '    "input_file_id": "file-9a"', '"no"', "c, HTTP 400", "2026-11-22 02:30 UTC",
    ):  # fmt: skip
        assert said in text, said


def test_hostile_replies_and_names_are_harmless() -> None:
    hostile = entry("::error::x", batch_id="b\x1b[2J", reply=Raw('{"a":"\u202e\x9b"}'.encode()), request="::error::y")
    for text in (list_text([hostile]), show_text("::error::x", [hostile])):
        assert all(character == "\n" or character.isprintable() for character in text)
        assert not [line for line in text.split("\n") if line.lstrip().startswith("::")]


def test_documents() -> None:
    uploaded = Entry(address="n/b", run_key="r", attempt=entry(status="uploaded", reply=Raw(b'{"n":1e400}')).attempt)
    listed = json.loads(dumps(list_document([entry(batch_id="batch_71")])))
    assert listed["command"] == "state list"
    assert listed["attempts"][0] == {
        "address": "nightly/a",
        "run_key": "day:2026-11-22",
        "attempt": 1,
        "status": "submitted",
        "batch_id": "batch_71",
        "remote_status": "",
        "updated_at": AT,
    }
    shown = json.loads(dumps(show_document("n/b", [uploaded])))
    assert shown["address"] == "n/b"
    assert shown["attempts"][0]["intent"]["source"] == {
        "kind": "local-file", "path": "data/a.jsonl", "sha256": LOCAL.sha256, "size": 73_600_000, "requests": 41_200,
    }  # fmt: skip
    assert shown["attempts"][0]["reply"] == {"n": "1e400"}
    assert shown["attempts"][0]["upload_reply"] is None


def test_a_file_at_the_provider_is_its_id() -> None:
    given = entry()
    attempt = Attempt(
        number=1,
        status="submitted",
        updated_at=AT,
        intent=Intent(**{
            **{name: getattr(given.attempt.intent, name) for name in given.attempt.intent.__struct_fields__},
            "source": ProviderFile(file_id="file-abc123"),
        }),
    )  # fmt: skip
    assert "file-abc123" in show_text("n/a", [Entry(address="n/a", run_key="r", attempt=attempt)])
