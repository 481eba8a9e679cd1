"""Conformance, creating: C1 to C21 for every dialect, over sockets, with a provider that lies."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from support.conformance import Bench, bench, case, changed, desk_at, with_status
from support.killing import Killer
from support.scripted_server import Answer, hang_up, reply, reset, serving

from batchrunner.catalog import built_in
from batchrunner.events import Retrying
from batchrunner.facts import Timeouts
from batchrunner.jobs import Accepted, Deferred, Denied, InDoubt, Outcome, Rejected, Seen
from batchrunner.providers import OpenProvider
from batchrunner.records import replace
from batchrunner.sandbox import Timings
from batchrunner.testing.submitting import Submitter

WORDS = b'{"error":{"message":"this will not do"}}'
STATUS_FIELD = {"anthropic": "processing_status"}


@case("C1")
def test_a_good_create_is_taken(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path) as at:
        outcome = at.create()
        assert isinstance(outcome, Accepted)
        assert [batch["id"] for batch in at.made] == [outcome.batch_id]
        assert at.creates == 1


@case("C2")
@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_success_is_one(dialect: str, tmp_path: Path, status: int) -> None:
    with bench(dialect, tmp_path, change=with_status(status)) as at:
        outcome = at.create()
        assert isinstance(outcome, Accepted)
        assert [batch["id"] for batch in at.made] == [outcome.batch_id]


@case("C3")
def test_the_same_create_is_the_same_batch(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path) as at:
        submission, batch_id = at.created()
        again = at.again(submission.job)
        assert isinstance(again, Accepted)
        assert (again.batch_id, len(at.made)) == (batch_id, 1)


@case("C4")
def test_another_create_under_a_used_key_is_refused(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path) as at:
        submission, _ = at.created()
        other = replace(submission.job, request=submission.job.request.replace("24h", "48h"))
        before = at.creates
        assert not isinstance(at.again(other), Accepted | Deferred)
        assert len(at.made) == 1
        assert at.creates - before <= at.facts.retry.attempts


@case("C5")
def test_creates_at_once_are_one_batch(dialect: str, tmp_path: Path) -> None:
    async def scenario(provider: OpenProvider, submitter: Submitter) -> list[Outcome]:
        job = (await submitter.prepared(provider)).job
        return await asyncio.gather(*(provider.create(job) for _ in range(8)))

    with bench(dialect, tmp_path, "slow=1:0.02") as at:
        outcomes = at.run(scenario)
        assert {type(outcome) for outcome in outcomes} == {Accepted}
        assert len(at.made) == 1


@case("C6")
@pytest.mark.parametrize("fault", ["drop-after-commit", "500-after-commit", "junk"])
def test_ignored_keys_make_no_second_batch(dialect: str, tmp_path: Path, fault: str) -> None:
    with bench(dialect, tmp_path, f"create:{fault}=first", honour_keys=False) as at:
        at.assert_settled(at.create())
        assert len(at.made) == 1
        assert at.creates == 1


def waits(at: Bench) -> list[float]:
    return [event.wait for event in at.around.events if isinstance(event, Retrying)]


@case("C7")
@pytest.mark.parametrize("said", ["seconds", "date", "milliseconds"])
def test_retry_after_is_kept_to(dialect: str, tmp_path: Path, said: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    headers = {
        "seconds": {"Retry-After": "1"},
        "date": {"Retry-After": date},
        "milliseconds": {"Retry-After-Ms": "1500"},
    }
    least = {"seconds": 1.0, "date": 25.0, "milliseconds": 1.5}[said]
    with bench(dialect, tmp_path, answers=[reply(429, WORDS, headers[said])]) as at:
        at.around.on_event = lambda event: setattr(at.around, "is_stopping", isinstance(event, Retrying))
        assert isinstance(at.create(), Deferred)
        assert least <= waits(at)[0] <= least + 10
        assert at.made == []


@case("C7")
def test_retry_after_nothing_is_at_once(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, answers=[reply(429, WORDS, {"Retry-After": "0"})]) as at:
        assert isinstance(at.create(), Accepted)
        assert len(at.made) == 1


@case("C7")
def test_retry_after_an_hour_is_for_later(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, answers=[reply(429, WORDS, {"Retry-After": "3600"})]) as at:
        outcome = at.create()
        assert isinstance(outcome, Deferred)
        assert outcome.retry_after > 3000
        assert at.made == []


@case("C8")
def test_broken_then_taken(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, answers=[reply(500), reply(503, b"<html>busy</html>")]) as at:
        at.assert_settled(at.create())


@case("C9")
def test_an_error_although_the_batch_was_made(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, "create:500-after-commit=first") as at:
        at.assert_settled(at.create())
        assert len(at.made) == 1


@case("C10")
@pytest.mark.parametrize("fault", ["drop-before", "drop-after-commit", "truncated", "late-commit"])
def test_a_connection_that_ends(dialect: str, tmp_path: Path, fault: str) -> None:
    late = ":0.05" if fault == "late-commit" else ""
    with bench(dialect, tmp_path, f"create:{fault}=first:1{late}") as at:
        at.assert_settled(at.create())


@case("C10")
@pytest.mark.parametrize("answer", [hang_up(), reset()], ids=["closed", "reset"])
def test_a_connection_that_ends_without_a_word(dialect: str, tmp_path: Path, answer: Answer) -> None:
    with bench(dialect, tmp_path, answers=[answer]) as at:
        at.assert_settled(at.create())


@case("C11")
def test_no_reply_in_time(dialect: str, tmp_path: Path) -> None:
    short = Timeouts(connect_seconds=5, create_seconds=0.4, upload_seconds=5, look_seconds=5)
    with bench(dialect, tmp_path, "create:stall=first:1:3", facts={"timeouts": short}) as at:
        at.assert_settled(at.create())
        assert len(at.made) == 1


@case("C12")
@pytest.mark.parametrize("fault", ["junk", "html", "no-id", "hostile-id"])
def test_a_success_that_proves_nothing(dialect: str, tmp_path: Path, fault: str) -> None:
    with bench(dialect, tmp_path, f"create:{fault}=first") as at:
        at.assert_settled(at.create())
        assert len(at.made) == 1


@case("C12")
def test_an_empty_success(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, answers=[reply(200)]) as at:
        at.assert_settled(at.create())


@case("C13")
@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_is_shown_and_final(dialect: str, tmp_path: Path, status: int) -> None:
    with bench(dialect, tmp_path, answers=[reply(status, WORDS)]) as at:
        outcome = at.create()
        assert isinstance(outcome, Rejected)
        assert (outcome.status, outcome.words) == (status, "this will not do")
        assert at.creates == 0


@case("C14")
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_nothing_in_doubt(dialect: str, tmp_path: Path, status: int) -> None:
    with bench(dialect, tmp_path, answers=[reply(status, WORDS)]) as at:
        outcome = at.create()
        assert isinstance(outcome, Denied)
        assert (outcome.status, outcome.in_doubt) == (status, False)
        assert at.creates == 0


@case("C14", is_slow=True)
def test_a_refused_key_stops_the_run(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, batches=3) as (desk, ledger):
        desk.env = dict.fromkeys(desk.env, "sk-of-somebody-else")
        refused = desk.run("apply", "s.yaml", "--concurrency", "1", "--json")
        assert refused.code == 1, refused
        assert ledger.batches() == []
        assert ledger.requests()["unauthorized"] == 1


@case("C15")
def test_a_create_that_is_not_there(dialect: str, tmp_path: Path) -> None:
    nowhere = replace(built_in()[dialect].paths, create_batch="/v1/nowhere")
    with bench(dialect, tmp_path, facts={"paths": nowhere}) as at:
        outcome = at.create()
        assert isinstance(outcome, Rejected)
        assert outcome.status == 404
        assert at.made == []


@case("C16")
def test_too_large(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, answers=[reply(413, WORDS)]) as at:
        outcome = at.create()
        assert isinstance(outcome, Rejected)
        assert (outcome.status, at.creates) == (413, 0)


@case("C17")
def test_a_refusal_that_wants_to_be_asked_again(dialect: str, tmp_path: Path) -> None:
    """Nothing was done, so that asking again is safe."""
    with bench(dialect, tmp_path, answers=[reply(400, WORDS, {"x-should-retry": "true"})]) as at:
        assert isinstance(at.create(), Accepted)
        assert len(at.made) == 1


@case("C17")
def test_what_is_safe_does_not_depend_on_being_told(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, answers=[reply(503, WORDS, {"x-should-retry": "true"})]) as at:
        at.assert_settled(at.create())


@case("C17")
def test_who_does_not_want_to_be_asked_again_is_not(dialect: str, tmp_path: Path) -> None:
    """What was in doubt stays so, but for those whose list tells that there is nothing."""
    with bench(dialect, tmp_path, answers=[reply(503, WORDS, {"x-should-retry": "false"})]) as at:
        outcome = at.create()
        if at.mode == "list-match":
            at.assert_settled(outcome)
        else:
            assert isinstance(outcome, InDoubt)
            assert at.creates == 0


MOMENTS = {
    "intent": "after fdatasync s.state.journal.jsonl",
    "sent": "after send POST {create}",
    "committed": "before recv",
    "recorded": "before (ftruncate|replace|unlink)",
}


@case("C18", is_slow=True)
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_applied_again(dialect: str, tmp_path: Path, killer: Killer, moment: str) -> None:
    with desk_at(dialect, tmp_path) as (desk, ledger):
        label = MOMENTS[moment].format(create=built_in()[dialect].paths.create_batch)
        ended = killer.run(desk.folder, "apply", "s.yaml", environment=desk.env, label=label)
        assert ended.killed, ended
        again = desk.run("apply", "s.yaml")
        if again.code == 3 and built_in()[dialect].idempotency == "none":
            assert len(ledger.batches()) <= 1
            return
        assert again.code == 0, again
        assert len(ledger.batches()) == 1
        assert desk.run("apply", "s.yaml").code == 0
        assert len(ledger.batches()) == 1


@case("C19", is_slow=True)
def test_two_runners(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, "slow=1:0.1") as (desk, ledger):
        assert desk.run("plan", "s.yaml", "--out", "plan.json").code == 0
        with desk.started("apply", "plan.json") as one, desk.started("apply", "plan.json") as other:
            ends = [each.communicate() and each.returncode for each in (one, other)]
        assert ends == [0, 0]
        assert len(ledger.batches()) == 1


@case("C20")
def test_what_nobody_knows_is_kept(dialect: str, tmp_path: Path) -> None:
    status = STATUS_FIELD.get(dialect, "status")
    novel = {status: "scheduling", "fate": {"kind": ["new"]}, "fates": 12345678901234567890}
    with bench(dialect, tmp_path, change=changed(**novel)) as at:
        outcome = at.create()
        assert isinstance(outcome, Accepted)
        kept = json.loads(bytes(outcome.reply))
        within = kept.get("job", kept)
        assert {name: within[name] for name in novel} == novel


@case("C20", anthropic="what it says of a status is one of three words")
def test_a_status_that_nobody_knows_is_no_end(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path, habits=frozenset({"scheduling"}), timings=Timings(0.5, 0.01, 0.01, 0.01)) as at:
        _, batch_id = at.created()
        seen = at.look(batch_id)
        assert isinstance(seen, Seen)
        assert not seen.batch.is_terminal
        assert at.to_the_end(batch_id).status == "completed"


@case("C21")
def test_a_redirect_does_not_take_the_key_along(dialect: str, tmp_path: Path) -> None:
    async def scenario() -> int:
        async with serving(reply(200, b'{"id":"batch_1"}')) as attacker:
            fault = f"create:redirect=1:{attacker.origin}/x"
            with bench(dialect, tmp_path, fault) as at:
                outcome = await asyncio.to_thread(at.create)
                assert isinstance(outcome, InDoubt | Deferred), outcome
                assert at.made == []
            return attacker.connections

    assert asyncio.run(scenario()) == 0
