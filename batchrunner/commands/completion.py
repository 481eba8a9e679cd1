"""`batchrunner completion`: tab completion."""

import click
from click.shell_completion import get_completion_class

from batchrunner.commands import COMPLETING
from batchrunner.commands._completing import prepare
from batchrunner.commands._console import Console
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options


@click.command("completion")
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(["bash", "zsh", "fish"]))
@idle_options(*EVERYWHERE)
@output_options()
@click.pass_context
def command(ctx: click.Context, shell: str, output: Output) -> int:
    """Print a completion script, to be evaluated by your shell: eval "$(batchrunner completion bash)"."""
    root = ctx.find_root().command
    assert isinstance(root, click.Group)  # noqa: S101 - all commands are in one
    prepare(root)
    completer = get_completion_class(shell)
    assert completer is not None  # noqa: S101 - the three shells that click ships
    console, script = Console(output), completer(root, {}, "batchrunner", COMPLETING).source()
    if output.json:
        console.document({"format_version": "1.0", "command": "completion", "shell": shell, "script": script})
    else:
        console.result(script)
    return 0
