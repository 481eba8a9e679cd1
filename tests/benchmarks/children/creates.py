"""`argv[2]` creates at `argv[1]`, 32 in flight, by the client named `argv[3]`: CPU seconds of the creates alone."""

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time

WORKERS = 32
Create = Callable[[str], Awaitable[str]]


async def drive(create: Create, number: int) -> None:
    """Run `number` creates; each must come back with an id of its own. Prints what they took."""
    await create("file-warm")
    waiting = iter(range(number))
    identities: set[str] = set()

    async def work() -> None:
        for index in waiting:
            identities.add(await create(f"file-{index:08d}"))

    wall, cpu = perf_counter(), process_time()
    await asyncio.gather(*(work() for _ in range(WORKERS)))
    figures = {"wall": perf_counter() - wall, "cpu": process_time() - cpu, "creates": len(identities)}
    if len(identities) != number:
        raise SystemExit(f"{len(identities)} ids for {number} creates")
    print(json.dumps(figures))


async def with_batchrunner(origin: str, number: int) -> None:
    from batchrunner.catalog import built_in
    from batchrunner.jobs import Accepted, Create
    from batchrunner.providers import open_provider
    from batchrunner.records import replace
    from batchrunner.wiring.workspace import SystemClock

    facts = replace(built_in()["alphaedge"], origin=origin)
    provider = open_provider(
        "alphaedge", facts, "key", open_input=open, clock=SystemClock(), report=print, stopping=lambda: False
    )

    async def create(file_id: str) -> str:
        request = json.dumps({"input_file_id": file_id, "endpoint": "/v1/embeddings", "completion_window": "24h"})
        job = Create(
            address=f"spec/{file_id}",
            provider="alphaedge",
            idempotency_key=f"br1-{file_id}",
            request=request,
            input_file_id=file_id,
        )
        outcome = await provider.create(job)
        assert isinstance(outcome, Accepted), outcome
        return outcome.batch_id

    await drive(create, number)
    await provider.aclose()


async def with_httpx(origin: str, number: int) -> None:
    import httpx

    async with httpx.AsyncClient(headers={"Authorization": "Bearer key"}) as client:

        async def create(file_id: str) -> str:
            body = {"input_file_id": file_id, "endpoint": "/v1/embeddings", "completion_window": "24h"}
            reply = await client.post(f"{origin}/v1/batch", json=body)
            identity: str = reply.raise_for_status().json()["id"]
            return identity

        await drive(create, number)


async def with_openai(origin: str, number: int) -> None:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=f"{origin}/v1", api_key="key", max_retries=0) as client:

        async def create(file_id: str) -> str:
            batch = await client.batches.create(
                input_file_id=file_id, endpoint="/v1/embeddings", completion_window="24h"
            )
            return batch.id

        await drive(create, number)


CLIENTS = {"batchrunner": with_batchrunner, "httpx": with_httpx, "openai": with_openai}

if sys.argv[3] == "batchrunner":
    gc.disable()  # as the command line does
asyncio.run(CLIENTS[sys.argv[3]](sys.argv[1], int(sys.argv[2])))
