"""What watching costs."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.benchmarks.measuring import Row, child, median, seconds

BATCHES = 10_000
CYCLES = 31
INTERVAL = 10.0


def polling(folder: Path, rounds: int) -> Iterator[Row]:
    """A look at 10,000 batches with its share of writing the state, as a part of a core; ten seconds between looks."""
    numbers = count()

    def cycle() -> float:
        into = folder / str(next(numbers))
        into.mkdir(parents=True)
        return child("polling", BATCHES, CYCLES, into)["cpu"]

    used = median([cycle() for _ in range(max(1, rounds // 2))])
    yield Row(f"polling {BATCHES:,} batches, CPU a look : {INTERVAL:g} s", seconds(used), seconds(INTERVAL),
              used / INTERVAL, 0.1)  # fmt: skip
