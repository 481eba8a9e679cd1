"""What a command costs before it does anything."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.measuring import (
    CHILDREN,
    COMMAND,
    PYTHON,
    Row,
    child,
    compared,
    environment,
    interleaved,
    run,
)
from tests.benchmarks.specs import written

_BARE = (PYTHON, "-c", "pass")
_SPECS = 100
_MODULE = 'resource "terraform_data" "a" {\n  input = "x"\n}\n'
_CLIENT = "import openai; openai.OpenAI(api_key='x')"


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


def beside(folder: Path, rounds: int) -> Iterator[Row]:
    """What people run beside it, each against an interpreter that does nothing: ruff, terraform, a client of an API."""
    specs = folder / "specs"
    for number in range(_SPECS):
        written(specs, 3, f"s{number:03}")
    _commit(folder)
    for words in (("--version",), ("--help",), ("validate", str(specs)), ("plan", str(specs)),
                  ("plan", str(specs), "--base", "HEAD")):  # fmt: skip
        name = " ".join(("batchrunner", *words)).replace(str(specs), f"{_SPECS} specs")
        yield _bare(name, (COMMAND, *words), rounds)
    yield from _others(folder, rounds)


def _others(folder: Path, rounds: int) -> Iterator[Row]:
    ruff, terraform = str(Path(PYTHON).parent / "ruff"), shutil.which("terraform")
    (folder / "small.py").write_text("x = 1\n")
    (folder / "main.tf").write_text(_MODULE)
    yield _bare("ruff --version", (ruff, "--version"), rounds)
    yield _bare("ruff check small.py", (ruff, "check", "--no-cache", "--isolated", str(folder / "small.py")), rounds)
    if terraform:
        yield _bare("terraform version", (terraform, "version"), rounds)
        yield _bare("terraform validate", (terraform, f"-chdir={folder}", "validate"), rounds)
    else:
        yield Row("terraform", skipped="it is not installed")
    if find_spec("openai"):
        yield _bare("openai's client", (PYTHON, "-c", _CLIENT), rounds)
    else:
        yield Row("openai's client", skipped="pip install openai")


def _commit(folder: Path) -> None:
    git = ("git", "-C", str(folder), "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "specs")):
        subprocess.run([*git, *words], env=environment(), check=True)


def _bare(name: str, argv: Sequence[str], rounds: int) -> Row:
    used, least = interleaved(lambda: run(argv), lambda: run(_BARE), 3 * rounds)
    return compared(f"{name} : python -c pass, CPU", [u.cpu for u in used], [u.cpu for u in least], None)


def _against(name: str, ours: Sequence[str], yardstick: Sequence[str], goal: float, rounds: int) -> Iterator[Row]:
    used, least = interleaved(lambda: run(ours), lambda: run(yardstick), rounds)
    yield compared(f"{name}, CPU", [u.cpu for u in used], [u.cpu for u in least], goal)
    yield compared(f"{name}, wall", [u.wall for u in used], [u.wall for u in least], goal)
