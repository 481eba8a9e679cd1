"""What the shell offers after TAB: specs, plans, addresses, run keys, profiles, codes. Loaded for nothing else.

It reads small files and opens no connection, and whatever is wrong with them, nothing is said: nobody asked.
"""

import re
from collections.abc import Callable

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

from batchrunner.commands._candidates import ARGUMENTS, OPTIONS, Find, addresses, plans, specs
from batchrunner.settings import environment

VARIABLE = "_BATCHRUNNER_COMPLETE"
MOST = 2000
BREAKS = "=:"
"""What bash cuts words at, of what is in our addresses and run keys; its manual calls it COMP_WORDBREAKS."""


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
        line = environment().get("COMP_LINE", "")
        if not line:
            return super().get_completion_args()
        words = split_arg_string(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """The part of a word that bash replaces, quoted where it is not in quotes already."""
        typed = re.split(r"(?<!\\)\s", environment().get("COMP_LINE", ""))[-1]
        if typed[:1] in _IN_QUOTES:
            return f"{item.type},{_IN_QUOTES[typed[0]](item.value)}"
        quoted = re.sub(r"([][*?#(){}$`\"'\\&;|<>!~ ])", r"\\\1", item.value)
        cut = max(typed.rfind(character) for character in BREAKS) + 1
        return f"{item.type},{quoted[_length(quoted, typed[:cut]) :]}"


_IN_QUOTES: dict[str, Callable[[str], str]] = {
    "'": lambda word: word.replace("'", "'\\''"),
    # A backslash keeps `!` from the history, and would stay: such a word leaves its quotes for it.
    '"': lambda word: re.sub(r'([\\"$`])', r"\\\1", word).replace("!", "\"'!'\""),
}
"""What a file or a state calls something, as it has to stand between quotes: bash runs what is in `$(…)` in some."""


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
        return next((find for option, find in OPTIONS.items() if option in parameter.opts), None)
    words = parameter.metavar or ""
    if command in ARGUMENTS:
        return ARGUMENTS[command]
    kinds = {"PATH": specs, "PLAN": plans, "ADDRESS": addresses}
    finds = [find for word, find in kinds.items() if word in words]
    return (lambda ctx, incomplete: [each for find in finds for each in find(ctx, incomplete)]) if finds else None
