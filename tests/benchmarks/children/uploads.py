"""`argv[3]` uploads of the file `argv[2]` to `argv[1]`, one after the other; what all of this process took.

`argv[4]` and, where there is one, `argv[5]` are the file's SHA-256 and BLAKE3.
"""

import asyncio
import gc
import json
import re
import resource
import sys
from pathlib import Path

from batchrunner.catalog import built_in
from batchrunner.inputs import open_content
from batchrunner.jobs import Upload, Uploaded
from batchrunner.manifest import LocalFile
from batchrunner.providers import open_provider
from batchrunner.records import replace
from batchrunner.wiring.workspace import SystemClock


async def upload(origin: str, source: LocalFile, folder: str, times: int) -> None:
    facts = replace(built_in()["alphaedge"], origin=origin)
    provider = open_provider(
        "alphaedge",
        facts,
        "key",
        open_input=lambda source: open_content(folder, source),
        clock=SystemClock(),
        report=lambda event: None,
        stopping=lambda: False,
    )
    for number in range(times):
        job = Upload(address="spec/a", provider="alphaedge", idempotency_key=f"br1-{number}", source=source)
        outcome = await provider.upload(job)
        assert isinstance(outcome, Uploaded), outcome
    await provider.aclose()


def peak() -> float:
    """MiB at the peak of this program alone: what `getrusage` says counts the parent's at the fork too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024


gc.disable()  # as the command line does
origin, path, times, *digests = sys.argv[1:]
file = Path(path)
names = dict(zip(("sha256", "blake3"), digests, strict=False))
source = LocalFile(path=file.name, size=file.stat().st_size, requests=1, **names)
asyncio.run(upload(origin, source, str(file.parent), int(times)))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "peak": peak()}))
