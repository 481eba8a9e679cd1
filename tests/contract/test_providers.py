"""A provider over real sockets: what each answer comes to, what is sent again, and what never leaves."""

import asyncio
import gzip
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_server import (
    Answer,
    after,
    drip,
    hang_up,
    raw,
    refusing_port,
    reply,
    reset,
    say_nothing,
    serving,
)
from support.sending import (
    ACCEPT,
    CREATE,
    FAST,
    FILE,
    GOOD,
    KEY,
    START,
    World,
    facts,
    opened,
    play,
    upload_of,
    with_file,
)  # fmt: skip

from batchrunner.errors import Refused
from batchrunner.events import Retrying, Uploading
from batchrunner.facts import Limits, Paths, ProviderFacts, Timeouts
from batchrunner.jobs import Accepted, Create, Deferred, Denied, InDoubt, Outcome, Rejected, Uploaded
from batchrunner.providers import OpenProvider
from batchrunner.records import replace


def resumed(hours: float = 1.0) -> Create:
    """The same create, sent once before that many hours ago and not accounted for."""
    return job_sent_at((START - timedelta(hours=hours)).isoformat())


def job_sent_at(when: str) -> Create:
    return Create(
        address=CREATE.address,
        provider=CREATE.provider,
        idempotency_key=CREATE.idempotency_key,
        request=CREATE.request,
        input_file_id=CREATE.input_file_id,
        sent_at=when,
    )


async def turns(count: int) -> None:
    """Let everything else in the event loop have its turn, so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


# What is sent


def test_a_create_is_the_documented_call():
    story = play(ACCEPT)
    assert story.outcome == Accepted(batch_id="batch_1", reply=story.outcome.reply, status="validating")
    assert bytes(story.outcome.reply) == GOOD
    seen = story.server.seen[0]
    assert (seen.method, seen.path, seen.body) == ("POST", "/v1/batch", CREATE.request.encode())
    headers = dict(seen.headers)
    assert headers.pop("user-agent").startswith("batchrunner/")
    assert headers == {
        "host": story.server.origin.removeprefix("http://"),
        "authorization": f"Bearer {KEY}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "idempotency-key": CREATE.idempotency_key,
        "content-length": str(len(CREATE.request)),
    }
    assert story.world.events == []


def test_another_transport_can_carry_it():
    async def scenario() -> tuple[Outcome, Outcome]:
        big = reply(200, b'{"id":"batch_1","pad":"' + b"x" * 2000 + b'"}')
        described = {"limits": Limits(max_reply_bytes=1000), "idempotency": "none"}
        async with serving(ACCEPT, big) as server:
            transport = httpx.AsyncHTTPTransport()
            async with opened(facts(server.origin, **described), World(), transport) as provider:
                return await provider.create(CREATE), await provider.create(CREATE)

    accepted, too_large = asyncio.run(scenario())
    assert isinstance(accepted, Accepted)
    assert too_large.code == "reply-too-large"


# The table, over a socket

UNUSABLE = {
    "html": b"<html>ok</html>",
    "empty": b"",
    "not an object": b"[1]",
    "no id": b'{"object":"batch"}',
    "hostile id": b'{"id":"../../files/f1?x=1"}',
    "another file": b'{"id":"batch_9","input_file_id":"file-9"}',
    "NaN": b'{"id":"batch_1","n":NaN}',
    "invalid UTF-8": b'{"id":"batch_1","n":"\xff"}',
    "deep": b'{"id":"batch_1","n":' + b"[" * 200_000,
}
AMBIGUOUS: dict[str, Answer] = {
    **{str(status): reply(status, b"oops") for status in (408, 500, 501, 502, 503, 504, 520, 301, 302, 303, 307, 308)},
    **{f"200 with {name}": reply(200, body) for name, body in UNUSABLE.items()},
    "204": reply(204),
    "hang up": hang_up(),
    "reset": reset(),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "half a head": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + GOOD),
    "ten megabytes": reply(200, b'{"id":"batch_1","x":"' + b"x" * 10_000_000 + b'"}'),
    "gzip": reply(200, gzip.compress(GOOD), {"Content-Encoding": "gzip"}),
    "gzip bomb": reply(200, gzip.compress(b" " * 50_000_000 + GOOD), {"Content-Encoding": "gzip"}),
    "said to be deflated": reply(200, GOOD, {"Content-Encoding": "deflate"}),
}
PERMANENT = [400, 402, 404, 405, 409, 410, 413, 415, 418, 422, 451]


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_an_ambiguous_answer_is_sent_again_with_the_same_key_and_bytes(answer):
    story = play(answer, ACCEPT)
    assert isinstance(story.outcome, Accepted)
    first, second = story.server.seen
    assert (first.body, first.headers) == (second.body, second.headers)
    assert [(event.attempt, event.attempts, event.address) for event in story.world.events] == [(2, 3, "nightly/b")]


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_an_ambiguous_answer_is_never_repeated_where_keys_are_not_honoured(answer):
    story = play(answer, ACCEPT, idempotency="none")
    assert isinstance(story.outcome, InDoubt)
    assert story.sends == 1
    assert story.world.events == []


def test_ambiguity_to_the_end_is_in_doubt_with_the_last_words():
    story = play(reply(500), reply(503, b'{"error":{"message":"overloaded"}}', {"X-Request-Id": "req_9"}))
    assert story.outcome == InDoubt(code="server-error", status=503, words="overloaded (request req_9)")
    assert story.sends == FAST.attempts


@pytest.mark.parametrize("status", PERMANENT)
def test_a_permanent_answer_is_rejected_in_the_providers_words(status):
    story = play(reply(status, b'{"error":{"message":"no such file"}}'), ACCEPT)
    assert isinstance(story.outcome, Rejected)
    assert (story.outcome.status, story.outcome.words) == (status, "no such file")
    assert story.sends == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_denied_with_nothing_in_doubt(status):
    story = play(reply(status, b'{"error":"bad key"}'), ACCEPT)
    assert isinstance(story.outcome, Denied)
    assert not story.outcome.in_doubt
    assert story.sends == 1


@pytest.mark.parametrize("mode", ["header", "body", "none"])
def test_too_many_requests_are_safe_to_repeat_in_every_mode(mode):
    assert isinstance(play(reply(429), reply(429), ACCEPT, idempotency=mode).outcome, Accepted)
    story = play(reply(429, b'{"message":"slow down"}'), idempotency=mode)
    assert story.outcome == Deferred(code="rate-limited", status=429, words="slow down")
    assert story.sends == FAST.attempts


@pytest.mark.parametrize("mode", ["header", "none"])
def test_no_connection_is_safe_to_repeat_in_every_mode(mode):
    async def scenario(origin: str, world: World) -> Outcome:
        async with opened(facts(origin, idempotency=mode), world) as provider:
            return await provider.create(CREATE)

    world = World()
    with refusing_port() as origin:
        outcome = asyncio.run(scenario(origin, world))
    assert isinstance(outcome, Deferred)
    assert outcome.code == "connect-failed"
    assert [event.attempt for event in world.events] == [2, 3]


@pytest.mark.parametrize("answer", [say_nothing(), drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", 0.01)])
def test_the_deadline_is_for_the_whole_attempt(answer):
    story = play(answer, ACCEPT, timeouts=Timeouts(create_seconds=0.2))
    assert isinstance(story.outcome, Accepted)
    assert story.world.events[0].code == "timeout"


def test_never_more_sends_than_attempts():
    story = play(reply(429), reply(500), reply(429), ACCEPT, retry=replace(FAST, attempts=1))
    assert isinstance(story.outcome, Deferred)
    assert story.sends == 1


# After a send that is not accounted for


@pytest.mark.parametrize("earlier", [True, False], ids=["in an earlier run", "in this run"])
@pytest.mark.parametrize("status", [404, 405, 409, 410, 415, 425, 429, 500, 307, 200])
def test_what_proves_nothing_leaves_it_in_doubt(earlier, status):
    answers = [reply(status, b"{}")] if earlier else [reply(502), reply(status, b"{}")]
    story = play(*answers, job=resumed() if earlier else CREATE)
    assert isinstance(story.outcome, InDoubt)
    assert story.outcome.status == status
    assert story.sends == FAST.attempts


@pytest.mark.parametrize("earlier", [True, False], ids=["in an earlier run", "in this run"])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_provider_that_honours_the_key_can_still_reject(earlier, status):
    answers = [reply(status)] if earlier else [hang_up(), reply(status)]
    assert isinstance(play(*answers, job=resumed() if earlier else CREATE).outcome, Rejected)


@pytest.mark.parametrize("earlier", [True, False], ids=["in an earlier run", "in this run"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_leaves_the_earlier_send_in_doubt(earlier, status):
    answers = [reply(status)] if earlier else [reply(500), reply(status)]
    outcome = play(*answers, job=resumed() if earlier else CREATE).outcome
    assert isinstance(outcome, Denied)
    assert outcome.in_doubt


def test_conflict_is_in_progress_then_done():
    story = play(reply(500), reply(409), ACCEPT)
    assert isinstance(story.outcome, Accepted)
    assert [event.code for event in story.world.events] == ["server-error", "in-progress"]


def test_no_connection_does_not_clear_the_doubt():
    async def scenario(origin: str) -> Outcome:
        async with opened(facts(origin), World()) as provider:
            return await provider.create(resumed())

    with refusing_port() as origin:
        assert isinstance(asyncio.run(scenario(origin)), InDoubt)


def test_a_provider_without_keys_is_never_asked_twice():
    story = play(ACCEPT, job=resumed(), idempotency="none")
    assert isinstance(story.outcome, InDoubt)
    assert story.outcome.code == "no-idempotency"
    assert story.server.connections == 0


@pytest.mark.parametrize(
    ("sent_at", "sends"),
    [
        ((START - timedelta(hours=24) + timedelta(seconds=81)).isoformat(), 1),
        ((START - timedelta(hours=24) + timedelta(seconds=79)).isoformat(), 0),
        ((START - timedelta(days=30)).isoformat(), 0),
        ((START + timedelta(seconds=61)).isoformat(), 0),
        ((START + timedelta(seconds=1)).isoformat(), 1),
        ("2026-11-22T02:29:00Z", 1),
        ("last night", 0),
    ],
)
def test_a_key_is_used_while_it_lives(sent_at, sends):
    # A resend may take 20 s, and 60 s are kept in hand.
    story = play(ACCEPT, job=job_sent_at(sent_at))
    assert story.sends == sends
    assert isinstance(story.outcome, Accepted if sends else InDoubt)
    assert sends or story.outcome.code == "key-expired"


def test_a_key_that_dies_between_two_sends_is_not_used_again():
    world = World()
    world.on_event = lambda event: setattr(world.clock, "at", START + timedelta(hours=24))
    story = play(reply(500), ACCEPT, world=world)
    assert story.outcome.code == "key-expired"
    assert story.sends == 1


def test_a_key_is_as_old_as_its_first_send_whatever_that_came_to():
    # The provider may have remembered the key when it said that it was too busy.
    world = World()
    hours = iter([12, 24])
    world.on_event = lambda event: setattr(world.clock, "at", START + timedelta(hours=next(hours)))
    story = play(reply(429), reply(500), ACCEPT, world=world)
    assert story.outcome.code == "key-expired"
    assert story.sends == 2


def test_the_providers_clock_can_end_a_key_too():
    story = play(reply(500, headers={"Date": "Mon, 23 Nov 2026 02:30:00 GMT"}), ACCEPT)
    assert story.outcome.code == "key-expired"
    assert story.sends == 1


def test_a_date_at_the_end_of_the_calendar_ends_a_key_too():
    answers = [reply(500, headers={"Date": "Fri, 31 Dec 9999 23:59:59 GMT"}), ACCEPT]
    story = play(*answers)
    assert (story.outcome.code, story.sends) == ("key-expired", 1)


def test_a_clock_set_back_ends_a_key():
    world = World()
    world.on_event = lambda event: setattr(world.clock, "at", START - timedelta(hours=1))
    assert play(reply(500), ACCEPT, world=world).outcome.code == "key-expired"


# Retry-After, the pause it makes, and the budget


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Sun, 22 Nov 2026 02:30:09 GMT"}, 9),
        ({"Retry-After": "Sun, 22 Nov 2026 08:00:11 GMT", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"}, 11),
        ({"Retry-After-Ms": "1500", "Retry-After": "60"}, 1.5),
        ({"Retry-After": "120"}, 120),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for_and_a_stop_ends_the_wait(headers, least, status):
    world = World()
    world.on_event = lambda event: setattr(world, "is_stopping", True)
    story = play(reply(status, headers=headers), ACCEPT, world=world)
    assert least <= world.waits[0] <= least + FAST.cap_seconds
    assert story.sends == 1
    assert isinstance(story.outcome, Deferred if status == 429 else InDoubt)


@pytest.mark.parametrize("said", ["3600", "121", "Sun, 22 Nov 2026 03:30:00 GMT"])
def test_a_retry_after_beyond_the_cap_defers_and_holds_back_everybody(said):
    async def scenario() -> None:
        async with serving(reply(429, headers={"Retry-After": said})) as server:
            async with opened(facts(server.origin), World()) as provider:
                first = await provider.create(CREATE)
                others = await asyncio.gather(*(provider.create(CREATE) for _ in range(20)))
                in_doubt = await provider.create(resumed())
            assert first.code == "rate-limited"
            assert first.retry_after > 120
            assert {type(other) for other in others} == {Deferred}
            assert all(120 < other.retry_after <= first.retry_after for other in others)
            assert isinstance(in_doubt, InDoubt)
            assert len(server.seen) == 1

    asyncio.run(scenario())


def test_a_pause_asked_of_one_sender_holds_back_the_others():
    async def scenario() -> None:
        told = asyncio.Event()
        world = World(on_event=lambda event: told.set())
        limited = reply(429, headers={"Retry-After-Ms": "50"})
        async with serving(limited, ACCEPT) as server, opened(facts(server.origin), world) as provider:
            first = asyncio.create_task(provider.create(CREATE))
            await told.wait()
            others = [asyncio.create_task(provider.create(CREATE)) for _ in range(10)]
            await turns(20)
            assert len(server.seen) == 1
            outcomes = await asyncio.gather(first, *others)
            assert {type(outcome) for outcome in outcomes} == {Accepted}

    asyncio.run(scenario())


def test_a_broken_provider_is_left_alone_when_the_budget_is_spent():
    async def scenario() -> None:
        retry = replace(FAST, budget=20)
        async with serving(reply(500)) as server, opened(facts(server.origin, retry=retry), World()) as provider:
            outcomes = [await provider.create(CREATE) for _ in range(40)]
            assert len(server.seen) == 20
            # Ten failures are half of the budget: three sends each for the first three creates, then one each.
            assert [type(outcome) for outcome in outcomes] == [InDoubt] * 14 + [Deferred] * 26
            assert {outcome.code for outcome in outcomes[14:]} == {"budget-spent"}
            assert "failed too often" in outcomes[-1].words
            doubtful = await provider.create(resumed())
            assert (type(doubtful), doubtful.code) == (InDoubt, "budget-spent")
            assert (await provider.upload(upload_of(FILE))).code == "budget-spent"
            assert len(server.seen) == 20

    asyncio.run(scenario())


def test_a_provider_that_only_says_wait_is_asked_again_later():
    async def scenario() -> None:
        retry = replace(FAST, budget=4)
        answers = [reply(429)] * 20 + [ACCEPT]
        async with serving(*answers) as server, opened(facts(server.origin, retry=retry), World()) as provider:
            outcomes = [await provider.create(CREATE) for _ in range(25)]
            assert {outcome.code for outcome in outcomes if isinstance(outcome, Deferred)} == {"rate-limited"}
            assert isinstance(outcomes[-1], Accepted)

    asyncio.run(scenario())


def test_success_earns_retries_back():
    async def scenario() -> int:
        retry = replace(FAST, budget=4, budget_refill=2)
        answers = [reply(500), reply(500), ACCEPT, reply(500), ACCEPT]
        async with serving(*answers) as server, opened(facts(server.origin, retry=retry), World()) as provider:
            assert isinstance(await provider.create(CREATE), InDoubt)
            assert isinstance(await provider.create(CREATE), Accepted)
            assert isinstance(await provider.create(CREATE), Accepted)
            return len(server.seen)

    assert asyncio.run(scenario()) == 5


def test_no_more_requests_are_in_flight_than_the_provider_takes():
    async def scenario() -> None:
        release = asyncio.Event()
        limits = Limits(max_in_flight=3)
        async with serving(after(release, ACCEPT)) as server:
            transport = httpx.AsyncHTTPTransport()  # has no such limit of its own
            async with opened(facts(server.origin, limits=limits), World(), transport) as provider:
                sends = [asyncio.create_task(provider.create(CREATE)) for _ in range(12)]
                await server.heard(3)
                await turns(50)
                release.set()
                assert {type(outcome) for outcome in await asyncio.gather(*sends)} == {Accepted}
            assert server.busiest == 3
            assert len(server.seen) == 12

    asyncio.run(scenario())


@pytest.mark.parametrize("answers", [[say_nothing()], [reply(500), say_nothing()]], ids=["first", "resend"])
def test_a_cancelled_send_ends(answers):
    async def scenario() -> None:
        async with serving(*answers) as server, opened(facts(server.origin), World()) as provider:
            send = asyncio.create_task(provider.create(CREATE))
            await server.heard(len(answers))
            send.cancel()
            with pytest.raises(asyncio.CancelledError):
                await send

    asyncio.run(scenario())


def test_a_stopping_run_sends_nothing_again():
    world = World(is_stopping=True)
    assert isinstance(play(reply(500), ACCEPT, world=world).outcome, InDoubt)
    assert isinstance(play(reply(429), ACCEPT, world=world).outcome, Deferred)
    assert world.events == []


# Where the key goes


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status):
    async def scenario() -> None:
        async with serving(ACCEPT) as attacker:
            away = reply(status, headers={"Location": f"{attacker.origin}/v1/batch"})
            async with serving(away) as server, opened(facts(server.origin), with_file()) as provider:
                created = await provider.create(CREATE)
                uploaded = await provider.upload(upload_of(FILE))
            assert isinstance(created, InDoubt)
            assert isinstance(uploaded, Deferred)
            assert created.code == uploaded.code == "redirected"
            assert "check the provider's base_url" in created.words
            assert attacker.connections == 0

    asyncio.run(scenario())


def test_proxies_and_netrc_of_the_environment_are_ignored(monkeypatch, tmp_path):
    async def scenario() -> None:
        async with serving(ACCEPT) as attacker, serving(ACCEPT) as server:
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, attacker.origin)
                monkeypatch.setenv(name.lower(), attacker.origin)
            netrc = tmp_path / "netrc"
            netrc.write_text("machine 127.0.0.1 login eve password evil\n")
            monkeypatch.setenv("NETRC", str(netrc))
            async with opened(facts(server.origin), World()) as provider:
                assert isinstance(await provider.create(CREATE), Accepted)
            assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
            assert attacker.connections == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "origin",
    [
        "http://api.example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://user:secret@api.example.com",
        "https://api.example.com/other/path",
        "https://api.example.com?x=1",
        "https://",
        "api.example.com",
        "http://127.0.0.1:99999",
        "https://api.example.com\r\nX: 1",
    ],
)
def test_a_key_has_nowhere_else_to_go(origin):
    with pytest.raises(Refused) as caught:
        asyncio.run(_open_and_close(facts(origin)))
    assert caught.value.code == "bad-base-url"
    assert KEY not in str(vars(caught.value))


async def _open_and_close(described: ProviderFacts) -> None:
    async with opened(described, World()):
        pass


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 422, 429, 500, 503, 302])
def test_a_provider_that_repeats_the_key_does_not_spread_it(status):
    echo = json.dumps({"id": "batch_1", "error": {"message": f"{KEY} is wrong"}, "note": KEY}).encode()
    headers = {"X-Request-Id": f"req-{KEY}", "Location": f"https://evil.example/?k={KEY}"}
    for job in (CREATE, upload_of(FILE)):
        story = play(reply(status, echo, headers), job=job, world=with_file())
        shown = f"{story.outcome!r} {story.world.events!r} {bytes(getattr(story.outcome, 'reply', b''))!r}"
        assert KEY not in shown


def test_an_id_that_is_the_key_is_no_id():
    assert play(reply(200, json.dumps({"id": KEY}).encode())).outcome.code == "unusable-reply"


def test_the_key_is_in_no_repr():
    async def scenario() -> str:
        async with opened(facts("http://127.0.0.1:9"), World()) as provider:
            return f"{provider!r} {vars(provider)!r} {vars(provider._client._wire)['_bearer']!r}"

    assert KEY not in asyncio.run(scenario())


# Uploads


def test_an_upload_is_a_multipart_post_with_a_known_length():
    story = play(reply(200, b'{"id":"file-9","object":"file","bytes":18}'), job=upload_of(FILE), world=with_file())
    assert story.outcome == Uploaded(file_id="file-9", reply=story.outcome.reply)
    seen = story.server.seen[0]
    name = f"br1-key-{hashlib.sha256(FILE).hexdigest()[:16]}"
    assert (seen.method, seen.path) == ("POST", "/v1/files")
    assert seen.headers["idempotency-key"] == name
    assert "transfer-encoding" not in seen.headers
    assert int(seen.headers["content-length"]) == seen.size
    boundary = seen.headers["content-type"].removeprefix("multipart/form-data; boundary=")
    assert (
        seen.body
        == (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}.jsonl"\r\n'
            f"Content-Type: application/jsonl\r\n\r\n{FILE.decode()}\r\n--{boundary}--\r\n"
        ).encode()
    )
    assert story.world.events == [Uploading(address="nightly/b", sent=len(FILE), size=len(FILE))]


@pytest.mark.parametrize("name", [name for name in AMBIGUOUS if name != "200 with another file"])
@pytest.mark.parametrize("mode", ["header", "none"])
def test_an_upload_is_free_to_repeat(name, mode):
    answer, world = AMBIGUOUS[name], with_file()
    good = reply(200, b'{"id":"file-9"}')
    story = play(answer, good, job=upload_of(FILE), world=world, idempotency=mode, paths=Paths(list_files=None))
    assert isinstance(story.outcome, Uploaded)
    assert [handle.closed for handle in world.handles] == [True, True]
    first, second = story.server.seen
    assert (first.headers, first.body) == (second.headers, second.body)


def test_an_upload_that_fails_to_the_end_is_deferred():
    story = play(reply(503, b"busy"), job=upload_of(FILE), world=with_file())
    assert story.outcome == Deferred(code="server-error", status=503, words="busy")
    assert [seen.method for seen in story.server.seen] == ["POST", "GET"] * (FAST.attempts - 1) + ["POST"]


@pytest.mark.parametrize("status", [404, 405])
def test_a_missing_upload_says_what_alphaedge_documents(status):
    story = play(reply(status, b'{"detail":"Not Found"}'), job=upload_of(FILE), world=with_file())
    assert (story.outcome.code, story.outcome.status) == ("upload-not-offered", status)
    assert "Create Batch Job" in story.outcome.words
    assert "input_file_id" in story.outcome.words
    assert story.sends == 1


def test_an_upload_that_is_not_offered_is_not_tried():
    story = play(ACCEPT, job=upload_of(FILE), world=with_file(), paths=Paths(upload_file=None))
    assert isinstance(story.outcome, Rejected)
    assert story.outcome.code == "upload-not-offered"
    assert story.server.connections == 0


@pytest.mark.parametrize(("status", "kind"), [(400, Rejected), (413, Rejected), (409, Rejected), (401, Denied)])
def test_a_refused_upload_is_not_repeated(status, kind):
    story = play(reply(status), job=upload_of(FILE), world=with_file())
    assert isinstance(story.outcome, kind)
    assert story.sends == 1


@pytest.mark.parametrize("other", [b"", FILE[:-2] + b"\x00\n", FILE * 3, FILE[:-1]])
def test_a_changed_file_never_arrives(other):
    story = play(reply(200, b'{"id":"file-9"}'), job=upload_of(FILE), world=with_file(other))
    assert isinstance(story.outcome, Rejected)
    assert story.outcome.code == "input-changed"
    assert not any(seen.is_whole for seen in story.server.seen)


def test_a_file_that_changes_between_two_sends_is_refused():
    world = with_file()
    world.on_event = lambda event: world.files.update({"in.jsonl": FILE.upper()}) if event.__class__ is Retrying else 0
    story = play(reply(500), reply(200, b'{"id":"file-9"}'), job=upload_of(FILE), world=world)
    assert story.outcome.code == "input-changed"


def test_an_acceptance_before_the_file_was_sent_is_not_believed():
    content = b"x" * 30_000_000
    story = play(reply(200, b'{"id":"file-9"}'), job=upload_of(content), world=with_file(content), early=True)
    assert isinstance(story.outcome, Deferred)


def test_a_file_that_cannot_be_opened_is_rejected_before_anything_is_sent():
    story = play(ACCEPT, job=upload_of(FILE), world=World())
    assert isinstance(story.outcome, Rejected)
    assert story.outcome.code == "input-unreadable"
    assert story.server.connections == 0


def test_progress_goes_up_to_the_end():
    content = b"x" * 5_000_000
    story = play(reply(200, b'{"id":"file-9"}'), job=upload_of(content), world=with_file(content))
    sent = [event.sent for event in story.world.events]
    assert sent == sorted(sent)
    assert sent[-1] == len(content)
    assert story.server.seen[0].is_whole


# Whatever comes


def exchange(answers: Sequence[Answer], act: Callable[[OpenProvider], Coroutine[None, None, Outcome]]) -> Outcome:
    async def scenario() -> Outcome:
        async with serving(*answers) as server:
            timeouts = Timeouts(create_seconds=5, upload_seconds=5)
            async with opened(facts(server.origin, timeouts=timeouts), with_file()) as provider:
                return await act(provider)

    return asyncio.run(scenario())


@settings(deadline=None, max_examples=60)
@given(
    st.integers(min_value=100, max_value=999).filter(lambda status: status >= 200),
    st.dictionaries(
        st.sampled_from(["Retry-After-Ms", "Date", "X-Request-Id", "Location", "Content-Encoding", "Content-Type"]),
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20).map(str.strip),
    ),
    st.binary(max_size=300) | st.sampled_from([GOOD, *UNUSABLE.values()]),
    st.booleans(),
)
def test_any_reply_comes_to_an_outcome(status, headers, body, is_upload):
    if "Retry-After-Ms" in headers and headers["Retry-After-Ms"].isdigit():
        headers["Retry-After-Ms"] = "1"
    outcome = exchange(
        [reply(status, body, headers)],
        lambda provider: provider.upload(upload_of(FILE)) if is_upload else provider.create(CREATE),
    )
    assert isinstance(outcome, Outcome)
    assert not isinstance(outcome, Accepted if is_upload else Uploaded)
    assert not (is_upload and isinstance(outcome, InDoubt))


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400) | st.binary(max_size=60).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail))
def test_any_bytes_come_to_an_outcome(data):
    outcome = exchange([raw(data)], lambda provider: provider.create(CREATE))
    assert isinstance(outcome, InDoubt | Accepted | Rejected | Denied | Deferred)


def test_importing_the_packages_loads_no_http_client():
    code = (
        "import sys, batchrunner.providers, batchrunner.executors;"
        "print([name for name in ('httpx', 'tenacity', 'asyncio', 'httptools', 'ssl') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
