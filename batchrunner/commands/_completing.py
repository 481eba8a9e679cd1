"""What the shell offers after TAB: specs, plans, addresses, run keys, profiles, codes. Loaded for nothing else.

It reads small files and opens no connection, and whatever is wrong with them, nothing is said: nobody asked.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from glob import escape, glob
from itertools import pairwise
from pathlib import Path

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

VARIABLE = "_BATCHRUNNER_COMPLETE"
LARGEST = 32 << 20
"""Bytes of a state that is looked into."""
LARGEST_SPEC = 256 << 10
MOST = 2000
PROJECT = "batchrunner.yaml"
BREAKS = "=:"
"""What bash cuts words at, of what is in our addresses and run keys; its manual calls it COMP_WORDBREAKS."""

Find = Callable[[click.Context, str], Iterable[str]]


class Words(click.ParamType):  # type: ignore[type-arg]
    """A value that `find` knows candidates for."""

    name = "text"

    def __init__(self, find: Find) -> None:
        self._find = find

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What starts with `incomplete`; nothing where anything is wrong."""
        try:
            found = dict.fromkeys(word for word in self._find(ctx, incomplete) if word.startswith(incomplete))
        except Exception:
            return []
        return [CompletionItem(word) for word in list(found)[:MOST] if word.isprintable()]


class Bash(BashComplete):
    """Completion for bash, whose words end at `=` and `:` and which takes brackets for patterns."""

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' word
    COMPREPLY=()
    while read -r word; do
        [[ -n $word ]] && COMPREPLY+=("${word#*,}")
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
    return 0
}
%(complete_func)s_setup() {
    complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
}
%(complete_func)s_setup;
"""

    @staticmethod
    def _check_version() -> None:
        """Nothing: what an old bash does not know is left out by the script itself."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one at the cursor, and that one."""
        line = os.environ.get("COMP_LINE", "")
        if not line:
            return super().get_completion_args()
        words = split_arg_string(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """The part of a word that bash replaces, quoted where it is not in quotes already."""
        typed = re.split(r"(?<!\\)\s", os.environ.get("COMP_LINE", ""))[-1]
        if typed[:1] in {"'", '"'}:
            return f"{item.type},{item.value}"
        quoted = re.sub(r"([][*?#(){}$`\"'\\&;|<>!~ ])", r"\\\1", item.value)
        cut = max(typed.rfind(character) for character in BREAKS) + 1
        return f"{item.type},{quoted[_length(quoted, typed[:cut]) :]}"


def _length(quoted: str, typed: str) -> int:
    """How much of `quoted` stands for what was `typed`, with backslashes or without."""
    plain = typed.replace("\\", "").rpartition("--")[2] if typed.startswith("--") else typed.replace("\\", "")
    plain = plain.partition("=")[2] if typed.startswith("--") else plain
    at = count = 0
    while count < len(plain) and at < len(quoted):
        at += 2 if quoted[at] == "\\" else 1
        count += 1
    return at


def prepare(group: click.Group) -> None:
    """Have the parameters of every command of `group`, as it is loaded, know their candidates."""
    add_completion_class(Bash, "bash")
    group.get_command = _knowing(group.get_command)  # type: ignore[method-assign, assignment]


def _knowing(
    get: Callable[[click.Context, str], click.Command | None],
) -> Callable[[click.Context, str], click.Command | None]:
    def get_command(ctx: click.Context, name: str) -> click.Command | None:
        command = get(ctx, name)
        if isinstance(command, click.Group):
            for each in command.commands.values():
                _teach(each)
        elif command is not None:
            _teach(command)
        return command

    return get_command


def _teach(command: click.Command) -> None:
    for parameter in command.params:
        find = _finder(command.name or "", parameter)
        if find is not None:
            parameter.type = Words(find)


def _finder(command: str, parameter: click.Parameter) -> Find | None:
    if isinstance(parameter, click.Option):
        return next((find for option, find in _OPTIONS.items() if option in parameter.opts), None)
    words = parameter.metavar or ""
    if command in _ARGUMENTS:
        return _ARGUMENTS[command]
    kinds = {"PATH": _specs, "PLAN": _plans, "ADDRESS": _addresses}
    finds = [find for word, find in kinds.items() if word in words]
    return (lambda ctx, incomplete: [each for find in finds for each in find(ctx, incomplete)]) if finds else None


# Candidates.


def _files(incomplete: str, *endings: str) -> Iterator[str]:
    """Files below what was typed, and folders with a slash behind them; hidden ones are left out."""
    for path in sorted(glob(f"{escape(incomplete)}*")):
        if os.path.isdir(path):
            yield f"{path}/"
        elif path.endswith(endings):
            yield path


def _specs(ctx: click.Context, incomplete: str) -> Iterator[str]:
    return (path for path in _files(incomplete, ".yaml", ".yml") if os.path.basename(path) != PROJECT)


def _plans(ctx: click.Context, incomplete: str) -> Iterator[str]:
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
    return split_arg_string(os.environ.get("COMP_LINE") or os.environ.get("COMP_WORDS", ""))


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


def _addresses(ctx: click.Context, incomplete: str) -> Iterator[str]:
    for held in _states():
        for address in held:
            yield address
            yield address.partition("#")[0]
    yield from _declared()


def _declared() -> Iterator[str]:
    """The addresses that the specs on the command line declare, where reading those takes no time."""
    specs = [path for path in _paths() if path.endswith((".yaml", ".yml"))]
    if not specs or sum(os.path.getsize(path) for path in specs) > LARGEST_SPEC:
        return
    from batchrunner.wiring import Choices, open_workspace

    choices = Choices(project=_said("--project"), profile=_said("--profile"))
    for spec in open_workspace(specs, choices, stdin=bytes, expand=False).specs:
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


_OPTIONS: dict[str, Find] = {
    "--target": _addresses,
    "--replace": _addresses,
    "--run-key": _run_keys,
    "--profile": _profiles,
    "--project": _project_files,
    "--state": _state_files,
}
_ARGUMENTS: dict[str, Find] = {"explain": _codes, "schema": _schemas}
