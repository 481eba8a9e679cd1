"""What reading specs costs."""

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measuring import Row, child, compared, interleaved
from tests.benchmarks.specs import written


def yaml(folder: Path, rounds: int) -> Iterator[Row]:
    """A spec of 10,000 batches from file to checked values, places kept for errors, against PyYAML's fast loader."""
    spec = written(folder, 10_000, detailed=True)
    ours, theirs = interleaved(
        lambda: child("loading", "batchrunner", spec), lambda: child("loading", "yaml", spec), rounds
    )
    yield compared("YAML to specs, 10,000 batches : CSafeLoader", [r["cpu"] for r in ours], [r["cpu"] for r in theirs],
                   0.25)  # fmt: skip
