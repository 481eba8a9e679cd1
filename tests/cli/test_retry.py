"""Asking again for rows without an answer: which, at what price, and only once."""

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.cli import KEY, Desk, request_lines

from batchrunner.sandbox import SandboxSettings, Timings, running

AT_ONCE = Timings(0.0, 0.0, 0.0, 0.0)
FLAKY, BAD, LOST = "b-sandbox-flaky-2", "c-sandbox-fail-400", "d-sandbox-drop"
SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: data/rows.jsonl}
"""


@contextmanager
def provided(desk: Desk, timings: Timings = AT_ONCE, **settings: Any) -> Iterator[Desk]:
    """`desk` with a provider in reach."""
    database = desk.folder.with_name("provider.sqlite3")
    port = int(desk.env.get("ALPHAEDGE_BASE_URL", ":0").rpartition(":")[2])
    with running(SandboxSettings(database, key=KEY, timings=timings, port=port, **settings)) as provider:
        desk.database = database
        desk.env |= {"ALPHAEDGE_BASE_URL": provider.base_url, "ALPHAEDGE_API_KEY": KEY}
        yield desk


def applied(desk: Desk, *custom_ids: str) -> Desk:
    """`desk` with a batch of these rows submitted."""
    desk.write("s.yaml", SPEC)
    desk.write("data/rows.jsonl", request_lines(*custom_ids))
    assert desk.run("apply", "s.yaml").code == 0
    return desk


@pytest.fixture
def mixed(desk: Desk) -> Iterator[Desk]:
    """A batch that has ended, with rows of every kind."""
    with provided(desk) as shop:
        yield applied(shop, "a", FLAKY, BAD, LOST)


def asked_last(desk: Desk) -> list[str]:
    """The ids in the input of the last batch."""
    folder = desk.folder / ".batchrunner" / "retries"
    newest = max(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    assert stat.S_IMODE(newest.stat().st_mode) == 0o600
    sent = newest.read_bytes()
    assert all(line in (desk.folder / "data/rows.jsonl").read_bytes() for line in sent.splitlines(keepends=True))
    return [json.loads(line)["custom_id"] for line in sent.splitlines()]


def attempts(desk: Desk) -> list[dict[str, Any]]:
    (found,) = desk.state()["batches"]["s/rows"].values()
    return list(found)


def rows(desk: Desk) -> dict[str, int]:
    assert desk.run("fetch", "s/rows").code in {0, 5}
    (summary,) = desk.folder.glob("results/s/*/rows/summary.json")
    counted = json.loads(summary.read_text())["rows"]
    return {name: counted[name] for name in ("ok", "error", "expired", "missing")}


def batches(desk: Desk) -> int:
    return len(desk.ledger.batches())


def test_asks_for_what_may_be_answered_now(mixed: Desk) -> None:
    ran = mixed.run("retry", "s/rows")
    assert ran.code == 0, ran
    assert "1 row failed for good" in ran.err
    assert asked_last(mixed) == [FLAKY, LOST]
    first, second = attempts(mixed)
    assert second["intent"]["retry_of"] == first["number"] == 1
    assert second["intent"]["idempotency_key"] != first["intent"]["idempotency_key"]
    assert mixed.ledger.files()[-1]["filename"].startswith(second["intent"]["idempotency_key"])
    assert rows(mixed) == {"ok": 2, "error": 1, "expired": 0, "missing": 1}


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        (["--only-errors"], [FLAKY]),
        (["--only-missing"], [LOST]),
        (["--force"], [FLAKY, BAD, LOST]),
        (["--force", "--only-errors"], [FLAKY, BAD]),
    ],
)
def test_asks_for_what_is_wanted(mixed: Desk, flags: list[str], asked: list[str]) -> None:
    assert mixed.run("retry", "s.yaml", *flags).code == 0
    assert asked_last(mixed) == asked


def test_nothing_is_asked_where_nothing_is_wanted(mixed: Desk) -> None:
    ran = mixed.run("retry", "s/rows", "--only-expired")
    assert (ran.code, batches(mixed)) == (0, 1)
    assert "Nothing was asked again." in ran.out


def test_all_rows_end_as_one_answer(desk: Desk) -> None:
    with provided(desk) as shop:
        applied(shop, "a", FLAKY, "e-sandbox-flaky-3")
        assert shop.run("retry", "s/rows").code == 0
        assert asked_last(shop) == [FLAKY, "e-sandbox-flaky-3"]
        assert shop.run("retry", "s/rows").code == 0
        assert asked_last(shop) == ["e-sandbox-flaky-3"]
        done = shop.run("retry", "s/rows")
        assert (done.code, done.out) == (0, "s/rows: every request has its answer; nothing to retry.\n")
        assert shop.run("retry", "s/rows", "--json").document["ok"] == ["s/rows"]
        assert rows(shop) == {"ok": 3, "error": 0, "expired": 0, "missing": 0}
        (results,) = shop.folder.glob("results/s/*/rows/results.jsonl")
        ids = [json.loads(line)["custom_id"] for line in results.read_text().splitlines()]
        assert ids == ["a", FLAKY, "e-sandbox-flaky-3"]
        assert [each["intent"].get("retry_of", 0) for each in attempts(shop)] == [0, 1, 1]
        apply = shop.run("apply", "s.yaml")
        assert (apply.code, batches(shop)) == (0, 3)


def test_waits_for_what_runs(desk: Desk) -> None:
    with provided(desk, Timings(0.0, 3600.0, 0.0, 0.0)) as shop:
        applied(shop, "a", FLAKY)
        ran = shop.run("retry", "s/rows")
        assert (ran.code, batches(shop)) == (75, 1)
        assert "still-running" in ran.err
        assert "batchrunner wait s/rows" in ran.err
        document = shop.run("retry", "s/rows", "--json").document
        assert [each["code"] for each in document["untouched"]] == ["still-running"]


def test_what_was_cancelled_is_asked_for_the_rest(desk: Desk) -> None:
    with provided(desk, Timings(0.0, 3600.0, 0.0, 0.0)) as shop:
        applied(shop, "a", "b", "c")
        assert shop.run("cancel", "s/rows", "--yes").code == 0
        assert shop.run("retry", "s/rows").code == 0
        assert asked_last(shop) == ["a", "b", "c"]


def test_a_batch_that_failed_for_its_input_is_not_asked_again(desk: Desk) -> None:
    with provided(desk) as shop:
        shop.write("s.yaml", SPEC)
        shop.write("data/rows.jsonl", request_lines("a", endpoint="/v1/responses"))
        spec = SPEC.replace("input: data/rows.jsonl", "input_file_id: file-unknown")
        shop.write("s.yaml", spec)
        assert shop.run("apply", "s.yaml").code == 0
        ran = shop.run("retry", "s/rows", "--json")
        assert batches(shop) == 1, ran


def test_a_full_queue_is_asked_later_from_the_input_as_it_was(desk: Desk) -> None:
    with provided(desk, max_enqueued_tokens=0) as shop:
        applied(shop, "a", "b")
        assert shop.run("retry", "s/rows").code == 0
        first, second = attempts(shop)
        assert first["sight"]["batch"]["problems"][0]["code"] == "token_limit_exceeded"
        assert second["intent"]["source"] == first["intent"]["source"]
    with provided(desk) as shop:
        assert shop.run("retry", "s/rows").code == 0
        assert batches(shop) == 3
        assert rows(shop) == {"ok": 2, "error": 0, "expired": 0, "missing": 0}


def test_keeps_to_the_policy(mixed: Desk) -> None:
    mixed.write("batchrunner.yaml", "policy: {max_cost_usd: 0.000001}\n")
    ran = mixed.run("retry", "s/rows")
    assert (ran.code, batches(mixed)) == (1, 1)
    assert "policy-refused" in ran.err


def test_a_refused_key_stops_before_anything_is_sent(mixed: Desk) -> None:
    ran = mixed.run("retry", "s/rows", env={"ALPHAEDGE_API_KEY": ""})
    assert (ran.code, batches(mixed)) == (1, 1)


@pytest.mark.parametrize(("words", "code"), [([], "nothing-named"), (["s/none"], "no-such-address")])
def test_what_makes_no_sense(mixed: Desk, words: list[str], code: str) -> None:
    assert mixed.run("retry", *words, "--json").error["code"] == code


def test_what_cannot_be_written_is_said(mixed: Desk) -> None:
    mixed.write(".batchrunner/retries", "a file")
    ran = mixed.run("retry", "s/rows")
    assert (ran.code, batches(mixed)) == (1, 1)
    assert "retry-not-written" in ran.err


def test_only_the_newest_run_unless_another_is_named(mixed: Desk) -> None:
    assert mixed.run("apply", "s.yaml", "--run-key", "again").code == 0
    assert mixed.run("retry", "s/rows").code == 0
    runs = mixed.state()["batches"]["s/rows"]
    assert {name: len(found) for name, found in runs.items() if len(found) > 1} == {"manual:again": 2}


def test_says_what_it_did_in_a_document(mixed: Desk) -> None:
    told = mixed.run("retry", "s/rows", "--json").document
    assert (told["command"], told["submitted"]) == ("retry", 1)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_waits_where_that_is_asked_for(desk: Desk, flags: tuple[str, ...]) -> None:
    with provided(desk) as shop:
        applied(shop, "a", FLAKY)
        ran = shop.run("retry", "s/rows", "--wait", *flags)
        assert ran.code == 0, ran
        assert [each["sight"]["batch"]["status"] for each in attempts(shop)] == ["completed", "completed"]
        if flags:
            assert (ran.document["command"], ran.document["submitted"]) == ("retry", 1)
            assert "wait" in ran.document
        assert rows(shop) == {"ok": 2, "error": 0, "expired": 0, "missing": 0}
