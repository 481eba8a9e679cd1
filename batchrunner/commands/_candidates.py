"""What the shell may offer after TAB: specs, plans, addresses, run keys, profiles, codes."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from glob import escape, glob
from itertools import pairwise
from pathlib import Path

import click
from click.shell_completion import split_arg_string

from batchrunner.settings import environment

LARGEST = 32 << 20
"""Bytes of a state that is looked into."""
LARGEST_SPEC = 256 << 10
PROJECT = "batchrunner.yaml"

Find = Callable[[click.Context, str], Iterable[str]]
"""Finds the words that may follow what was typed."""


def _files(incomplete: str, *endings: str) -> Iterator[str]:
    """Files below what was typed, and folders with a slash behind them; hidden ones are left out."""
    for path in sorted(glob(f"{escape(incomplete)}*")):
        if os.path.isdir(path):
            yield f"{path}/"
        elif path.endswith(endings):
            yield path


def specs(ctx: click.Context, incomplete: str) -> Iterator[str]:
    """Spec files, and folders."""
    return (path for path in _files(incomplete, ".yaml", ".yml") if os.path.basename(path) != PROJECT)


def plans(ctx: click.Context, incomplete: str) -> Iterator[str]:
    """Saved plans, and folders."""
    for path in _files(incomplete, ".json"):
        if path.endswith("/") or (not path.endswith(".state.json") and _begins_as_plan(path)):
            yield path


def _begins_as_plan(path: str) -> bool:
    if os.path.getsize(path) > LARGEST:
        return True  # a list of candidates need not be sure
    return b'"batchrunner.plan"' in Path(path).read_bytes()


def _project_files(ctx: click.Context, incomplete: str) -> Iterator[str]:
    return _files(incomplete, ".yaml", ".yml")


def _state_files(ctx: click.Context, incomplete: str) -> Iterator[str]:
    return _files(incomplete, ".state.json")


def _typed() -> list[str]:
    """All words on the command line: click forgets those before an option whose value is still to come."""
    return split_arg_string(environment().get("COMP_LINE") or environment().get("COMP_WORDS", ""))


def _said(option: str) -> str:
    """The value that was typed for `option`, empty for none."""
    words = _typed()
    joined = next((word.partition("=")[2] for word in words if word.startswith(f"{option}=")), "")
    return joined or next((after for word, after in pairwise(words) if word == option), "")


def _states() -> Iterator[dict[str, dict[str, object]]]:
    """Addresses with their runs, of the states that a command would look into: those beside the specs it names."""
    named, wants_sandbox = _said("--state"), "--sandbox" in _typed()
    for path in [named] if named.endswith(".json") else sorted(set(_usual_states(named))):
        is_sandbox = ".sandbox.state." in path
        if is_sandbox == wants_sandbox and os.path.isfile(path) and os.path.getsize(path) <= LARGEST:
            held = json.loads(Path(path).read_bytes()).get("batches")
            if isinstance(held, dict):
                yield held


def _usual_states(named: str) -> Iterator[str]:
    folders = {os.path.dirname(path) if not os.path.isdir(path) else path for path in _paths()}
    for folder in [named.removeprefix("file:")] if named else {"", "specs", ".batchrunner/state", *folders}:
        yield from glob(os.path.join(escape(folder), "*.state.json"))


def _paths() -> list[str]:
    return [word for word in _typed()[1:] if word.endswith((".yaml", ".yml", "/")) and os.path.exists(word)]


def addresses(ctx: click.Context, incomplete: str) -> Iterator[str]:
    """Addresses in states, with and without their shards, and those that specs declare."""
    for held in _states():
        for address in held:
            yield address
            yield address.partition("#")[0]
    yield from _declared()


def _declared() -> Iterator[str]:
    """The addresses that the specs on the command line declare, where reading those takes no time."""
    named = [path for path in _paths() if path.endswith((".yaml", ".yml"))]
    if not named or sum(os.path.getsize(path) for path in named) > LARGEST_SPEC:
        return
    from batchrunner.wiring import Choices, open_workspace

    choices = Choices(project=_said("--project"), profile=_said("--profile"))
    for spec in open_workspace(named, choices, stdin=bytes, expand=False).specs:
        yield from (batch.address for batch in spec.batches)


def _run_keys(ctx: click.Context, incomplete: str) -> list[str]:
    keys = {key for held in _states() for runs in held.values() for key in runs}
    words = {key.partition(":")[2] for key in keys if key.partition(":")[0] != "content"}
    return sorted(words | keys, key=lambda key: (":" in key, key), reverse=False)


def _profiles(ctx: click.Context, incomplete: str) -> Iterator[str]:
    """The keys below `profiles:` in the project file, read as lines: YAML would take longer than the shell waits."""
    named = _said("--project")
    folders = (Path.cwd(), *Path.cwd().parents)
    path = Path(named) if named else next((each / PROJECT for each in folders if (each / PROJECT).is_file()), None)
    if path is None or path.stat().st_size > LARGEST_SPEC:
        return
    below = f"\n{path.read_text()}".partition("\nprofiles:")[2].partition("\n")[2]
    block = re.split(r"^[^\s#]", below, maxsplit=1, flags=re.MULTILINE)[0]
    names = re.findall(r"^([ \t]+)([a-z0-9][a-z0-9._-]*):", block, re.MULTILINE)
    shallowest = min((len(indent) for indent, _ in names), default=0)
    yield from (name for indent, name in names if len(indent) == shallowest)


def _codes(ctx: click.Context, incomplete: str) -> Iterator[str]:
    from batchrunner.explanations import FAMILIES

    return (entry.code for family in FAMILIES for entry in family.entries)


def _schemas(ctx: click.Context, incomplete: str) -> list[str]:
    from batchrunner.outputschemas import names

    return ["spec", "project", *names()]


OPTIONS: dict[str, Find] = {
    "--target": addresses,
    "--replace": addresses,
    "--run-key": _run_keys,
    "--profile": _profiles,
    "--project": _project_files,
    "--state": _state_files,
}
ARGUMENTS: dict[str, Find] = {"explain": _codes, "schema": _schemas}
