"""What a submission costs, from durable intent to recorded outcome."""

import importlib.util
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.benchmarks.measuring import (
    CHILDREN,
    COMMAND,
    KEY,
    PYTHON,
    Row,
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

_DELAY = 0.05
_IN_FLIGHT = 128


def durable(folder: Path, rounds: int) -> Iterator[Row]:
    """Intent synced, sent, outcome synced: 6,400 batches, 128 in flight, 50 ms a reply, against latency alone."""
    batches = 6400
    ceiling = _IN_FLIGHT / _DELAY
    with server(_DELAY * 1e3) as origin:
        rates = [batches / _applied(folder / str(n), batches, _IN_FLIGHT, origin)["send_wall"] for n in range(rounds)]
    rate = median(rates)
    yield Row("durable creates at 128 x 50 ms : ceiling", f"{rate:.0f}/s", f"{ceiling:.0f}/s", rate / ceiling, 0.65,
              at_least=True)  # fmt: skip


def creates(folder: Path, rounds: int) -> Iterator[Row]:
    """1,000 creates, 32 in flight, no latency, whole process: apply against the openai client, which keeps nothing."""
    name = "apply 1,000, whole process : openai client"
    if importlib.util.find_spec("openai") is None:
        yield Row(name, skipped="pip install openai")
        return
    numbers = count()
    with server() as origin:
        spec_of = [written(folder / str(n), 1000) for n in range(rounds + 1)]
        ours, theirs = interleaved(
            lambda: run((COMMAND, "apply", str(spec_of[next(numbers)]), "--concurrency", "32"), extra=_at(origin)),
            lambda: run((PYTHON, str(CHILDREN / "creates.py"), origin, "1000", "openai")),
            rounds,
        )
    yield compared(f"{name}, wall", [u.wall for u in ours], [u.wall for u in theirs], 0.35)
    yield compared(f"{name}, CPU", [u.cpu for u in ours], [u.cpu for u in theirs], None)


def client(folder: Path, rounds: int) -> Iterator[Row]:
    """CPU per create, 32 in flight, no latency: our client, and a whole apply, against httpx's default pool."""
    numbers = count()
    with server() as origin:
        ours, theirs = interleaved(
            lambda: child("creates", origin, 3000, "batchrunner"),
            lambda: child("creates", origin, 1000, "httpx"),
            rounds,
        )
        applied = [_applied(folder / str(next(numbers)), 3000, 32, origin)["send_cpu"] / 3000 for _ in ours]
    each, theirs_each = [run["cpu"] / run["creates"] for run in ours], [run["cpu"] / run["creates"] for run in theirs]
    yield compared("CPU a create, client : httpx's pool", each, theirs_each, 0.12)
    yield compared("CPU a create, with durable state : httpx's pool", applied, theirs_each, None)


def apply_is_flat(folder: Path, rounds: int) -> Iterator[Row]:
    """What a whole apply costs per batch, at 20,000 batches against 100; small applies are repeated."""
    few, many = 100, 20_000
    numbers = count()
    with server() as origin:
        large, small = interleaved(
            lambda: _applied(folder / str(next(numbers)), many, 32, origin),
            lambda: [_applied(folder / str(next(numbers)), few, 32, origin) for _ in range(5)],
            max(3, rounds // 2),
        )
    for words, phases in (("plan+send", ("plan", "send")), ("plan+send+fold", ("plan", "send", "fold"))):
        at_many = [_cpu(figures, phases) / many for figures in large]
        at_few = [median([_cpu(figures, phases) for figures in group]) / few for group in small]
        ratio = paired(at_many, at_few)
        yield Row(f"apply, CPU a batch, {words}: 20,000 : 100", seconds(median(at_many)), seconds(median(at_few)),
                  ratio, 1.25)  # fmt: skip


def _cpu(figures: dict[str, float], phases: tuple[str, ...]) -> float:
    return sum(figures[f"{phase}_cpu"] for phase in phases)


def _applied(folder: Path, batches: int, in_flight: int, origin: str) -> dict[str, float]:
    return child("applying", written(folder, batches), in_flight, extra=_at(origin))


def _at(origin: str) -> dict[str, str]:
    return {"ALPHAEDGE_BASE_URL": origin, "ALPHAEDGE_API_KEY": KEY}
