"""Creates at a provider without idempotency keys: sent twice only where its list proves that the first is not there."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.scripted_server import Answer, Seen, hang_up, raw, reply, say_nothing, serving
from support.sending import CREATE, FAST, START, World, facts, opened

from batchrunner.facts import Limits, Paths, Polling, Timeouts
from batchrunner.jobs import Accepted, Create, Deferred, Denied, InDoubt, Outcome, Rejected
from batchrunner.records import replace
from batchrunner.remote import Tags

NOW = int(START.timestamp())
KEY = CREATE.idempotency_key
SETTLE = 0.2
MODE = {"idempotency": "list-match", "metadata": "sent", "polling": Polling(settle_seconds=SETTLE)}


def tags(key: str = KEY) -> dict[str, str]:
    return Tags(key, "nightly/b", "day:2026-11-22", "sha256:" + "0" * 64, 1).as_metadata()


def create(
    file: str = "file-1", *, is_own: bool = True, tagged: bool = True, key: str = KEY, earlier: bool = False
) -> Create:
    body: dict[str, Any] = {"completion_window": "24h", "endpoint": "/v1/chat/completions", "input_file_id": file}
    if tagged:
        body["metadata"] = tags(key)
    return replace(
        CREATE,
        request=json.dumps(body),
        input_file_id=file,
        is_own_file=is_own,
        idempotency_key=key,
        sent_at=(START - timedelta(hours=1)).isoformat() if earlier else "",
    )


def batch(identity: str, **changes: Any) -> dict[str, Any]:
    known = {"id": identity, "object": "batch", "status": "in_progress", "created_at": NOW, "input_file_id": "file-x"}
    return {name: value for name, value in {**known, **changes}.items() if value is not ...}


@dataclass
class Shop:
    """A provider that takes every create for a new batch. `replies` to creates, and `lists`, go wrong in turn.

    What is committed is listed once it is `shown`, which is at once unless a test says otherwise.
    """

    creates: list[str] = field(default_factory=list)
    lists: list[Answer | None] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    late: list[dict[str, Any]] = field(default_factory=list)
    keeps: tuple[str, ...] = ("metadata", "input_file_id")
    page: int = 100
    asked: list[str] = field(default_factory=list)

    async def __call__(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        await (self._create if seen.method == "POST" else self._list)(seen, writer)

    async def _create(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self.asked.append("C")
        how = self.creates.pop(0) if self.creates else "ok"
        if "refused" not in how:
            made = batch(f"batch_{len(self.batches) + len(self.late) + 1}")
            told = {name: value for name, value in json.loads(seen.body).items() if name in self.keeps}
            made = {**made, "input_file_id": None, **told}
            (self.late if how.startswith("late") else self.batches).insert(0, made)
            if how.startswith("late soon"):
                asyncio.get_running_loop().call_later(0.2, self.arrive)
            if "twice" in how:
                self.batches.insert(0, {**made, "id": made["id"] + "_again"})
            body = json.dumps(made).encode()
        if how == "ok":
            await reply(200, body)(seen, writer)
        elif "drop" in how:
            await hang_up()(seen, writer)
        elif "stall" in how:
            await say_nothing()(seen, writer)
        elif "truncated" in how:
            await raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:20])(seen, writer)
        elif "junk" in how:
            await reply(200, b"<html>")(seen, writer)
        elif "limited" in how:
            await reply(429, b"", {"Retry-After-Ms": "1"})(seen, writer)
        else:
            await reply(500, b"oops")(seen, writer)

    async def _list(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self.asked.append("L")
        if self.lists and (answer := self.lists.pop(0)) is not None:
            await answer(seen, writer)
            return
        query = parse_qs(urlsplit(seen.path).query)
        ids = [each["id"] for each in self.batches]
        start = ids.index(query["after"][0]) + 1 if "after" in query else 0
        shown = self.batches[start : start + self.page]
        more = start + self.page < len(self.batches)
        await reply(200, json.dumps({"object": "list", "data": shown, "has_more": more}).encode())(seen, writer)

    def arrive(self) -> None:
        """What was committed late is there now."""
        self.batches, self.late = [*self.late, *self.batches], []


def sold(shop: Shop, *jobs: Create, world: World | None = None, **changes: Any) -> list[Outcome]:
    described = {
        **MODE,
        "timeouts": Timeouts(create_seconds=0.5, look_seconds=5),
        **changes,
    }

    async def scenario() -> list[Outcome]:
        async with serving(shop) as server, opened(facts(server.origin, **described), world or World()) as provider:
            return list(await asyncio.gather(*map(provider.create, jobs or (create(),))))

    return asyncio.run(scenario())


LOST = ["500", "drop", "stall", "truncated", "junk"]


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("keeps", [("metadata", "input_file_id"), ("metadata",), ("input_file_id",)])
def test_a_batch_whose_reply_was_lost_is_found(how: str, keeps: tuple[str, ...]) -> None:
    shop = Shop(creates=[how], keeps=keeps)
    (outcome,) = sold(shop)
    assert isinstance(outcome, Accepted)
    assert (outcome.batch_id, outcome.is_adopted, len(shop.batches)) == ("batch_1", True, 1)
    assert json.loads(bytes(outcome.reply)) == shop.batches[0]
    assert shop.asked == ["C", "L"]


@pytest.mark.parametrize("how", ["refused 500", "refused drop"])
def test_what_is_not_there_is_sent_again_after_a_second_look(how: str) -> None:
    shop = Shop(creates=[how])
    (outcome,) = sold(shop)
    assert isinstance(outcome, Accepted)
    assert (outcome.is_adopted, len(shop.batches)) == (False, 1)
    assert shop.asked == ["C", "L", "L", "C"]


def test_a_batch_that_is_listed_late_is_found() -> None:
    shop = Shop(creates=["late drop"])

    async def arrive(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await reply(200, b'{"object":"list","data":[],"has_more":false}')(seen, writer)
        shop.arrive()

    shop.lists = [arrive]
    (outcome,) = sold(shop)
    assert isinstance(outcome, Accepted)
    assert (outcome.is_adopted, len(shop.batches), shop.asked) == (True, 1, ["C", "L", "L"])


def test_nothing_is_sent_again_for_ever() -> None:
    shop = Shop(creates=["refused 500"] * 100)
    (outcome,) = sold(shop, polling=Polling(settle_seconds=0))
    assert isinstance(outcome, Deferred)
    assert (outcome.code, shop.batches) == ("server-error", [])
    assert shop.asked.count("C") == FAST.attempts + 1


def test_too_many_requests_are_no_doubt() -> None:
    shop = Shop(creates=["refused limited"])
    (outcome,) = sold(shop)
    assert isinstance(outcome, Accepted)
    assert shop.asked == ["C", "C"]


# An earlier run


def test_what_an_earlier_run_sent_is_looked_for_first() -> None:
    shop = Shop(batches=[batch("batch_9"), batch("batch_7", created_at=NOW - 3600, metadata=tags())])
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert (outcome.batch_id, outcome.is_adopted, shop.asked) == ("batch_7", True, ["L"])


def test_what_an_earlier_run_sent_in_vain_is_sent_again() -> None:
    shop = Shop(batches=[batch("batch_9")])
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert (outcome.is_adopted, shop.asked) == (False, ["L", "L", "C"])


def test_a_key_that_is_dead_is_looked_for_where_tags_are_sent() -> None:
    dead = replace(create(), sent_at=(START - timedelta(days=3)).isoformat())
    shop = Shop(batches=[batch("batch_7", created_at=NOW - 3 * 86400, metadata=tags())])
    (outcome,) = sold(shop, dead, idempotency="header")
    assert isinstance(outcome, Accepted)
    assert (outcome.batch_id, shop.asked) == ("batch_7", ["L"])
    (held,) = sold(Shop(), dead, idempotency="header", metadata="kept")
    assert isinstance(held, InDoubt)
    assert held.code == "key-expired"
    absent = Shop()
    assert isinstance(sold(absent, dead, idempotency="header")[0], Accepted)
    assert absent.asked == ["L", "L", "C"]


# Which it is


def test_two_of_them_are_an_alarm() -> None:
    shop = Shop(creates=["500 twice"])
    (outcome,) = sold(shop)
    assert isinstance(outcome, InDoubt)
    assert outcome.code == "duplicate-batches"
    assert set(outcome.candidates) == {"batch_1", "batch_1_again"}
    assert "batch_1_again" in outcome.words
    assert shop.asked == ["C", "L"]


@pytest.mark.parametrize("status", ["cancelled", "cancelling", "failed", "expired"])
def test_of_two_the_one_that_runs_is_it_where_the_other_was_stopped(status: str) -> None:
    shop = Shop(batches=[batch("batch_2", metadata=tags()), batch("batch_1", metadata=tags(), status=status)])
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert outcome.batch_id == "batch_2"


def test_one_that_failed_is_it_all_the_same() -> None:
    shop = Shop(batches=[batch("batch_1", metadata=tags(), status="failed")])
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert outcome.batch_id == "batch_1"


def test_a_batch_with_the_key_of_another_is_not_ours_whatever_it_reads() -> None:
    shop = Shop(batches=[batch("batch_8", input_file_id="file-1", metadata=tags("br1-other"))])
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert not outcome.is_adopted


UNCERTAIN: dict[str, dict[str, Any]] = {
    "the same file, and no tags": {"input_file_id": "file-1"},
    "neither a file nor tags": {"input_file_id": None},
    "neither, of no time": {"input_file_id": ..., "created_at": ...},
}


@pytest.mark.parametrize("changes", UNCERTAIN.values(), ids=UNCERTAIN.keys())
def test_one_that_may_be_it_is_left_to_a_person(changes: dict[str, Any]) -> None:
    shop = Shop(batches=[batch("batch_5", **changes)])
    (outcome,) = sold(shop, create(is_own=False, earlier=True))
    assert isinstance(outcome, InDoubt)
    assert (outcome.code, outcome.candidates, shop.asked) == ("not-told-apart", ("batch_5",), ["L"])


def test_a_file_that_others_read_too_may_have_been_read_before() -> None:
    shop = Shop(batches=[batch("batch_5", input_file_id="file-1", created_at=NOW - 86400)])
    (outcome,) = sold(shop, create(is_own=False, earlier=True))
    assert isinstance(outcome, Accepted)
    assert not outcome.is_adopted


# The list


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_the_list_is_walked_back_past_the_first_send(count: int) -> None:
    younger = [batch(f"batch_y{number}", created_at=NOW - number) for number in range(count)]
    older = [batch(f"batch_o{number}", created_at=NOW - 90_000 - number) for number in range(1000)]
    ours = batch("batch_ours", created_at=NOW - 3600, metadata=tags())
    shop = Shop(batches=[*younger, ours, *older])
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert outcome.batch_id == "batch_ours"
    assert len(shop.asked) == (count + 1) // 100 + 1


def test_a_clock_that_is_wrong_by_minutes_hides_nothing() -> None:
    ours = batch("batch_ours", created_at=NOW - 3600 - 14 * 60, metadata=tags())
    shop = Shop(batches=[batch("batch_z", created_at=NOW - 3600 - 13 * 60), ours], page=1)
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert outcome.batch_id == "batch_ours"


ORDERS: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "oldest first": lambda batches: batches[::-1],
    "no order": lambda batches: sorted(batches, key=lambda each: hash(each["id"]) % 97),
    "no times": lambda batches: [{**each, "created_at": None} for each in batches],
    "all of one second": lambda batches: [{**each, "created_at": NOW - 90_000} for each in batches],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_a_list_in_another_order_is_walked_to_its_end(
    order: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> None:
    others = [batch(f"batch_o{number}", created_at=NOW - 90_000 - number) for number in range(500)]
    ours = batch("batch_ours", created_at=NOW - 3600, metadata=tags())
    shop = Shop(batches=order([ours, *others]))
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert outcome.batch_id == "batch_ours"


def test_batches_that_are_created_meanwhile_hide_nothing() -> None:
    ours = batch("batch_ours", created_at=NOW - 100, metadata=tags())
    shop = Shop(batches=[*(batch(f"batch_{number}", created_at=NOW - number) for number in range(99)), ours], page=10)

    async def grow(seen: Seen, writer: asyncio.StreamWriter) -> None:
        shop.batches[:0] = [batch(f"batch_new{len(shop.batches)}_{number}") for number in range(15)]
        await shop._list(seen, writer)

    shop.lists = [grow] * 5
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert outcome.batch_id == "batch_ours"


def page(*batches: Any, **more: Any) -> Answer:
    return reply(200, json.dumps({"object": "list", "data": list(batches), "has_more": False, **more}).encode())


BAD: dict[str, Answer] = {
    **{str(status): reply(status, b"oops") for status in (204, 301, 400, 404, 405, 422, 429, 500, 501, 503)},
    "not JSON": reply(200, b"<html>"),
    "not a list": reply(200, b'{"id":"batch_1"}'),
    "null": reply(200, b'{"data":null}'),
    "deep": reply(200, b'{"data":[' + b"[" * 100_000),
    "half": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    "hang up": hang_up(),
    "silence": say_nothing(),
    "17 MB": reply(200, b'{"data":[],"has_more":false,"x":"' + b"x" * 17_000_000 + b'"}'),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no objects": page(1, 2),
    "one that cannot be read": page(batch("batch_3"), {"id": "batch_4"}),
    "a hostile id": page(batch("../x?\r\nX-Evil: 1")),
    "a number out of range": reply(200, b'{"data":[{"id":"batch_1","status":"x","n":1e999}],"has_more":false}'),
    "more, but no cursor": page(has_more=True),
    "more, and a cursor that no URL may hold": page(batch("a b"), has_more=True),
    "full, and not whether that is all": page(*(batch(f"batch_{n}") for n in range(100)), has_more=None),
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD.keys())
def test_a_list_that_does_not_tell_leaves_it_in_doubt(answer: Answer) -> None:
    shop = Shop(creates=["drop"], lists=[answer] * 100)
    (outcome,) = sold(shop, timeouts=Timeouts(create_seconds=0.5, look_seconds=0.3))
    assert isinstance(outcome, InDoubt)
    assert (outcome.code, outcome.candidates) == ("list-unreadable", ())
    assert (shop.asked.count("C"), len(shop.batches)) == (1, 1)


@pytest.mark.parametrize("answer", [BAD["500"], BAD["hang up"], BAD["one that cannot be read"]])
def test_the_second_walk_has_to_be_whole_too(answer: Answer) -> None:
    shop = Shop(creates=["late drop"], lists=[None, *[answer] * 100])
    (outcome,) = sold(shop)
    assert isinstance(outcome, InDoubt)
    assert (outcome.code, shop.asked.count("C")) == ("list-unreadable", 1)


def test_a_list_that_goes_round_does_not_tell() -> None:
    shop = Shop(creates=["drop"], lists=[page(batch("batch_8"), has_more=True)] * 100)
    (outcome,) = sold(shop)
    assert isinstance(outcome, InDoubt)
    assert (outcome.code, shop.asked) == ("list-unreadable", ["C", "L", "L"])


def test_a_list_that_fails_once_is_asked_again() -> None:
    shop = Shop(creates=["drop"], lists=[reply(503), hang_up()])
    (outcome,) = sold(shop)
    assert isinstance(outcome, Accepted)
    assert shop.asked == ["C", "L", "L", "L"]


def test_a_cursor_that_vanishes_begins_the_walk_again() -> None:
    ours = batch("batch_ours", created_at=NOW - 3600, metadata=tags())
    shop = Shop(batches=[*(batch(f"batch_{n}", created_at=NOW - n) for n in range(30)), ours], page=10)
    shop.lists = [None, None, reply(404, b'{"error":{"message":"no such batch"}}')]
    (outcome,) = sold(shop, create(earlier=True))
    assert isinstance(outcome, Accepted)
    assert (outcome.batch_id, shop.asked) == ("batch_ours", ["L"] * 7)
    shop = Shop(batches=[*(batch(f"batch_{n}", created_at=NOW - n) for n in range(30))], page=10)
    shop.lists = [None, reply(404), None, reply(404)]
    (held,) = sold(shop, create(earlier=True))
    assert isinstance(held, InDoubt)
    assert held.code == "list-unreadable"


def test_a_provider_that_lists_nothing_is_not_asked() -> None:
    shop = Shop(creates=["drop"])
    (outcome,) = sold(shop, paths=Paths(list_batches=None))
    assert isinstance(outcome, InDoubt)
    assert (outcome.code, shop.asked) == ("list-unreadable", ["C"])


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_list_stops_the_run_and_is_in_doubt(status: int) -> None:
    (outcome,) = sold(Shop(creates=["drop"], lists=[reply(status)]))
    assert isinstance(outcome, Denied)
    assert outcome.in_doubt


def test_a_refusal_is_a_refusal() -> None:
    async def refuse(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await reply(400, b'{"error":{"message":"no such model"}}')(seen, writer)

    async def scenario() -> Outcome:
        async with serving(refuse) as server, opened(facts(server.origin, **MODE), World()) as provider:
            return await provider.create(create())

    assert isinstance(asyncio.run(scenario()), Rejected)


# Many, and being stopped


@pytest.mark.parametrize("how", ["drop", "refused drop", "late soon drop"])
def test_many_in_doubt_share_walks_and_have_one_batch_each(how: str) -> None:
    jobs = [create(f"file-{n}", key=f"br1-{n:032}") for n in range(200)]
    shop = Shop(creates=[how] * len(jobs), page=100)
    outcomes = sold(shop, *jobs, polling=Polling(settle_seconds=2))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len(shop.batches) == len(jobs)
    assert len({json.dumps(each["metadata"], sort_keys=True) for each in shop.batches}) == len(jobs)
    assert shop.asked.count("L") < 40


@pytest.mark.parametrize("shop", [Shop(creates=["late drop"]), Shop(creates=["refused 500"])], ids=["late", "never"])
def test_a_run_that_stops_does_not_wait_for_the_list_to_settle(shop: Shop) -> None:
    world = World()

    async def stop(seen: Seen, writer: asyncio.StreamWriter) -> None:
        world.is_stopping = True
        await page()(seen, writer)

    shop.lists = [stop]
    (outcome,) = sold(shop, world=world, polling=Polling(settle_seconds=3600))
    assert isinstance(outcome, InDoubt)
    assert shop.asked == ["C", "L"]


def test_waiting_for_the_list_holds_up_nobody_else() -> None:
    async def scenario() -> None:
        shop = Shop(creates=["refused drop"])
        described = {**MODE, "polling": Polling(settle_seconds=3600), "limits": Limits(max_in_flight=1)}
        listed = asyncio.Event()

        async def tell(seen: Seen, writer: asyncio.StreamWriter) -> None:
            await page()(seen, writer)
            listed.set()

        shop.lists = [tell]
        async with serving(shop) as server, opened(facts(server.origin, **described), World()) as provider:
            waiting = asyncio.ensure_future(provider.create(create()))
            await listed.wait()
            assert isinstance(await provider.create(create("file-2", key="br1-2")), Accepted)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(scenario())
