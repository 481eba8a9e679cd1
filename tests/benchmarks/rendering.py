"""What making requests of rows costs."""

import csv
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measuring import Row, child, compared, interleaved, median

_ROWS = 1_000_000
_TEXT = 'My parcel %d has not arrived.\nPlease "help", it is for Zoë: ' + "many words that say little. " * 4


def rows(folder: Path, rounds: int) -> Iterator[Row]:
    """A million rows of CSV to request lines, against `csv` and `json.dumps` by hand; and that memory is flat."""
    table = _written(folder / "rows.csv", _ROWS)
    ours, theirs = interleaved(
        lambda: child("rendering", "batchrunner", table), lambda: child("rendering", "hand", table), rounds
    )
    name = f"{_ROWS:,} CSV rows to lines : csv and json.dumps"
    yield compared(f"{name}, CPU", [used["cpu"] for used in ours], [used["cpu"] for used in theirs], 1.5)
    few = child("rendering", "batchrunner", _written(folder / "few.csv", _ROWS // 100))["peak"]
    peak = median([used["peak"] for used in ours])
    yield Row("the same, MiB at the peak : for a hundredth", f"{peak:.1f}", f"{few:.1f}", peak / few, 1.1)


def _written(path: Path, count: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "lang", "subject", "text"])
        table.writerows((number, "en", f"Order {number}, late", _TEXT % number) for number in range(count))
    return path
