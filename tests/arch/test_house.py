"""The walls of the house: who imports whom, what starting up costs, and how things are written."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

import pytest
from grimp import build_graph
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import batchrunner

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "batchrunner"
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"asyncio", "httpx", "msgspec", "pydantic", "rich", "starlette", "structlog", "tenacity", "uvicorn", "yaml"}
FRONT = {"_version", "__init__", "__main__", "cli", "api"}
EDGES = {
    "applier",
    "canceller",
    "durable",
    "fetcher",
    "noter",
    "sweeper",
    "watcher",
    "revisions",
    "settings",
    "telemetry",
    "tracing",
}
CORE_PACKAGES = {"explanations", "outputs"}

Node = TypeVar("Node", bound=ast.AST)


def check(rule: Callable[[Path], Iterable[object]]) -> None:
    """What `rule` finds in each file is nothing; all that it does find is said, with the files that it is in."""
    found = [f"{path.relative_to(ROOT)}: {each}" for path in FILES for each in rule(path)]
    assert not found, "\n".join(found)


def at(path: Path, *kinds: type[Node]) -> Iterator[Node]:
    """The nodes of a file that are of one of `kinds`."""
    return (node for node in nodes(path) if isinstance(node, kinds))


@cache
def tree(path: Path) -> ast.Module:
    """What a file says, read by who asks: each process of the suite imports this module, and few run its tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(tree(path)))


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in FILES:
        for node in at(path, ast.FunctionDef, ast.AsyncFunctionDef):
            yield path, node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


# Imports.


def test_every_import_goes_the_right_way(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_the_core_is_all_there_is_beside_the_edges() -> None:
    """A new module of the core cannot be forgotten in the contract that keeps it free of I/O."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    core = next(each for each in contracts if each["name"].startswith("the core"))["source_modules"]
    flat = {path.stem for path in PACKAGE.glob("*.py")} - FRONT - EDGES
    assert {f"batchrunner.{name}" for name in flat | CORE_PACKAGES} == set(core)


def test_no_imports_go_in_circles() -> None:
    """Imports inside functions and those for types alone are counted too."""
    graph = build_graph("batchrunner", cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert len(imports) > 100
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"]])
def test_questions_about_the_tool_load_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "batchrunner", *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if "|" in line}
    assert "batchrunner.cli" in loaded
    assert run.stdout
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


def test_what_is_completed_loads_nothing_that_sends() -> None:
    code = "import sys, batchrunner.commands.cancel, batchrunner.commands.status; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"batchrunner.applier", "batchrunner.wiring.running"} & set(run.stdout.split())


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import sys; before = set(sys.modules); import batchrunner; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {name for name in run.stdout.split() if name.startswith("batchrunner")} == {
        "batchrunner",
        "batchrunner._version",
    }


# Names.


def test_what_is_exported_exists_once_and_in_order() -> None:
    names = {each.name for each in pkgutil.walk_packages([str(PACKAGE)], "batchrunner.")} - {"batchrunner.__main__"}
    modules = [importlib.import_module(name) for name in ("batchrunner", *sorted(names))]
    exported = [(each.__name__, name) for each in modules for name in getattr(each, "__all__", [])]
    assert len(exported) > 100
    assert not [each for each, times in Counter(exported).items() if times > 1]
    assert not [(each, name) for each, name in exported if not hasattr(sys.modules[each], name)]
    lists = {each.__name__: list(getattr(each, "__all__", [])) for each in modules}
    assert lists == {name: sorted(names, key=_as_ruff_sorts) for name, names in lists.items()}


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_the_interface_is_what_it_says() -> None:
    assert set(batchrunner.__all__) == {"__version__", "apply", "load", "plan", "wait"}
    with pytest.raises(AttributeError):
        batchrunner.nothing_of_the_kind  # noqa: B018 - the access is the test


# Words.


def test_every_module_says_what_it_is_for() -> None:
    check(lambda path: [] if ast.get_docstring(tree(path)) else ["what for?"])


def test_every_public_thing_says_what_it_is_for() -> None:
    check(
        lambda path: [f"{node.lineno} {node.name}" for node in _public(tree(path).body) if not ast.get_docstring(node)]
    )


def _public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node
            # What a method of a base class is for is said there.
            yield from () if node.bases else _public(node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node


def test_nothing_prints() -> None:
    """Results have stdout to themselves, and commands write them through one function."""
    check(lambda path: [each.lineno for each in at(path, ast.Call) if _is_named(each.func, {"print"})])


def test_the_environment_is_read_in_one_place() -> None:
    allowed = {PACKAGE / "settings.py": {"environ"}, PACKAGE / "commands" / "__init__.py": {"environ"}}
    around = {"environ", "environb", "getenv", "putenv"}
    check(lambda path: around & {each.attr for each in at(path, ast.Attribute)} - allowed.get(path, set()))


def test_exceptions_are_never_swallowed_whole() -> None:
    check(lambda path: [each.lineno for each in at(path, ast.ExceptHandler) if _swallows(each)])


def _swallows(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (_is_broad(handler) and isinstance(handler.body[0], ast.Pass))


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return _is_named(handler.type, {"Exception", "BaseException"})


def _is_named(node: ast.AST | None, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


# Sizes.


def test_functions_are_small() -> None:
    lengths = [length(function) for _, function in functions()]
    assert median(lengths) < 10
    assert quantiles(lengths, n=10)[8] <= 30


def test_no_function_is_a_chapter() -> None:
    long = [f"{path.name}:{f.lineno} {f.name} {length(f)}" for path, f in functions() if length(f) > 50]
    assert not long


def test_modules_are_small() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    check(lambda path: [f"{lengths[path]} lines"] if lengths[path] > 260 else [])
