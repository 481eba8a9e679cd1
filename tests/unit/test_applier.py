"""What an apply does, in which order, and what is left when something goes wrong."""

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from support.builders import ENDPOINT, attempt, desired, intent, local, plan_of, state_of
from support.doubles import Bench, Memory, accepted, obliging, uploaded

from batchrunner.errors import StateError
from batchrunner.events import Failed, Finished, Started, Stopping
from batchrunner.jobs import Accepted, Create, Deferred, Denied, InDoubt, Job, Outcome, Rejected, Upload
from batchrunner.plans import Plan
from batchrunner.state import Attempt, Entry, Problem

A = "nightly/a"


def many(count: int) -> Plan:
    return plan_of([desired(f"nightly/b{number}") for number in range(count)])


def answering(**outcomes: Outcome) -> Callable[[Job], Any]:
    """Answers the creates of the batches named, and obliges the rest."""

    async def answer(job: Job) -> Outcome:
        name = job.address.rpartition("/")[2]
        return outcomes[name] if isinstance(job, Create) and name in outcomes else await obliging(job)

    return answer


def remembering(*attempts: Attempt, address: str = A, run_key: str = "day:2026-11-22") -> Memory:
    memory = Memory()
    for each in attempts:
        memory.append(Entry(address=address, run_key=run_key, attempt=each))
    return memory


def latest(bench: Bench, address: str = A) -> Attempt:
    found = bench.memory.load().latest(address, "day:2026-11-22")
    assert found is not None
    return found


# Order.


def test_a_providers_file_takes_one_create_between_two_commits() -> None:
    bench = Bench()
    report = bench.apply(plan_of([desired()]))
    assert bench.log == [
        "tell started",
        "commit intended nightly/a",
        "create nightly/a",
        "commit submitted nightly/a",
        "tell submitted nightly/a",
        "tell finished",
    ]
    assert (report.submitted, report.failed, report.left, report.state_error) == (1, [], 0, None)


def test_an_upload_is_durable_before_the_create_that_names_it() -> None:
    bench = Bench()
    bench.apply(plan_of([desired(source=local())]))
    assert bench.log[1:-1] == [
        "commit intended nightly/a",
        "upload nightly/a",
        "commit uploaded nightly/a",
        "tell uploaded nightly/a",
        "create nightly/a",
        "commit submitted nightly/a",
        "tell submitted nightly/a",
    ]


def test_the_stored_bytes_are_the_sent_bytes_and_are_stored_before() -> None:
    bench = Bench()
    plan = plan_of([desired(source=local(), metadata={"team": "x"})])
    bench.apply(plan)
    uploading, creating = bench.executor.jobs
    (change,) = plan.sendable
    intended, sent, done = (entry.attempt for entry in bench.memory.entries)
    assert isinstance(uploading, Upload)
    assert isinstance(creating, Create)
    assert (intended.request, intended.sent_at, intended.intent.plan_id) == ("", "", plan.plan_id)
    assert intended.intent.metadata == {"team": "x"}
    assert creating.request == sent.request == done.request
    assert creating.input_file_id == sent.file_id == "file-of-a"
    assert sent.sent_at
    assert not creating.sent_at, "nothing unaccounted for has left before"
    assert {job.idempotency_key for job in bench.executor.jobs} == {change.idempotency_key}
    assert (done.batch_id, bytes(done.reply)) == ("batch-of-a", b'{"id": "batch-of-a"}')
    assert bytes(done.upload_reply) == b'{"id": "file-of-a"}'


def test_jobs_are_picklable() -> None:
    bench = Bench()
    bench.apply(plan_of([desired(source=local())]))
    assert pickle.loads(pickle.dumps(bench.executor.jobs)) == bench.executor.jobs


# Applying again.


def test_the_same_plan_again_sends_and_writes_nothing() -> None:
    plan = plan_of([desired(source=local()), desired("nightly/b")])
    memory = Memory()
    Bench(memory=memory).apply(plan)
    serial, again = memory.serial, Bench(memory=memory)
    report = again.apply(plan)
    assert (report.already, report.submitted, report.failed, again.executor.jobs) == (2, 0, [], [])
    assert memory.serial == serial


def test_the_same_plan_again_does_not_send_what_was_refused() -> None:
    plan, memory = plan_of([desired()]), Memory()
    Bench(answering(a=Rejected(code="bad-request", status=400, words="no")), memory=memory).apply(plan)
    again = Bench(memory=memory)
    report = again.apply(plan)
    assert again.executor.jobs == []
    assert [(f.outcome, f.code, f.words) for f in report.failed] == [("rejected", "bad-request", "no")]


@pytest.mark.parametrize(
    ("stored", "jobs"),
    [
        (attempt("intended", desired(source=local()), intent=None), ["upload nightly/a", "create nightly/a"]),
        (attempt("deferred", desired(source=local())), ["upload nightly/a", "create nightly/a"]),
        (attempt("uploaded"), ["create nightly/a"]),
        (attempt("in-doubt"), ["create nightly/a"]),
    ],
)
def test_a_stored_intent_is_carried_on_from_where_it_was(stored: Attempt, jobs: list[str]) -> None:
    memory = remembering(stored)
    bench = Bench(memory=memory)
    report = bench.apply(plan_of([desired(source=stored.intent.source)], memory.load()))
    assert [line for line in bench.log if line.startswith(("upload", "create"))] == jobs
    assert report.submitted == 1
    assert latest(bench).intent == stored.intent


def test_a_resumption_replays_the_stored_bytes_and_says_when_they_first_left() -> None:
    stored = attempt("in-doubt", request='{"exactly": "this"}', sent_at="2026-11-22T01:00:00+00:00")
    memory = remembering(stored)
    bench = Bench(answering(a=InDoubt(code="no-answer")), memory=memory)
    bench.apply(plan_of([desired(endpoint="/v1/embeddings")], memory.load()))
    (job,) = bench.executor.jobs
    assert isinstance(job, Create)
    assert (job.request, job.sent_at) == ('{"exactly": "this"}', "2026-11-22T01:00:00+00:00")
    assert job.idempotency_key == stored.intent.idempotency_key
    assert latest(bench).sent_at == "2026-11-22T01:00:00+00:00", "the first send stays the first"


@pytest.mark.parametrize("status", ["intended", "deferred"])
def test_an_upload_says_since_when_an_earlier_one_may_have_begun(status: Any) -> None:
    wanted = desired(source=local())
    state = state_of(attempt(status, wanted))
    memory = remembering(attempt(status, wanted))
    resumed, fresh = Bench(memory=memory), Bench()
    resumed.apply(plan_of([wanted], state))
    fresh.apply(plan_of([wanted]))
    since = [job.since for bench in (resumed, fresh) for job in bench.executor.jobs if isinstance(job, Upload)]
    assert since == [attempt().intent.created_at, ""]


def test_what_was_put_off_is_recorded_as_sent_before_it_is_sent_again() -> None:
    memory = remembering(attempt("deferred", request="{}", file_id="file-1"))
    bench = Bench(memory=memory)
    bench.apply(plan_of([desired()], memory.load()))
    assert bench.log[1:4] == ["commit uploaded nightly/a", "create nightly/a", "commit submitted nightly/a"]
    (job,) = bench.executor.jobs
    assert isinstance(job, Create)
    assert not job.sent_at
    assert memory.entries[1].attempt.sent_at


def test_a_resumption_whose_intent_is_gone_sends_nothing() -> None:
    plan = plan_of([], state_of(attempt("uploaded")))
    bench = Bench()
    report = bench.apply(plan)
    assert bench.executor.jobs == []
    assert report.state_error is not None
    assert report.state_error.code == "intent-missing"


# What goes wrong at the provider.


def test_one_failure_does_not_stop_the_rest() -> None:
    plan = plan_of([desired(f"nightly/{name}") for name in "abcd"])
    bench = Bench(
        answering(
            a=Rejected(code="bad-request", status=400, words="no such file"),
            b=InDoubt(code="server-error", status=500),
            c=Deferred(code="rate-limited", status=429),
        )
    )
    report = bench.apply(plan)
    assert (report.submitted, report.left) == (1, 0)
    assert report.outcomes == {"rejected": 1, "in-doubt": 1, "deferred": 1}
    assert latest(bench, "nightly/a").problem == Problem(code="bad-request", status=400, words="no such file")
    assert [latest(bench, f"nightly/{name}").status for name in "abcd"] == [
        "rejected", "in-doubt", "deferred", "submitted",
    ]  # fmt: skip
    told = [event for event in bench.reporter.events if isinstance(event, Failed)]
    assert {event.address for event in told} == {f"nightly/{name}" for name in "abc"}


@pytest.mark.parametrize(
    "outcome", [Deferred(code="server-error"), Rejected(code="too-large"), Denied(code="unauthorized")]
)
def test_without_an_upload_there_is_no_create(outcome: Outcome) -> None:
    async def answer(job: Job) -> Outcome:
        return outcome

    bench = Bench(answer)
    report = bench.apply(plan_of([desired(source=local())]))
    assert [type(job) for job in bench.executor.jobs] == [Upload]
    assert (report.submitted, len(report.failed)) == (0, 1)
    assert (latest(bench).request, latest(bench).sent_at) == ("", "")


def test_a_refused_key_stops_the_run_with_nothing_in_doubt() -> None:
    bench = Bench(answering(b1=Denied(code="unauthorized", status=401)), concurrency=1)
    report = bench.apply(many(4))
    assert (report.submitted, report.left) == (1, 2)
    assert bench.brake.reason == "authentication-refused"
    assert report.outcomes == {"denied": 1}
    assert (latest(bench, "nightly/b1").status, latest(bench, "nightly/b1").sent_at) == ("deferred", "")
    assert bench.memory.load().latest("nightly/b2", "day:2026-11-22") is None
    assert isinstance(bench.reporter.events[-2], Stopping)


def test_a_refused_key_leaves_in_doubt_what_was() -> None:
    memory = remembering(attempt("in-doubt"))
    bench = Bench(answering(a=Denied(code="unauthorized", status=401, in_doubt=True)), memory=memory)
    report = bench.apply(plan_of([], memory.load()))
    assert latest(bench).status == "in-doubt"
    assert report.outcomes == {"denied": 1}


# Stopping.


def test_a_pulled_brake_starts_nothing() -> None:
    bench = Bench()
    bench.brake.pull("interrupted")
    report = bench.apply(many(3))
    assert (bench.executor.jobs, bench.memory.entries, report.left) == ([], [], 3)


def test_the_first_reason_to_stop_is_the_reason() -> None:
    bench = Bench()
    bench.brake.pull("interrupted")
    bench.brake.pull("authentication-refused")
    assert bench.brake.reason == "interrupted"


def test_what_is_in_flight_is_finished() -> None:
    bench = Bench(concurrency=3)
    flying = asyncio.Event()

    async def answer(job: Job) -> Outcome:
        if bench.executor.running == 3:
            bench.brake.pull("interrupted")
            flying.set()
        await flying.wait()
        return accepted(f"batch-{job.address}")

    bench.executor.answer = answer
    report = bench.apply(many(10))
    assert (report.submitted, report.left) == (3, 7)
    assert {entry.attempt.status for entry in bench.memory.load().entries()} == {"submitted"}


def test_an_upload_in_flight_goes_on_to_its_create() -> None:
    bench = Bench(concurrency=1)

    async def answer(job: Job) -> Outcome:
        bench.brake.pull("interrupted")
        return uploaded("file-1") if isinstance(job, Upload) else accepted("batch-1")

    bench.executor.answer = answer
    report = bench.apply(plan_of([desired(source=local()), desired("nightly/b")]))
    assert (report.submitted, report.left, latest(bench).status) == (1, 1, "submitted")


@pytest.mark.parametrize("concurrency", [1, 2, 7])
def test_no_more_than_asked_are_in_flight(concurrency: int) -> None:
    bench = Bench(concurrency=concurrency)
    assert bench.apply(many(20)).submitted == 20
    assert bench.executor.most == concurrency


def test_nothing_to_do() -> None:
    bench = Bench()
    report = bench.apply(plan_of([]))
    assert bench.reporter.events == [Started(total=0), Finished(submitted=0, failed=0, left=0)]
    assert report.left == 0


# When state cannot be written.


def test_without_a_durable_intent_nothing_is_sent() -> None:
    bench = Bench(failing=[1], concurrency=1)
    report = bench.apply(many(3))
    assert bench.executor.jobs == []
    assert (report.submitted, report.left, report.unsaved) == (0, 3, [])
    assert report.state_error is not None
    assert bench.brake.reason == "state-not-written"


@pytest.mark.parametrize(("failing", "jobs"), [(2, ["upload"]), (3, ["upload", "create"])])
def test_what_a_provider_answered_is_in_the_report_when_it_cannot_be_saved(failing: int, jobs: list[str]) -> None:
    bench = Bench(failing=[failing], concurrency=1)
    report = bench.apply(plan_of([desired(source=local()), desired("nightly/b")]))
    assert [line.split()[0] for line in bench.log if line.startswith(("upload", "create"))] == jobs
    (unsaved,) = report.unsaved
    assert (unsaved.address, unsaved.attempt.file_id) == (A, "file-of-a")
    assert unsaved.attempt.batch_id == ("batch-of-a" if "create" in jobs else "")
    assert (report.submitted, report.left) == (0, 1)
    assert "tell submitted nightly/a" not in bench.log


@pytest.mark.parametrize("failing", range(1, 13))
@pytest.mark.parametrize("concurrency", [1, 3])
def test_every_change_is_accounted_for(failing: int, concurrency: int) -> None:
    bench = Bench(answering(b2=InDoubt(code="x")), failing=[failing], concurrency=concurrency)
    report = bench.apply(many(6))
    counted = report.submitted + len(report.failed) + len(report.unsaved) + report.left + report.already
    assert counted == 6
    assert isinstance(report.state_error, StateError)
    saved = {entry.attempt.batch_id for entry in bench.memory.load().entries() if entry.attempt.batch_id}
    unsaved = {entry.attempt.batch_id for entry in report.unsaved if entry.attempt.batch_id}
    created = {f"batch-of-{job.address.rpartition('/')[2]}" for job in bench.executor.jobs}
    assert saved | unsaved == created - {"batch-of-b2"}


def test_after_a_failed_write_nothing_more_is_started() -> None:
    bench = Bench(failing=[2], concurrency=1)
    bench.apply(many(5))
    assert len(bench.executor.jobs) == 1


# Defects.


def test_a_defect_is_raised_after_the_rest_in_flight_is_saved() -> None:
    release = asyncio.Event()

    async def answer(job: Job) -> Outcome:
        if job.address == "nightly/b0":
            release.set()
            raise RuntimeError("a port broke its promise")
        await release.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        return accepted(f"batch-{job.address}")

    bench = Bench(answer, concurrency=2)
    with pytest.raises(RuntimeError, match="broke its promise"):
        bench.apply(many(5))
    assert [entry.attempt.status for entry in bench.memory.load().entries()] == ["intended", "submitted"]
    assert bench.brake.reason == "defect"


def test_requests_are_built_from_the_stored_intent() -> None:
    bench = Bench()
    bench.apply(plan_of([desired(completion_window="1h")]))
    (job,) = bench.executor.jobs
    assert isinstance(job, Create)
    assert job.request == f'{{"completion_window": "1h", "endpoint": "{ENDPOINT}", "input_file_id": "file-1"}}'
    assert isinstance(accepted("x"), Accepted)
    assert intent().metadata == {}
