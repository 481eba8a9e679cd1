"""Uploads that may have arrived before: found again by name, and only where nothing speaks against it."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_server import Answer, after, hang_up, raw, reply, say_nothing, serving
from support.sending import FILE, KEY, START, Story, facts, opened, play, upload_of, with_file

from batchrunner.facts import Paths, Timeouts
from batchrunner.jobs import Deferred, Outcome, Rejected, Upload, Uploaded
from batchrunner.records import replace

NAME = f"br1-key-{hashlib.sha256(FILE).hexdigest()[:16]}.jsonl"
NEW = reply(200, b'{"id":"file-new","object":"file"}')
NOW = int(START.timestamp())


def earlier(hours: float = 1.0) -> Upload:
    """An upload that may have been sent before, that many hours ago."""
    return replace(upload_of(FILE), since=(START - timedelta(hours=hours)).isoformat())


def listed(identity: str = "file-old", **changes: Any) -> dict[str, Any]:
    file = {
        "id": identity, "object": "file", "bytes": len(FILE), "created_at": NOW - 1800, "filename": NAME,
        "purpose": "batch", "status": "processed",
    }  # fmt: skip
    return {name: value for name, value in {**file, **changes}.items() if value is not ...}


def page(*files: dict[str, Any], more: bool = False, **changes: Any) -> Answer:
    document = {"object": "list", "data": files, "has_more": more, **changes}
    return reply(200, json.dumps(document).encode())


def asked(story: Story) -> list[str]:
    """What was sent: a letter for each request, L for a page of the list and U for an upload."""
    return ["L" if seen.method == "GET" else "U" for seen in story.server.seen]


def found(*answers: Answer, job: Upload | None = None, **changes: Any) -> Story:
    return play(*answers, job=job or earlier(), world=with_file(), **changes)


def file_id(story: Story) -> str:
    assert isinstance(story.outcome, Uploaded), story.outcome
    return story.outcome.file_id


def test_an_earlier_upload_is_found_by_its_name() -> None:
    story = found(page(listed("file-other", filename="other.jsonl"), listed(note="kept")))
    assert file_id(story) == "file-old"
    assert isinstance(story.outcome, Uploaded)
    assert json.loads(bytes(story.outcome.reply)) == listed(note="kept")
    (seen,) = story.server.seen
    url = urlsplit(seen.path)
    assert (seen.method, url.path, seen.size) == ("GET", "/v1/files", 0)
    assert parse_qs(url.query) == {"purpose": ["batch"], "order": ["desc"], "limit": ["100"]}
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert story.world.handles == []


def test_a_first_upload_looks_for_nothing() -> None:
    story = found(NEW, job=upload_of(FILE))
    assert (asked(story), file_id(story)) == (["U"], "file-new")


def test_where_it_is_not_there_it_is_uploaded() -> None:
    story = found(page(), NEW)
    assert (asked(story), file_id(story)) == (["L", "U"], "file-new")


def test_an_upload_without_a_reply_is_looked_for() -> None:
    story = found(after(reply(200), hang_up()), page(listed()), job=upload_of(FILE))
    assert (asked(story), file_id(story)) == (["U", "L"], "file-old")


def test_each_doubt_has_a_look_of_its_own() -> None:
    story = found(reply(500), page(), reply(500), page(listed()), job=upload_of(FILE))
    assert (asked(story), file_id(story)) == (["U", "L", "U", "L"], "file-old")


def test_a_refusal_that_proves_it_never_arrived_needs_no_look() -> None:
    story = found(reply(429, headers={"Retry-After-Ms": "1"}), NEW, job=upload_of(FILE))
    assert (asked(story), file_id(story)) == (["U", "U"], "file-new")


USELESS: dict[str, dict[str, Any]] = {
    "another size": {"bytes": len(FILE) - 1},
    "another name": {"filename": NAME.upper()},
    "a name that begins so": {"filename": NAME + ".part"},
    "another purpose": {"purpose": "fine-tune"},
    "failed": {"status": "error"},
    "being deleted": {"status": "deleting"},
    "a hostile id": {"id": "../x?\r\nX-Evil: 1"},
    "a path for an id": {"id": "a/../b"},
    "a number for an id": {"id": 7},
    "no id": {"id": ...},
    "no size": {"bytes": ...},
    "a size in words": {"bytes": str(len(FILE))},
    "no name": {"filename": ...},
    "about to expire": {"expires_at": NOW + 1800},
    "expired": {"expires_at": NOW - 1},
    "a number that state cannot keep": {"x": 1e400},
}


@pytest.mark.parametrize("changes", USELESS.values(), ids=USELESS.keys())
def test_a_file_that_something_speaks_against_is_not_taken(changes: dict[str, Any]) -> None:
    story = found(page(listed(**changes)), NEW)
    assert (asked(story), file_id(story)) == (["L", "U"], "file-new")


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": ...}, {"status": ...}, {"status": None}, {"created_at": ...}, {"expires_at": None},
        {"expires_at": NOW + 90_000}, {"created_at": "2026-11-22T02:00:00Z"}, {"created_at": NOW - 1800.5},
        {"created_at": 10**400},
    ],
)  # fmt: skip
def test_what_a_provider_leaves_out_or_writes_otherwise_does_not_matter(changes: dict[str, Any]) -> None:
    assert file_id(found(page(listed(**changes)))) == "file-old"


def test_the_newest_usable_one_is_taken() -> None:
    files = [listed("file-bad", status="error"), listed("file-b"), listed("file-a", created_at=NOW - 3000)]
    assert file_id(found(page(*files))) == "file-b"


def test_pages_are_followed_back() -> None:
    others = [[listed(f"file-{n}-{m}", filename="x") for m in range(3)] for n in range(3)]
    story = found(*(page(*each, more=True) for each in others), page(listed()))
    assert (asked(story), file_id(story)) == (["L"] * 4, "file-old")
    cursors = [parse_qs(urlsplit(seen.path).query).get("after") for seen in story.server.seen]
    assert cursors == [None, ["file-0-2"], ["file-1-2"], ["file-2-2"]]


def test_no_further_back_than_it_can_be() -> None:
    """The clocks may differ by a quarter of an hour."""
    begun = NOW - 3600
    near = listed("file-1", filename="x", created_at=begun - 14 * 60)
    far = listed("file-2", filename="x", created_at=begun - 16 * 60)
    story = found(page(near, more=True), page(far, more=True), NEW)
    assert (asked(story), file_id(story)) == (["L", "L", "U"], "file-new")


@pytest.mark.parametrize("cursor", ["a b", "../x", "x&purpose=user_data", "x\r\nX-Evil: 1", "x" * 129, ""])
def test_a_cursor_that_no_url_may_hold_is_not_followed(cursor: str) -> None:
    story = found(page(listed(cursor, filename="x"), more=True), NEW)
    assert (asked(story), file_id(story)) == (["L", "U"], "file-new")


def test_a_list_that_gives_the_same_page_again_is_left() -> None:
    same = page(listed("file-1", filename="x"), more=True)
    story = found(same, same, NEW)
    assert (asked(story), file_id(story)) == (["L", "L", "U"], "file-new")


def test_an_endless_list_comes_to_an_end() -> None:
    endless = [page(listed(f"file-{n}", filename="x"), more=True) for n in range(100)]
    story = found(*endless, NEW)
    assert (asked(story).count("L"), file_id(story)) == (100, "file-new")


FAILING: dict[str, Answer] = {
    **{str(status): reply(status, b"oops") for status in (204, 301, 400, 401, 403, 404, 405, 422, 429, 500, 501, 503)},
    "not JSON": reply(200, b"<html>"),
    "not a list": reply(200, b'{"id":"file-old"}'),
    "a bare list": reply(200, json.dumps([listed()]).encode()),
    "null": reply(200, b'{"data":null}'),
    "no objects": reply(200, b'{"data":[1,2]}'),
    "deep": reply(200, b'{"data":[' + b"[" * 100_000),
    "half": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    "hang up": hang_up(),
    "huge": reply(200, b'{"data":[],"x":"' + b"x" * 2_000_000 + b'"}'),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
}


@pytest.mark.parametrize("answer", FAILING.values(), ids=FAILING.keys())
def test_a_list_that_fails_finds_nothing_and_stops_nothing(answer: Answer) -> None:
    story = found(answer, NEW)
    assert (asked(story), file_id(story)) == (["L", "U"], "file-new")


def test_a_list_that_never_comes_is_waited_for_as_long_as_a_create() -> None:
    story = found(say_nothing(), NEW, timeouts=Timeouts(create_seconds=0.2, upload_seconds=20))
    assert (asked(story), file_id(story)) == (["L", "U"], "file-new")


def test_what_was_found_before_the_list_failed_counts() -> None:
    assert file_id(found(page(listed(), more=True), reply(500))) == "file-old"


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_list_that_is_not_offered_is_asked_for_once(status: int) -> None:
    story = found(reply(status), reply(500), reply(500), NEW)
    assert (asked(story), file_id(story)) == (["L", "U", "U", "U"], "file-new")


def test_a_list_that_is_known_not_to_be_offered_is_not_asked_for() -> None:
    story = found(reply(500), NEW, paths=Paths(list_files=None))
    assert (asked(story), file_id(story)) == (["U", "U"], "file-new")


def test_many_that_were_interrupted_share_one_look() -> None:
    jobs = [replace(earlier(n), address=f"nightly/{n}", idempotency_key=f"br1-{n}") for n in range(1, 31)]
    names = [NAME.replace("br1-key", f"br1-{n}") for n in range(1, 31)]
    files = [listed(f"file-{n}", filename=names[n - 1]) for n in range(1, 30)]

    async def scenario() -> tuple[list[Outcome], list[str]]:
        async with serving(page(*files), NEW) as server, opened(facts(server.origin), with_file()) as provider:
            # The oldest first: its look reaches back far enough for the others.
            first = await provider.upload(jobs[-1])
            outcomes = await asyncio.gather(*map(provider.upload, jobs[:-1]))
            return [*outcomes, first], [seen.method for seen in server.seen]

    outcomes, methods = asyncio.run(scenario())
    assert [outcome.file_id for outcome in outcomes if isinstance(outcome, Uploaded)] == [
        *(f"file-{n}" for n in range(1, 30)), "file-new",
    ]  # fmt: skip
    assert methods == ["GET", "POST"]


def test_looking_does_not_hide_what_became_of_the_upload() -> None:
    assert isinstance(found(page(), reply(400)).outcome, Rejected)
    assert isinstance(found(page(), reply(503), page(), reply(503)).outcome, Deferred)


@settings(deadline=None, max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(NAME),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["data", "id", "filename", "bytes", "has_more", "created_at"]), inner)
        ),
    )
)
def test_whatever_the_list_says_the_upload_comes_to_its_outcome(document: Any) -> None:
    story = found(reply(200, json.dumps(document).encode()), reply(200, json.dumps(document).encode()), NEW)
    assert isinstance(story.outcome, Outcome)
