"""What state costs as it grows."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.benchmarks.measuring import (
    COMMAND,
    KEY,
    Row,
    Usage,
    child,
    compared,
    interleaved,
    median,
    paired,
    run,
    seconds,
    server,
)
from tests.benchmarks.specs import written


def append_is_flat(folder: Path, rounds: int) -> Iterator[Row]:
    """What the store costs per batch, intent and outcome, at 20,000 batches against 100; folding out and in."""
    numbers = count()

    def cost(batches: int) -> dict[str, float]:
        into = folder / str(next(numbers))
        into.mkdir(parents=True)
        return child("store", "append", into, batches)

    many, few = interleaved(lambda: cost(20_000), lambda: cost(100), rounds)
    for words, phases in (("append", ("append",)), ("append+fold", ("append", "fold"))):
        for clock in ("wall", "cpu"):
            at_many = [sum(figures[f"{phase}_{clock}"] for phase in phases) for figures in many]
            at_few = [sum(figures[f"{phase}_{clock}"] for phase in phases) for figures in few]
            yield Row(f"state, {clock} a batch, {words}: 20,000 : 100", seconds(median(at_many)),
                      seconds(median(at_few)), paired(at_many, at_few), 1.25)  # fmt: skip


def journal(folder: Path, rounds: int) -> Iterator[Row]:
    """100,000 records loaded as state against `json.loads` of the same lines."""
    folder.mkdir(parents=True, exist_ok=True)
    size = child("store", "fill", folder, 100_000)["bytes"]
    ours, plain = interleaved(lambda: child("store", "load", folder), lambda: child("store", "json", folder), rounds)
    name = f"load 100,000 records, {size / 2**20:.0f} MiB : json.loads"
    yield compared(name, [r["cpu"] for r in ours], [r["cpu"] for r in plain], 0.15)


def no_op_plan(folder: Path, rounds: int) -> Iterator[Row]:
    """`plan` when everything was submitted, less what a plan of one batch costs: CPU, memory, growth."""
    sizes = (1, 2_500, 5_000, 10_000)
    with server() as origin:
        extra = {"ALPHAEDGE_BASE_URL": origin, "ALPHAEDGE_API_KEY": KEY}
        specs = {size: written(folder, size, f"spec-{size}") for size in sizes}
        for spec in specs.values():
            run((COMMAND, "apply", str(spec), "--concurrency", "64", "--no-progress"), extra=extra)
        rounds_of = [{size: _planned(spec, extra) for size, spec in specs.items()} for _ in range(rounds + 1)][1:]
    largest = median([used[10_000].cpu - used[1].cpu for used in rounds_of])
    peak = median([used[10_000].peak for used in rounds_of])
    yield Row("no-op plan of 10,000, CPU over start-up : 1.5 s", seconds(largest), "1.50 s", largest / 1.5, 1.0)
    yield Row("no-op plan of 10,000, peak memory : 300 MiB", f"{peak:.0f} MiB", "300 MiB", peak / 300, 1.0)
    for size in (5_000, 2_500):
        at_size = [(used[size].cpu - used[1].cpu) / size for used in rounds_of]
        at_most = [(used[10_000].cpu - used[1].cpu) / 10_000 for used in rounds_of]
        yield Row(f"no-op plan, CPU a batch: 10,000 : {size:,}", seconds(median(at_most)), seconds(median(at_size)),
                  paired(at_most, at_size), 1.25)  # fmt: skip


def _planned(spec: Path, extra: dict[str, str]) -> Usage:
    return run((COMMAND, "plan", str(spec)), extra=extra)
