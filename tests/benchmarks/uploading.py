"""What sending a file costs."""

import hashlib
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from blake3 import blake3

from tests.benchmarks.measuring import Row, child, interleaved, median, paired, run, seconds, sink

_BYTES = 200_000_000
_LINE = b'{"custom_id":"%08d","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":["%s"]}}\n'


def upload(folder: Path, rounds: int) -> Iterator[Row]:
    """200 MB, proven to be what was planned, against curl -F. What opening the provider takes is taken off."""
    name = "upload of 200 MB : curl -F"
    if shutil.which("curl") is None:
        yield Row(name, skipped="curl is not installed")
        return
    path = _written(folder)
    content = path.read_bytes()
    slow = f"sha256:{hashlib.sha256(content).hexdigest()}"
    fast = f"blake3:{blake3(content).hexdigest()}"
    with sink() as origin:
        curl = ("curl", "-sS", "-F", "purpose=batch", "-F", f"file=@{path}", f"{origin}/v1/files")
        for words, digests, goal in (("", (slow, fast), 1.5), (", by SHA-256 alone", (slow,), None)):
            ours, theirs = interleaved(partial(_uploaded, origin, path, *digests), lambda: run(curl).cpu, rounds)
            cpu = [used["cpu"] for used in ours]
            yield Row(f"{name}, CPU{words}", seconds(median(cpu)), seconds(median(theirs)), paired(cpu, theirs), goal)
            peak = median([used["peak"] for used in ours])
            yield Row(f"upload of 200 MB, more MiB than idle{words}", f"{peak:.1f}", "1", peak, 10 if goal else None)


def _uploaded(origin: str, path: Path, *digests: str) -> dict[str, float]:
    idle, used = (child("uploads", origin, path, times, *digests) for times in (0, 1))
    return {name: used[name] - idle[name] for name in used}


def _written(folder: Path) -> Path:
    folder.mkdir(parents=True)
    path = folder / "input.jsonl"
    with path.open("wb") as file:
        for number in range(_BYTES // len(_LINE % (0, b"x" * 2000))):
            file.write(_LINE % (number, b"x" * 2000))
    return path
