"""Watches `argv[1]` batches for `argv[2]` cycles against a provider in a process of its own; prints CPU by cycle.

The provider lists pages of a hundred, ready made, and counts are different in every cycle. Time is set, so that a cycle
comes after ten seconds of it and the state is written as often as in earnest. `argv[3]` is where the state is.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from batchrunner.catalog import built_in
from batchrunner.executors import LocalExecutor
from batchrunner.facts import Polling
from batchrunner.manifest import ProviderFile
from batchrunner.providers import open_provider
from batchrunner.records import Raw, replace
from batchrunner.state import Attempt, Entry, Intent
from batchrunner.stores import FileStore
from batchrunner.watcher import Tools, watch
from batchrunner.wiring.recording import StateRecorder

PAGE = 100
INTERVAL = 10.0
SERVER = """
import asyncio, sys
PAGE = 100
async def answer(reader, writer):
    while True:
        try:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
        except asyncio.IncompleteReadError:
            return writer.close()
        after = head.partition(b"after=batch_")[2][:6]
        page = (int(after) + 1) // PAGE if after else 0
        done = answer.cycles = answer.cycles + (page == 0)
        body = pages[page].replace(b'"completed": 0', b'"completed": %d' % done)
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
answer.cycles = 0
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read, 1)
pages = sys.stdin.buffer.read(int(sys.stdin.buffer.readline())).split(b"\\n")
asyncio.run(main())
"""


def remote(number: int) -> dict[str, object]:
    """What a list says of one batch, as OpenAI's does."""
    times = dict.fromkeys(("finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at"))
    return {
        "id": f"batch_{number:06}", "object": "batch", "endpoint": "/v1/chat/completions", "errors": None,
        "input_file_id": f"file-{number:024}", "completion_window": "24h", "status": "in_progress",
        "output_file_id": None, "error_file_id": None, "created_at": 1763820000, "in_progress_at": 1763820060,
        "expires_at": 1763906400, **times, "request_counts": {"total": 50_000, "completed": 0, "failed": 0},
        "metadata": {"batchrunner_key": f"br1-{number:032}", "batchrunner_address": f"nightly/b{number}",
                     "batchrunner_run": "day:2025-11-22", "batchrunner_content": "sha256:" + "0" * 64,
                     "batchrunner_attempt": "1"},
    }  # fmt: skip


def pages(batches: int) -> bytes:
    """All pages of the list, one on each line."""
    numbers = range(batches)
    found = []
    for start in range(0, batches, PAGE):
        data = [remote(number) for number in numbers[start : start + PAGE]]
        more = start + PAGE < batches
        found.append({"object": "list", "data": data, "has_more": more, "last_id": f"batch_{start + len(data) - 1:06}"})
    return "\n".join(json.dumps(page) for page in found).encode()


def entries(batches: int, origin: str) -> list[Entry]:
    """What was submitted."""
    sent = datetime.fromtimestamp(1763820000, UTC).isoformat()
    found = []
    for number in range(batches):
        intent = Intent(
            idempotency_key=f"br1-{number:032}", fingerprint="sha256:" + "0" * 64, provider="openai", origin=origin,
            endpoint="/v1/chat/completions", completion_window="24h", source=ProviderFile(file_id=f"file-{number:024}"),
            created_at=sent,
        )  # fmt: skip
        attempt = Attempt(
            number=1, status="submitted", intent=intent, updated_at=sent, sent_at=sent, batch_id=f"batch_{number:06}",
            file_id=f"file-{number:024}", reply=Raw(json.dumps(remote(number)).encode()),
        )  # fmt: skip
        found.append(Entry(address=f"nightly/b{number}", run_key="day:2025-11-22", attempt=attempt))
    return found


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.at = datetime.fromtimestamp(1763820100, UTC)
        self.cycles = 0

    def now(self) -> datetime:
        return self.at

    async def pause(self, seconds: float) -> None:
        self.at += timedelta(seconds=INTERVAL)
        self.cycles += 1


class Silent:
    def report(self, event: object) -> None:
        pass


@contextmanager
def serving(batches: int) -> Iterator[str]:
    """A provider that lists so many batches; the origin it listens at."""
    body = pages(batches)
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(b"%d\n%b" % (len(body), body))
        server.stdin.flush()
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.kill()


async def measure(batches: int, cycles: int, folder: Path, origin: str) -> None:
    store, clock = FileStore(folder / "nightly.state.json"), Clock()
    known = entries(batches, origin)
    with store.lock(5, print):
        store.append(known)
        store.fold()
    facts = replace(built_in()["openai"], origin=origin)
    provider = open_provider("openai", facts, "a-key", open_input=lambda source: None, clock=clock,
                             report=Silent().report, stopping=lambda: False)  # fmt: skip
    tools = Tools(
        executor=LocalExecutor({"openai": provider}), recorder=StateRecorder(lambda address: store), reporter=Silent(),
        clock=clock, polling={"openai": Polling(base_seconds=INTERVAL)}, stopping=lambda: clock.cycles >= cycles,
        pause=clock.pause, lot=random.random,
    )  # fmt: skip
    cpu, wall = time.process_time(), time.perf_counter()
    report = await watch(known, tools)
    used = time.process_time() - cpu, time.perf_counter() - wall
    seen = sum(each.attempt.sight is not None for each in report.entries)
    await provider.aclose()
    assert seen == batches, (seen, report.troubled)
    print(json.dumps({"cpu": used[0] / cycles, "wall": used[1] / cycles}))


with serving(int(sys.argv[1])) as listening:
    asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), listening))
