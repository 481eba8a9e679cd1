"""What a command costs before it does anything."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.measuring import CHILDREN, COMMAND, PYTHON, Row, child, compared, interleaved, run
from tests.benchmarks.specs import written

_BARE = (PYTHON, "-c", "pass")


def version(folder: Path, rounds: int) -> Iterator[Row]:
    """`--version` against an interpreter that does nothing."""
    return _against("--version : python -c pass", (COMMAND, "--version"), _BARE, 1.15, 3 * rounds)


def helping(folder: Path, rounds: int) -> Iterator[Row]:
    """`--help` against the least that answers it with click, and what either imports that it must not."""
    bare = (PYTHON, str(CHILDREN / "bare_click.py"), "--help")
    yield from _against("--help : bare click --help", (COMMAND, "--help"), bare, 2.0, 3 * rounds)
    for argument in ("--help", "--version"):
        heavy = [name for name, imported in child("modules", argument).items() if imported]
        yield Row(f"{argument}: heavy imports", ", ".join(heavy) or "none", "none", len(heavy), 0)


def validate(folder: Path, rounds: int) -> Iterator[Row]:
    """`validate` of one spec of ten batches against an interpreter that does nothing."""
    spec = written(folder, 10)
    return _against("validate, 10 batches : python -c pass", (COMMAND, "validate", str(spec)), _BARE, 12.0, 3 * rounds)


def _against(name: str, ours: Sequence[str], yardstick: Sequence[str], goal: float, rounds: int) -> Iterator[Row]:
    used, least = interleaved(lambda: run(ours), lambda: run(yardstick), rounds)
    yield compared(f"{name}, CPU", [u.cpu for u in used], [u.cpu for u in least], goal)
    yield compared(f"{name}, wall", [u.wall for u in used], [u.wall for u in least], goal)
