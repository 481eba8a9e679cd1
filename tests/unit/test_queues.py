"""How much of a plan is sent at a time where a provider's queue is short."""

import dataclasses

from support.builders import attempt, desired, intent, local, plan_of, remote, shards, state_of
from support.doubles import Bench

from batchrunner.pricing import Estimate
from batchrunner.queues import Room, enqueued, tokens_of
from batchrunner.records import replace
from batchrunner.remote import RemoteBatch, Sight
from batchrunner.state import Submission

LONG = "x" * 40  # ten tokens


def sent(content: str = LONG, model: str = "m", **changes: object) -> Submission:
    source = replace(local(content), models=(model,))
    return intent(desired(source=source), **changes)


def test_tokens_are_those_of_the_estimate_or_a_quarter_of_the_bytes() -> None:
    known = replace(sent(), estimate=Estimate(input_tokens=7, output_tokens=None, counted_by="t"))
    assert [tokens_of(each) for each in (sent(), known, intent(desired(source=remote())))] == [10, 7, 0]


def test_takes_what_fits_beside_what_is_enqueued() -> None:
    room = Room({"p": 25}, [sent()])
    assert [room.take(sent()), room.take(sent()), room.take(sent("x" * 20))] == [True, False, True]


def test_an_empty_queue_takes_whatever_there_is() -> None:
    room = Room({"p": 5})
    assert [room.take(sent()), room.take(sent())] == [True, False]


def test_each_model_has_a_queue_and_other_providers_have_none() -> None:
    room = Room({"p": 10}, [sent()])
    assert room.take(sent(model="other"))
    assert not room.take(sent())
    assert Room({"q": 10}, [sent()]).take(sent())


def test_what_ended_and_what_never_left_takes_no_room() -> None:
    ended = Sight(at="", batch=RemoteBatch(batch_id="b", status="completed"))
    kinds = [
        attempt(),
        attempt(sight=ended),
        attempt("deferred"),
        attempt("intended"),
        attempt("in-doubt"),
        attempt("rejected"),
    ]
    found = [bool(enqueued([state_of(each)], {"p": 1})) for each in kinds]
    assert found == [True, False, False, False, True, False]
    assert not enqueued([state_of(attempt())], {"q": 1})


def waved(bench: Bench, limit: int) -> tuple[int, list[str]]:
    """Apply three shards of ten tokens with a queue of `limit`: how many were submitted, and why others were not."""
    state = bench.memory.load()
    plan = plan_of(shards("x" * 120, 40), state)
    held = [entry.attempt.intent for entry in enqueued([state], {"p": limit})]
    bench.tools = dataclasses.replace(bench.tools, room=Room({"p": limit}, held))
    report = bench.apply(plan)
    return report.submitted, [f"{each.outcome} {each.code}" for each in report.failed]


def test_the_rest_waits_and_nothing_of_it_is_written_or_sent() -> None:
    bench = Bench()
    assert waved(bench, 20) == (2, ["deferred queue-full"])
    assert len({entry.address for entry in bench.memory.entries}) == 2
    serial, jobs = bench.memory.serial, len(bench.executor.jobs)
    assert waved(bench, 20) == (0, ["deferred queue-full"])
    assert (bench.memory.serial, len(bench.executor.jobs)) == (serial, jobs)
    assert waved(bench, 30) == (1, [])


def test_what_may_have_left_is_carried_on_however_full_the_queue_is() -> None:
    bench = Bench()
    stored = intent(desired(source=local(LONG)), key="br1-doubt")
    begun = attempt("in-doubt", intent=stored)
    for entry in state_of(begun).entries():
        bench.memory.append(entry)
    plan = plan_of([desired(source=local(LONG))], bench.memory.load())
    bench.tools = dataclasses.replace(bench.tools, room=Room({"p": 1}, [stored]))
    assert bench.apply(plan).submitted == 1
