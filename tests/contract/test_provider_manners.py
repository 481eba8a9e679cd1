"""What providers ask of their clients: where the key goes, which headers, and whether to come again."""

import asyncio
import json
from typing import Any

import pytest
from support.scripted_server import Answer, Server, reply, serving
from support.sending import ACCEPT, CREATE, FAST, KEY, World, facts, opened, play

from batchrunner.events import Retrying
from batchrunner.jobs import Accepted, Cancel, Deferred, Denied, InDoubt, Look, NotFound, Outcome, Rejected, Seen

LOOK = Look(address="nightly/b", provider="alphaedge", batch_id="batch_1")
BATCH = reply(200, b'{"id":"batch_1","status":"in_progress"}')


def followed(*answers: Answer, job: Any = LOOK, **changes: object) -> tuple[Outcome, Server, World]:
    world = World()

    async def scenario() -> tuple[Outcome, Server, World]:
        async with serving(*answers) as server, opened(facts(server.origin, **changes), world) as provider:
            return await provider.follow(job), server, world

    return asyncio.run(scenario())


# The key


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [("bearer", "authorization", f"Bearer {KEY}"), ("api-key", "api-key", KEY), ("x-api-key", "x-api-key", KEY)],
)
def test_the_key_goes_where_it_belongs_and_nowhere_else(auth: str, header: str, value: str) -> None:
    story = play(ACCEPT, auth=auth)
    _, server, _ = followed(BATCH, auth=auth)
    for seen in (*story.server.seen, *server.seen):
        assert seen.headers[header] == value
        assert [name for name, sent in seen.headers.items() if KEY in sent] == [header]


@pytest.mark.parametrize("auth", ["bearer", "api-key", "x-api-key"])
def test_the_key_is_in_nothing_that_is_shown_or_kept(auth: str) -> None:
    """Though the provider repeats it wherever it can."""
    echo = json.dumps({"id": "batch_1", "status": "x", "error": {"message": f"bad key {KEY}"}, KEY: KEY}).encode()
    headers = {"X-Request-Id": KEY, "Location": f"https://other.example/?k={KEY}", "X-Api-Key": KEY}
    for status in (200, 302, 400, 401, 404, 429, 500):
        for outcome in (
            play(reply(status, echo, headers), auth=auth).outcome,
            followed(reply(status, echo, headers), auth=auth)[0],
        ):
            assert KEY not in repr(outcome)
            assert KEY not in str([bytes(getattr(outcome, "reply", b"")), getattr(outcome, "words", "")])


def test_headers_of_the_project_file_go_with_every_request() -> None:
    headers = {"anthropic-version": "2023-06-01", "X-Team": "support", "user-agent": "mine/1"}
    story = play(ACCEPT, headers=headers)
    _, server, _ = followed(BATCH, headers=headers)
    for seen in (*story.server.seen, *server.seen):
        assert {name: seen.headers[name] for name in ("anthropic-version", "x-team", "user-agent")} == {
            "anthropic-version": "2023-06-01",
            "x-team": "support",
            "user-agent": "mine/1",
        }


@pytest.mark.parametrize(
    "name",
    ["Host", "Authorization", "Content-Length", "Transfer-Encoding", "accept-encoding", "Range", "Idempotency-Key"],
)
def test_no_header_of_the_project_file_changes_what_is_sent_or_by_whom(name: str) -> None:
    plain, changed = play(ACCEPT), play(ACCEPT, headers={name: "7"})
    one, other = (dict(story.server.seen[0].headers) for story in (plain, changed))
    one.pop("host")
    assert other.pop("host") != "7"
    assert one == other
    assert isinstance(changed.outcome, Accepted)


# Whether to come again


@pytest.mark.parametrize("mode", ["header", "body", "none", "list-match"])
def test_a_refusal_that_asks_for_another_try_gets_one(mode: str) -> None:
    story = play(reply(409, b"{}", {"X-Should-Retry": "true"}), ACCEPT, idempotency=mode)
    assert isinstance(story.outcome, Accepted)
    assert (story.sends, story.outcome.is_adopted) == (2, False)


def test_a_refusal_that_goes_on_asking_for_another_try_waits_for_another_run() -> None:
    story = play(reply(400, b'{"message":"busy"}', {"X-Should-Retry": "true"}))
    assert story.outcome == Deferred(code="bad-request", status=400, words="busy")
    assert story.sends == FAST.attempts


@pytest.mark.parametrize(
    ("status", "kind"), [(429, Deferred), (500, InDoubt), (503, InDoubt), (408, InDoubt), (400, Rejected)]
)
def test_one_that_asks_for_no_other_try_gets_none(status: int, kind: type[Outcome]) -> None:
    story = play(reply(status, b"", {"X-Should-Retry": "false"}), ACCEPT)
    assert (type(story.outcome), story.sends) == (kind, 1)
    assert not [event for event in story.world.events if isinstance(event, Retrying)]


def test_another_try_is_never_made_where_the_first_may_have_been_acted_on() -> None:
    story = play(reply(500, b"", {"X-Should-Retry": "true"}), ACCEPT, idempotency="none")
    assert (type(story.outcome), story.sends) == (InDoubt, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_another_try_with_a_key_that_was_refused_is_no_use(status: int) -> None:
    story = play(reply(status, b"", {"X-Should-Retry": "true"}), ACCEPT)
    assert (type(story.outcome), story.sends) == (Denied, 1)


@pytest.mark.parametrize("word", ["", "yes", "1", "truefalse", "\xff", "x" * 10_000])
def test_another_word_says_nothing(word: str) -> None:
    assert play(reply(400, b"", {"X-Should-Retry": word}), ACCEPT).sends == 1
    assert play(reply(500, b"", {"X-Should-Retry": word}), ACCEPT).sends == 2


def test_looks_heed_it_too() -> None:
    outcome, server, _ = followed(reply(500, b"", {"X-Should-Retry": "false"}), BATCH)
    assert (type(outcome), len(server.seen)) == (Deferred, 1)
    outcome, server, _ = followed(reply(409, b"", {"X-Should-Retry": "true"}), BATCH)
    assert (type(outcome), len(server.seen)) == (Seen, 2)


def test_cancelling_what_is_over_is_told_by_a_look() -> None:
    """C 409, whatever the look then says."""
    cancel = Cancel(address="nightly/b", provider="alphaedge", batch_id="batch_1")
    over = reply(200, b'{"id":"batch_1","status":"completed"}')
    assert isinstance(followed(reply(409), over, job=cancel)[0], Seen)
    assert isinstance(followed(reply(409), BATCH, job=cancel)[0], Rejected)
    assert isinstance(followed(reply(409), reply(404), job=cancel)[0], Rejected)
    assert isinstance(followed(reply(404), over, job=cancel)[0], NotFound)


# Conformance C3 to C6: a key that others use at the same time


@pytest.mark.parametrize("changes", [{}, {"idempotency": "body"}], ids=["header", "body"])
def test_eight_creates_of_one_key_are_one_batch(changes: dict[str, Any]) -> None:
    """As OGX does: one of them is stored, the others get a 500, and a replay gets the one that was stored."""
    made: dict[str, bytes] = {}
    request = {"input_file_id": "file-1", "idempotency_key": CREATE.idempotency_key}
    job = type(CREATE)(
        address=CREATE.address,
        provider=CREATE.provider,
        idempotency_key=CREATE.idempotency_key,
        request=json.dumps(request),
        input_file_id="file-1",
    )

    async def scenario() -> list[Outcome]:
        first = asyncio.Event()
        count = 0

        async def answer(seen: Any, writer: Any) -> None:
            nonlocal count
            count += 1
            if count == 8:
                first.set()
            if count <= 8:
                await first.wait()
            body = json.loads(seen.body)
            key = seen.headers.get("idempotency-key", body["idempotency_key"])
            if key in made and count <= 8:
                count += 1
                await reply(500, b'{"error":{"message":"UNIQUE constraint failed"}}')(seen, writer)
                return
            made.setdefault(key, json.dumps({"id": f"batch_{len(made)}", "status": "validating"}).encode())
            count += 1
            await reply(200, made[key])(seen, writer)

        async with serving(answer) as server, opened(facts(server.origin, **changes), World()) as provider:
            return list(await asyncio.gather(*(provider.create(job) for _ in range(8))))

    outcomes = asyncio.run(scenario())
    assert {getattr(outcome, "batch_id", outcome) for outcome in outcomes} == {"batch_0"}
    assert len(made) == 1


def test_a_key_that_is_in_progress_elsewhere_is_waited_for() -> None:
    busy = reply(409, b'{"error":{"message":"a request with this idempotency key is in progress"}}')
    story = play(busy, busy, ACCEPT)
    assert (type(story.outcome), story.sends) == (Accepted, 3)


def test_a_key_that_came_with_other_content_is_never_taken_for_a_refusal() -> None:
    story = play(reply(409, b'{"error":{"message":"idempotency_key was used with other parameters"}}'))
    assert isinstance(story.outcome, InDoubt)
    assert (story.outcome.code, story.sends) == ("key-reused", FAST.attempts)
