"""A provider, or a gateway before it, that answers with another batch than was asked about: it is not believed."""

import asyncio
import json
from typing import Any

import pytest
from support.scripted_server import reply, serving
from support.sending import World, facts, opened

from batchrunner.jobs import Cancel, Deferred, Look, Outcome, Seen

DONE = {"status": "completed", "output_file_id": "file-of-another", "input_file_id": "file-1"}
ABOUT = {"address": "nightly/b", "provider": "alphaedge", "batch_id": "batch-ours"}
OTHERS = ("batch-other", "batch-our", "BATCH-OURS", "batch-ours-2")


async def asked(job: Look | Cancel, *replies: tuple[int, dict[str, Any]]) -> tuple[Outcome, list[str]]:
    answers = [reply(status, json.dumps(document).encode()) for status, document in replies]
    async with serving(*answers) as server, opened(facts(server.origin), World()) as provider:
        return await provider.follow(job), [seen.path for seen in server.seen]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("job", [Look(**ABOUT), Cancel(**ABOUT)], ids=["look", "cancel"])
def test_another_batch_is_not_believed_to_be_ours(job: Look | Cancel, other: str) -> None:
    said, _ = asyncio.run(asked(job, (200, {"id": other, **DONE})))
    assert isinstance(said, Deferred)
    assert (said.code, said.words) == ("unusable-reply", "the reply is about another batch")


def test_ours_is_believed_once_it_comes() -> None:
    said, paths = asyncio.run(
        asked(Look(**ABOUT), (200, {"id": "batch-other", **DONE}), (200, {"id": "batch-ours", **DONE}))
    )
    assert isinstance(said, Seen)
    assert (said.batch.batch_id, len(paths)) == ("batch-ours", 2)


def test_a_cancel_that_is_refused_is_not_settled_by_a_look_that_shows_another_batch() -> None:
    said, _ = asyncio.run(asked(Cancel(**ABOUT), (400, {}), (200, {"id": "batch-other", **DONE})))
    assert not isinstance(said, Seen)
