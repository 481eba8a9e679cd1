"""Conformance, what follows: L1 to L14 for every dialect, over sockets, with a provider that takes its time or lies."""

import time
from pathlib import Path

import pytest
from support.conformance import bench, case, desk_at
from support.scripted_server import reply

from batchrunner.jobs import Accepted, InDoubt, NotFound, Outcome, Seen, Survey, Surveyed
from batchrunner.providers import OpenProvider
from batchrunner.records import replace
from batchrunner.remote import TERMINAL
from batchrunner.sandbox import Timings
from batchrunner.testing.submitting import Submitter

SLOW = Timings(validating=1, in_progress=200_000, finalizing=1, cancelling=1)
PATIENT = Timings(validating=10, in_progress=100, finalizing=10, cancelling=5)
ORDER = ["validating", "in_progress", "finalizing", "completed"]


class Later:
    """The machine's clock, so many seconds on."""

    def __init__(self, by: float = 0.0) -> None:
        self.by = by

    def __call__(self) -> float:
        return time.time() + self.by


@case("L1")
def test_from_validating_to_completed(dialect: str, tmp_path: Path) -> None:
    clock = Later()
    with bench(dialect, tmp_path, timings=PATIENT, clock=clock) as at:
        _, batch_id = at.created()
        seen = []
        for clock.by in (0, 15, 50, 114, 130):
            outcome = at.look(batch_id)
            assert isinstance(outcome, Seen)
            seen.append(outcome.batch)
        statuses = [batch.status for batch in seen]
        assert statuses == sorted(statuses, key=ORDER.index)
        assert statuses[-1] == "completed"
        assert "in_progress" in statuses
        assert all(batch.created_at and batch.said for batch in seen)
        assert seen[-1].files
        assert all(batch.counts is None or batch.counts.total in (0, 3) for batch in seen)


@case("L2")
def test_failed_with_the_lines_that_are_wrong(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path) as at:
        good = at.submitter.input_of(("one",))
        bad = at.submitter.input_with(at.submitter.contents[good.path] + b"{\n", 2)

        async def scenario(provider: OpenProvider, submitter: Submitter) -> str:
            return await submitter.created(provider, (await submitter.prepared(provider, source=bad)).job)

        batch = at.to_the_end(at.run(scenario))
        assert batch.status == "failed"
        assert batch.problems
        assert all(problem.message for problem in batch.problems)
        assert {problem.line for problem in batch.problems} <= {0, 2}


@case("L2", is_slow=True)
def test_a_failed_batch_is_told_of_at_once(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, max_enqueued_tokens=0) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        waited = desk.run("wait", "--json")
        assert waited.code == 5, waited
        (batch,) = waited.document["batches"]
        assert batch["word"] != "completed"
        assert batch["problems"]


@case("L3", is_slow=True)
def test_too_much_enqueued_is_for_later(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, max_enqueued_tokens=0) as (desk, ledger):
        assert desk.run("apply", "s.yaml").code == 0
        assert desk.run("wait").code == 5
        (batch,) = desk.run("status", "--json").document["batches"]
        assert "retry" in batch["next"], batch
        assert desk.run("apply", "s.yaml").code == 0
        assert len(ledger.batches()) == 1


@case("L4", is_slow=True)
def test_expired_with_results_of_a_part(dialect: str, tmp_path: Path) -> None:
    clock = Later()
    with desk_at(dialect, tmp_path, timings=SLOW, clock=clock, rows=10) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        clock.by = 86_400 + 60
        waited = desk.run("wait", "--json")
        assert waited.code == 5, waited
        rows = desk.run("fetch", "--json").document["rows"]
        assert rows["ok"] > 0
        assert rows["expired"] > 0
        assert rows["ok"] + rows["expired"] == rows["total"] == 10


@case("L5", is_slow=True)
def test_every_request_failed(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, habits=frozenset({"errors-only"})) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        waited = desk.run("wait", "--json")
        assert waited.code == 5, waited
        fetched = desk.run("fetch", "--json")
        assert fetched.code != 0
        assert (fetched.document["rows"]["ok"], fetched.document["rows"]["error"]) == (0, 3)


@case("L6", is_slow=True)
def test_completed_before_the_results_can_be_named(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, habits=frozenset({"late-output:3"})) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        assert desk.run("wait").code == 0
        assert desk.run("fetch", "--json").document["rows"]["ok"] == 3


@case("L7", is_slow=True)
def test_a_batch_that_runs_is_stopped(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, timings=Timings(0.01, 1000, 0.01, 0.01)) as (desk, ledger):
        assert desk.run("apply", "s.yaml").code == 0
        stopped = desk.run("cancel", "s/b0", "--yes", "--json")
        assert stopped.code == 0, stopped
        assert desk.run("wait").code == 5
        (batch,) = desk.run("status", "--json").document["batches"]
        assert batch["word"] == "cancelled"
        again = desk.run("apply", "s.yaml", "--json")
        assert (again.code, again.document["submitted"], len(ledger.batches())) == (0, 0, 1)


@case("L8")
@pytest.mark.parametrize("answer", [409, 200])
def test_stopping_what_is_completed(dialect: str, tmp_path: Path, answer: int) -> None:
    with bench(dialect, tmp_path, terminal_cancel=answer) as at:
        _, batch_id = at.created()
        done = at.to_the_end(batch_id)
        outcome = at.cancel(batch_id)
        assert isinstance(outcome, Seen)
        assert outcome.batch.status == done.status == "completed"


@case("L9")
def test_stopping_what_was_stopped(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, timings=Timings(0.01, 1000, 0.01, 0.05)) as at:
        _, batch_id = at.created()
        assert isinstance(at.cancel(batch_id), Seen)
        assert isinstance(at.cancel(batch_id), Seen)
        assert at.to_the_end(batch_id).status in TERMINAL
        assert isinstance(at.cancel(batch_id), Seen)


@case("L10", is_slow=True)
def test_long_after_it_should_have_expired(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, habits=frozenset({"stuck"}), clock=Later(-200 * 3600)) as (desk, ledger):
        assert desk.run("apply", "s.yaml").code == 0
        waited = desk.run("wait", "--json")
        assert waited.code == 5, waited
        (batch,) = waited.document["batches"]
        assert (batch["word"], batch["verdict"]) == ("in_progress", "failed"), batch
        assert desk.run("apply", "s.yaml").code == 0
        assert len(ledger.batches()) == 1


@case("L11", is_slow=True)
def test_not_found_any_more(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, habits=frozenset({"vanishing:0.01"})) as (desk, ledger):
        assert desk.run("apply", "s.yaml").code == 0
        waited = desk.run("wait", "--json")
        assert waited.code == 5, waited
        (batch,) = waited.document["batches"]
        assert (batch["word"], batch["verdict"]) == ("gone", "failed"), batch
        again = desk.run("apply", "s.yaml", "--json")
        assert (again.code, again.document["submitted"], len(ledger.batches())) == (0, 0, 1)


@case("L11", is_slow=True)
def test_not_found_yet_is_not_gone(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, habits=frozenset({"404-young"})) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        assert desk.run("wait").code == 0


@case("L12", is_slow=True)
def test_foreign_habits(dialect: str, tmp_path: Path) -> None:
    habits = frozenset({"capitals", "iso-times", "null-counts", "uuid-ids", "scheduling", "window-1d"})
    with desk_at(dialect, tmp_path, habits=habits) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        waited = desk.run("wait", "--json")
        assert waited.code == 0, waited
        (batch,) = waited.document["batches"]
        assert (batch["word"], batch["age"] is None) == ("completed", False)
        assert desk.run("fetch", "--json").document["rows"]["ok"] == 3


async def many(provider: OpenProvider, submitter: Submitter) -> list[str]:
    """So many batches of one input that the list has three pages."""
    first = (await submitter.prepared(provider, 1)).job
    made = []
    for number in range(205):
        key = f"{first.idempotency_key}-{number}"
        request = first.request.replace(first.idempotency_key, key)
        made.append(await submitter.created(provider, replace(first, request=request, idempotency_key=key)))
    return made


async def survey(provider: OpenProvider, submitter: Submitter) -> Outcome:
    return await provider.follow(Survey(provider="under-test"))


@case("L13")
def test_a_list_of_three_pages(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path) as at:
        made = at.run(many)
        found = at.run(survey)
        assert isinstance(found, Surveyed)
        assert found.is_complete
        assert sorted(batch.batch_id for batch in found.batches) == sorted(made)


GONE = reply(404, b'{"error":{"message":"no such cursor"}}')


@case("L13", together="its list has no pages")
def test_a_page_that_is_gone(dialect: str, tmp_path: Path) -> None:
    """Nothing that was gone for a moment is missing, and what stays away is not said to be all."""
    with bench(dialect, tmp_path, pages=[None, GONE, None, None, None, *[None, GONE] * 20]) as at:
        made = at.run(many)
        found = at.run(survey)
        assert isinstance(found, Surveyed)
        assert found.is_complete
        assert {batch.batch_id for batch in found.batches} == set(made)


@case("L13", together="its list has no pages")
def test_a_page_that_stays_away(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, pages=[None, GONE] * 20) as at:
        at.run(many)
        found = at.run(survey)
        assert not (isinstance(found, Surveyed) and found.is_complete)


@case("L14")
def test_no_match_is_sent_again(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, "create:drop-before=first") as at:
        assert isinstance(at.create(), Accepted)
        assert (len(at.made), at.creates) == (1, 2)


@case("L14")
def test_one_match_is_it(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, "create:drop-after-commit=first") as at:
        outcome = at.create()
        assert isinstance(outcome, Accepted)
        assert [batch["id"] for batch in at.made] == [outcome.batch_id]
        assert at.creates == 1


@case("L14")
def test_two_matches_are_an_alarm(dialect: str, tmp_path: Path) -> None:
    habits = frozenset({"duplicate-create"})
    with bench(dialect, tmp_path, "create:drop-after-commit=first", habits=habits) as at:
        outcome = at.create()
        assert isinstance(outcome, InDoubt)
        assert sorted(outcome.candidates) == sorted(batch["id"] for batch in at.made)
        assert len(at.made) == 2


@case("L14")
def test_a_list_that_is_late_makes_no_second_batch(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, "create:drop-after-commit=first", habits=frozenset({"slow-list:0.1"})) as at:
        assert isinstance(at.create(), Accepted)
        assert (len(at.made), at.creates) == (1, 1)


def test_a_look_at_nothing_is_no_failure(tmp_path: Path) -> None:
    with bench("openai", tmp_path) as at:
        assert isinstance(at.look("batch_000000000000000000000000"), NotFound)
