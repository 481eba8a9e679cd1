"""The walls of the house: who imports whom, what starting up costs, and how things are written."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median, quantiles

import pytest
from grimp import build_graph
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import batchrunner

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "batchrunner"
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
MODULES = sorted(each.name for each in pkgutil.walk_packages([str(PACKAGE)], "batchrunner."))
HEAVY = {"asyncio", "httpx", "msgspec", "pydantic", "rich", "starlette", "structlog", "tenacity", "uvicorn", "yaml"}
FRONT = {"_version", "__init__", "__main__", "cli", "api"}
EDGES = {
    "applier",
    "canceller",
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

per_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
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


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import sys; before = set(sys.modules); import batchrunner; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {name for name in run.stdout.split() if name.startswith("batchrunner")} == {
        "batchrunner",
        "batchrunner._version",
    }


# Names.


@pytest.mark.parametrize("module", ["batchrunner", *MODULES])
def test_what_is_exported_exists(module: str) -> None:
    if module == "batchrunner.__main__":
        return
    found = importlib.import_module(module)
    exported = getattr(found, "__all__", [])
    assert len(set(exported)) == len(exported)
    missing = [name for name in exported if not hasattr(found, name)]
    assert not missing
    assert list(exported) == sorted(exported, key=_as_ruff_sorts)


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_the_interface_is_what_it_says() -> None:
    assert set(batchrunner.__all__) == {"__version__", "apply", "load", "plan", "wait"}
    with pytest.raises(AttributeError):
        batchrunner.nothing_of_the_kind  # noqa: B018 - the access is the test


# Words.


@per_file
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(TREES[path])


@per_file
def test_every_public_thing_says_what_it_is_for(path: Path) -> None:
    silent = [
        f"{path.name}:{node.lineno} {node.name}" for node in _public(TREES[path].body) if not ast.get_docstring(node)
    ]
    assert not silent


def _public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node
            # What a method of a base class is for is said there.
            yield from () if node.bases else _public(node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node


@per_file
def test_only_commands_print(path: Path) -> None:
    """Results have stdout to themselves, so nothing else may write there."""
    calls = [node for node in ast.walk(TREES[path]) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert "commands" in path.parts or not [call.lineno for call in calls if call.func.id == "print"]  # type: ignore[attr-defined]


@per_file
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    named = {node.attr for node in ast.walk(TREES[path]) if isinstance(node, ast.Attribute)}
    allowed = {"settings.py": {"environ"}, "__init__.py": {"environ"} if path.parent.name == "commands" else set()}
    assert named & {"environ", "environb", "getenv", "putenv"} <= allowed.get(path.name, set())


@per_file
def test_exceptions_are_never_swallowed_whole(path: Path) -> None:
    handlers = [node for node in ast.walk(TREES[path]) if isinstance(node, ast.ExceptHandler)]
    bare = [each.lineno for each in handlers if each.type is None]
    silent = [each.lineno for each in handlers if _is_broad(each) and isinstance(each.body[0], ast.Pass)]
    assert not bare
    assert not silent


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}


# Sizes.


def test_functions_are_small() -> None:
    lengths = [length(function) for _, function in functions()]
    assert median(lengths) < 10
    assert quantiles(lengths, n=10)[8] <= 30


def test_no_function_is_a_chapter() -> None:
    long = [f"{path.name}:{f.lineno} {f.name} {length(f)}" for path, f in functions() if length(f) > 50]
    assert not long


@per_file
def test_modules_are_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 260
