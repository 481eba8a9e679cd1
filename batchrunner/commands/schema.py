"""`batchrunner schema`: what editors check specs and project files against, and programs what batchrunner writes."""

import json
from typing import Any

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options
from batchrunner.errors import UsageError

WRITTEN_BY_PEOPLE = {"spec": "A spec", "project": "A project file"}


@click.command("schema")
@click.argument("words", nargs=-1, metavar="[spec|project|plan|state|summary|events|COMMAND]")
@idle_options(*EVERYWHERE)
@output_options()
def command(words: tuple[str, ...], output: Output) -> int:
    """Print the JSON Schema (draft 2020-12) of a file, of the event stream, or of what COMMAND --json writes.

    Without a name it lists what there is.
    """
    from batchrunner.outputschemas import names

    console, which, known = Console(output), " ".join(words), (*WRITTEN_BY_PEOPLE, *names())
    if which and which not in known:
        raise _unknown(which, known)
    if output.json:
        schema = json.loads(_text(which)) if which else {}
        console.document({"format_version": "1.0", "command": "schema", "which": which, "schema": schema,
                          "names": list(known)})  # fmt: skip
    else:
        console.result(_text(which) if which else _list())
    return 0


def _text(which: str) -> str:
    from batchrunner.outputschemas import output_schema
    from batchrunner.schemas import schema_text

    if which in WRITTEN_BY_PEOPLE:
        return schema_text("spec" if which == "spec" else "project")
    return json.dumps(output_schema(which), indent=2, ensure_ascii=False) + "\n"


def _list() -> str:
    from batchrunner.outputs import OUTPUTS
    from batchrunner.outputschemas import TITLES

    told: dict[str, Any] = {**WRITTEN_BY_PEOPLE, **TITLES}
    lines = [f"{name:<9}{text}" for name, text in told.items()]
    return "\n".join([*lines, "", "What a command writes with --json:", *(f"  {name}" for name in OUTPUTS)])


def _unknown(which: str, known: tuple[str, ...]) -> UsageError:
    from batchrunner.suggestions import did_you_mean

    suggestion = did_you_mean(which, known)
    return UsageError("unknown-schema", f"there is no schema of `{which}`",
                      hint=" ".join(filter(None, [suggestion, "All there is: batchrunner schema"])))  # fmt: skip
