"""`batchrunner init`: a first spec, a project file, a CI workflow. Never overwrites."""

from pathlib import Path
from shlex import quote

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options
from batchrunner.commands._templates import IGNORED, TEMPLATES
from batchrunner.errors import Refused


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@idle_options(*EVERYWHERE)
@output_options()
def command(*, folder: Path, output: Output) -> int:
    """Write what a repository of specs starts with into DIR. Files that are there stay as they are."""
    console = Console(output)
    from batchrunner.schemas import schema_text

    files = {
        **TEMPLATES,
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
    prefix = "" if folder == Path() else f"cd {quote(str(folder))} && "
    console.note(f"Next: {prefix}batchrunner apply specs/first.yaml --sandbox")
    return 0


def _unignored(path: Path) -> list[str]:
    """The lines of ours that the .gitignore at `path` lacks."""
    try:
        there = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        there = []
    return [line for line in IGNORED.splitlines() if line not in map(str.strip, there)]


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
