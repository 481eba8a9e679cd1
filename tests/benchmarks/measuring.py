"""Whole processes and their resources, interleaved with a yardstick: a machine's drift then hits both alike."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
CHILDREN = Path(__file__).parent / "children"
PYTHON = sys.executable
COMMAND = str(Path(PYTHON).parent / "batchrunner")
KEY = "benchmark-key"

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Row:
    """One line of the table. `goal` is the largest ratio that is good enough, or with `at_least` the smallest.

    Without a goal the row is there to be read. `skipped` says why there are no figures.
    """

    name: str
    ours: str = ""
    yardstick: str = ""
    ratio: float = 0.0
    goal: float | None = None
    at_least: bool = False
    skipped: str = ""

    @property
    def verdict(self) -> str:
        if self.skipped:
            return f"skipped: {self.skipped}"
        if self.goal is None:
            return ""
        met = self.ratio >= self.goal if self.at_least else self.ratio <= self.goal
        return "met" if met else "NOT MET"


@dataclass(frozen=True)
class Usage:
    """What one finished process used: seconds of wall clock, seconds of CPU (user and system), MiB at its peak."""

    wall: float
    cpu: float
    peak: float


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of every measured process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BATCHRUNNER_", "ALPHAEDGE_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "BATCHRUNNER_CACHE": "off", **(extra or {})}


def run(argv: Sequence[str], *, extra: Mapping[str, str] | None = None) -> Usage:
    """Run `argv` to its end, what it says thrown away; it must succeed."""
    with tempfile.TemporaryFile() as words:
        begun = perf_counter()
        with subprocess.Popen(
            argv,
            env=environment(extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=words,
        ) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = perf_counter() - begun
        if process.returncode:
            words.seek(0)
            raise RuntimeError(f"exit code {process.returncode}: {' '.join(argv)}\n{words.read().decode()}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def child(name: str, *arguments: object, extra: Mapping[str, str] | None = None) -> dict[str, float]:
    """Run a script of `children/` in a process of its own; what it measured of itself, by name."""
    argv = [PYTHON, str(CHILDREN / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(argv, env=environment(extra), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def interleaved(ours: Callable[[], T], yardstick: Callable[[], U], rounds: int) -> tuple[list[T], list[U]]:
    """Both in turn, `rounds` times after one that does not count."""
    ours(), yardstick()
    pairs = [(ours(), yardstick()) for _ in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def paired(ours: Sequence[float], yardstick: Sequence[float]) -> float:
    """The median of the ratios, pair by pair."""
    return statistics.median(a / b for a, b in zip(ours, yardstick, strict=True))


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def compared(name: str, ours: Sequence[float], yardstick: Sequence[float], goal: float | None) -> Row:
    """A row of seconds against seconds."""
    return Row(name, seconds(median(ours)), seconds(median(yardstick)), paired(ours, yardstick), goal)


def seconds(value: float) -> str:
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.1f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} us"


@contextmanager
def server(delay_ms: float = 0):
    """A provider in a process of its own that takes `delay_ms` for every reply; the origin it listens at."""
    with _listening("server", str(delay_ms)) as origin:
        yield origin


@contextmanager
def sink():
    """A provider in a process of its own that takes uploads and throws them away; the origin it listens at."""
    with _listening("sink") as origin:
        yield origin


@contextmanager
def source(path: Path):
    """A provider in a process of its own that sends the file at `path` to who asks; the origin it listens at."""
    with _listening("source", str(path)) as origin:
        yield origin


@contextmanager
def _listening(name: str, *arguments: str):
    argv = [PYTHON, str(CHILDREN / f"{name}.py"), *arguments]
    with subprocess.Popen(argv, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()  # it ends with its input
