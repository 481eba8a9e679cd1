"""A machine whose clock is ahead of the provider's: what was made just now looks old, and is found all the same."""

import asyncio
import hashlib
import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.scripted_server import Seen, hang_up, reply, serving
from support.sending import CREATE, FILE, START, World, facts, opened, upload_of, with_file

from batchrunner.facts import Polling
from batchrunner.jobs import Accepted, Create, InDoubt, Outcome, Upload, Uploaded
from batchrunner.records import replace
from batchrunner.remote import Tags

THERE = START - timedelta(hours=1)
"""The provider's time, while ours is START."""
NAME = f"br1-key-{hashlib.sha256(FILE).hexdigest()[:16]}.jsonl"
TAGS = Tags(CREATE.idempotency_key, "nightly/b", "day:2026-11-22", "sha256:" + "0" * 64, 1).as_metadata()
YOUNGER = 250


class Shop:
    """Loses the reply to the first post, whose thing then lies on the third page of a list of younger ones."""

    def __init__(self, **made: Any) -> None:
        self.posts = 0
        self._list = [_thing(f"other_{n}", YOUNGER - n) for n in range(YOUNGER)] + [{**_thing("ours", 0), **made}]

    async def __call__(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        date = {"Date": format_datetime(THERE + timedelta(minutes=1), usegmt=True)}
        if seen.method == "POST":
            self.posts += 1
            await (hang_up() if self.posts == 1 else reply(200, json.dumps(_thing("again", 300)).encode(), date))(
                seen, writer
            )
            return
        query = parse_qs(urlsplit(seen.path).query)
        ids = [each["id"] for each in self._list]
        start = ids.index(query["after"][0]) + 1 if "after" in query else 0
        page = {"object": "list", "data": self._list[start : start + 100], "has_more": start + 100 < len(ids)}
        await reply(200, json.dumps(page).encode(), date)(seen, writer)


def _thing(identity: str, seconds: int) -> dict[str, Any]:
    return {"id": identity, "object": "any", "status": "in_progress", "bytes": 1, "filename": "other.jsonl",
            "purpose": "batch", "input_file_id": "file-x", "created_at": int(THERE.timestamp()) + seconds}  # fmt: skip


def sent(shop: Shop, job: Create | Upload, world: World, **changes: Any) -> Outcome:
    async def scenario() -> Outcome:
        async with serving(shop) as server, opened(facts(server.origin, **changes), world) as provider:
            return await (provider.upload(job) if isinstance(job, Upload) else provider.create(job))

    return asyncio.run(scenario())


def created(shop: Shop, metadata: str = "sent", *, is_own: bool = True) -> Outcome:
    job = replace(CREATE, is_own_file=is_own)
    polling = Polling(settle_seconds=0.01)
    return sent(shop, job, World(), idempotency="list-match", metadata=metadata, polling=polling)


def test_a_batch_beyond_the_first_page_is_found_and_not_made_twice() -> None:
    shop = Shop(metadata=TAGS, input_file_id="file-1")
    outcome = created(shop)
    assert isinstance(outcome, Accepted), outcome
    assert (outcome.batch_id, shop.posts) == ("ours", 1)


def test_a_batch_of_a_shared_file_is_young_enough_to_be_ours() -> None:
    shop = Shop(input_file_id="file-1")
    outcome = created(shop, "kept", is_own=False)
    assert isinstance(outcome, InDoubt), outcome
    assert (outcome.candidates, shop.posts) == (("ours",), 1)


def test_a_file_beyond_the_first_page_is_found_and_not_uploaded_again() -> None:
    shop = Shop(filename=NAME, bytes=len(FILE))
    outcome = sent(shop, replace(upload_of(FILE), since=START.isoformat()), with_file())
    assert isinstance(outcome, Uploaded), outcome
    assert (outcome.file_id, shop.posts) == ("ours", 0)
