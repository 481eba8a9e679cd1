"""`argv[3]` downloads from `argv[1]` to files beside `argv[2]`, one after the other; what all of this process took."""

import asyncio
import gc
import json
import os
import re
import resource
import sys
from pathlib import Path

from batchrunner.catalog import built_in
from batchrunner.jobs import Download, Downloaded
from batchrunner.providers import open_provider
from batchrunner.records import replace
from batchrunner.remote import ResultFile
from batchrunner.wiring.workspace import SystemClock


async def download(origin: str, target: Path, times: int) -> None:
    provider = open_provider(
        "alphaedge",
        replace(built_in()["alphaedge"], origin=origin),
        "key",
        open_input=lambda source: target.open("rb"),
        clock=SystemClock(),
        report=lambda event: None,
        stopping=lambda: False,
    )
    file = ResultFile(kind="output", file_id="file-1")
    for number in range(times):
        path = f"{target}.{os.getpid()}.{number}"
        job = Download(address="s/a", provider="alphaedge", batch_id="batch-1", file=file, target=path)
        outcome = await provider.follow(job)
        os.unlink(path)
        assert isinstance(outcome, Downloaded), outcome
    await provider.aclose()


def peak() -> float:
    """MiB at the peak of this program alone: what `getrusage` says counts the parent's at the fork too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024


gc.disable()  # as the command line does
asyncio.run(download(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "peak": peak()}))
