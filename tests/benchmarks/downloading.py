"""What bringing results to the disk costs."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks.measuring import Row, child, interleaved, median, paired, run, seconds, source

_LINE = b'{"custom_id":"%08d","response":{"status_code":200,"body":{"text":"%s"}},"error":null}\n'
_TEXT = b"x" * 2000
_SIZES = (200_000_000, 1_000_000_000)


def download(folder: Path, rounds: int) -> Iterator[Row]:
    """200 MB and 1 GB, digested and synced, against curl -o. What opening the provider takes is taken off."""
    if shutil.which("curl") is None:
        yield Row("download : curl -o", skipped="curl is not installed")
        return
    folder.mkdir(parents=True)
    for size in _SIZES:
        name = f"download of {size // 1_000_000} MB"
        with source(_written(folder, size)) as origin:
            curl = ("curl", "-sS", "-o", folder / "theirs", f"{origin}/v1/files/file-1/content")
            theirs = partial(run, tuple(map(str, curl)))
            ours, others = interleaved(partial(_downloaded, origin, folder / "ours"), lambda: theirs().cpu, rounds)  # noqa: B023
        cpu = [used["cpu"] for used in ours]
        yield Row(f"{name} : curl -o, CPU", seconds(median(cpu)), seconds(median(others)), paired(cpu, others), 2)
        peak = median([used["peak"] for used in ours])
        yield Row(f"{name}, more MiB than idle", f"{peak:.1f}", "1", peak, 40)


def _downloaded(origin: str, target: Path) -> dict[str, float]:
    idle, used = (child("downloads", origin, target, times) for times in (0, 1))
    return {name: used[name] - idle[name] for name in used}


def _written(folder: Path, size: int) -> Path:
    path = folder / "results.jsonl"
    with path.open("wb") as file:
        for number in range(size // len(_LINE % (0, _TEXT))):
            file.write(_LINE % (number, _TEXT))
    return path
