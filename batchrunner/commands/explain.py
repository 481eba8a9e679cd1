"""`batchrunner explain`: what a code means, and what to do."""

from typing import TYPE_CHECKING

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options

if TYPE_CHECKING:
    from batchrunner.explanations import Explanation, Family


@click.command("explain")
@click.argument("code", required=False, default="", metavar="[CODE]")
@idle_options(*EVERYWHERE)
@output_options()
def command(code: str, output: Output) -> int:
    """Explain a code: its cause, and the way on.

    CODE may be pasted as it was shown: 'error[unknown-key]'. Without one, all of them are listed.
    """
    from batchrunner.explanations import FAMILIES
    from batchrunner.render.explanations import codes_text, explanation_document, explanation_text

    console = Console(output)
    found = _found(code) if code else [(family, entry) for family in FAMILIES for entry in family.entries]
    if output.json:
        console.document({"format_version": "1.0", "command": "explain", **explanation_document(found)})
    elif code:
        console.result(explanation_text(found, console.style, console.width or 80) + "\n")
    else:
        console.result(codes_text(FAMILIES, console.style, console.width or 80) + "\n")
    return 0


def _found(code: str) -> "list[tuple[Family, Explanation]]":
    from batchrunner.errors import UsageError
    from batchrunner.explanations import FAMILIES, explanations_of, pasted
    from batchrunner.printable import brief
    from batchrunner.suggestions import did_you_mean

    word = pasted(code)
    found = list(explanations_of(word, FAMILIES))
    if not found:
        known = [entry.code for family in FAMILIES for entry in family.entries]
        hint = did_you_mean(word.replace("_", "-"), known, "batchrunner explain {}")
        raise UsageError("no-such-code", f"there is no code `{brief(word)}`",
                         why="Words that a provider chose are in its own documentation.",
                         hint=hint or "batchrunner explain, without a code, lists all")  # fmt: skip
    return found
