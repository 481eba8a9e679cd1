"""Plans as files and on screen."""

import os
from pathlib import Path

from batchrunner.commands._console import Console
from batchrunner.errors import Refused, StaleError
from batchrunner.plans import FORMAT, FORMAT_VERSION, Plan, digest_of_plan
from batchrunner.records import decode, pretty

FORMATS = ["text", "json", "markdown"]


def show_plan(plan: Plan, form: str, console: Console) -> None:
    """Write `plan` to stdout as text, json or markdown."""
    if form == "json":
        from batchrunner.render.json import dumps, plan_document

        console.result(dumps(plan_document(plan)))
    elif form == "markdown":
        from batchrunner.render.markdown import plan_markdown

        console.result(plan_markdown(plan))
    else:
        from batchrunner.render.text import plan_text

        console.result(plan_text(plan, console.style, console.width or 80))


def write_plan(plan: Plan, path: str) -> None:
    """Save `plan`, readable by its owner alone. Raises `Refused` `plan-not-written`."""
    try:
        temporary = f"{path}.{os.getpid()}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pretty(plan))
        os.replace(temporary, path)
    except OSError as error:
        raise Refused("plan-not-written", "the plan cannot be saved", where=path, why=error.strerror or "") from None


def read_plan(path: str) -> Plan:
    """The plan saved at `path`. Raises `Refused` for what is no plan, `StaleError` for a newer or an altered one."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise Refused("plan-not-read", "the plan cannot be read", where=path, why=error.strerror or "") from None
    _check_format(data, path)
    plan = decode(data, Plan, what=f"the plan {path}")
    if digest_of_plan(plan) != plan.plan_id:
        raise StaleError(
            "plan-altered",
            "the plan's content does not match its plan_id",
            where=path,
            why="It was edited, or damaged, after it was made.",
            hint="Plan again.",
        )
    return plan


def _check_format(data: bytes, path: str) -> None:
    import json

    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused("not-a-plan", "the file is not a saved plan", where=path, why=f"Not JSON: {error}.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Refused("not-a-plan", "the file is not a saved plan", where=path, hint="batchrunner plan SPEC --out FILE")
    version = str(document.get("format_version", ""))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise StaleError(
            "newer-format",
            f"the plan has format {version}; this batchrunner reads {FORMAT_VERSION}",
            where=path,
            hint="Plan again with this version, or apply it with the one that made it.",
        )


def is_saved_plan(paths: tuple[str, ...]) -> bool:
    """Whether the command line names one file that is meant to be a plan: specs are YAML, plans are JSON."""
    return len(paths) == 1 and paths[0].endswith(".json")
