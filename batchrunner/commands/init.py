"""`batchrunner init`: a repository of specs to begin with. Never overwrites."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options
from batchrunner.errors import Refused

NEXT = ("batchrunner apply specs/first.yaml --sandbox",)
NEXT_OF_DEMO = (
    "batchrunner plan specs/",
    "batchrunner apply specs/ --sandbox",
    "batchrunner wait specs/ --sandbox",
    "batchrunner fetch specs/ --sandbox",
)


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--demo", is_flag=True, help="A whole repository that works: specs, policy, owners, README.")
@click.option("--ci", type=click.Choice(["github", "gitlab", "none"]), default="github", show_default=True,
              help="Whose pipelines to write.")  # fmt: skip
@idle_options(*EVERYWHERE)
@output_options()
def command(*, folder: Path, demo: bool, ci: str, output: Output) -> int:
    """Write what a repository of specs starts with into DIR. Files that are there stay as they are."""
    console = Console(output)
    from batchrunner.commands._starters import starter_files
    from batchrunner.schemas import schema_text

    files = {
        **starter_files(ci, demo=demo),
        "specs/schema/spec.schema.json": schema_text("spec"),
        "specs/schema/project.schema.json": schema_text("project"),
    }
    written = [name for name, text in files.items() if _write(folder / name, text)]
    unignored = _unignored(folder / ".gitignore")
    if output.json:
        console.document({"format_version": "1.0", "command": "init", "written": written,
                          "kept": [name for name in files if name not in written],
                          "unignored": unignored})  # fmt: skip
        return 0
    for name in files:
        console.result(f"{'wrote' if name in written else 'kept '} {folder / name}")
    if unignored:
        console.note("\n".join([f"Add these lines to {folder / '.gitignore'}:", *(f"  {line}" for line in unignored)]))
    console.note(_next(folder, NEXT_OF_DEMO if demo else NEXT))
    return 0


def _next(folder: Path, commands: Sequence[str]) -> str:
    typed = [*([] if folder == Path() else [f"cd {quote(str(folder))}"]), *commands]
    return f"Next: {' && '.join(typed)}" if len(commands) == 1 else "\n  ".join(["Next:", *typed])


def _unignored(path: Path) -> list[str]:
    """The lines of ours that the .gitignore at `path` lacks."""
    from batchrunner.commands._starters import ignored_lines

    try:
        there = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        there = []
    return [line for line in ignored_lines() if line not in map(str.strip, there)]


def _write(path: Path, text: str) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise Refused("not-written", "the file cannot be written", where=str(path), why=error.strerror or "",
                      hint="batchrunner init DIR, for a folder that may be written to") from None  # fmt: skip
    return True
