"""Plans as files and on screen."""

import errno
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from batchrunner.commands._console import Console
from batchrunner.commands._files import refuse_kept, replace_file
from batchrunner.errors import Diagnostic, Refused, StaleError, StateError, UsageError
from batchrunner.loader.files import SUFFIXES
from batchrunner.plans import FORMAT, FORMAT_VERSION, Plan, Refusal, digest_of_plan
from batchrunner.policy import refused
from batchrunner.records import decode, pretty
from batchrunner.wiring.typed import profile_of

MAX_BYTES = 256 << 20
HOW_TO_SAVE = "make one: batchrunner plan PATH --out FILE"


FORMS = ("markdown", "github", "gitlab", "gitlab-report")
"""The forms of a plan beside text and JSON."""
Places = Callable[[], Mapping[str, Diagnostic]]
"""Says where batches are declared, by address: finding that out takes as long as reading the specs."""


def show_plan(plan: Plan, command: str, console: Console, places: Places = dict, *, saved: str = "") -> None:
    """Write `plan` to stdout in the form the console has; `command` is what shows it, `saved` the file it is in."""
    if console.output.json:
        from batchrunner.render.json import plan_document

        document = plan_document(plan)
        console.document({"format": document.pop("format"), "format_version": document.pop("format_version"),
                          "command": command, **document})  # fmt: skip
    elif console.output.form in FORMS:
        console.result(_in_form(plan, console.output.form, places, saved))
    else:
        from batchrunner.render.text import plan_text

        console.result(plan_text(plan, console.style, console.width or 80))


def _in_form(plan: Plan, form: str, places: Places, saved: str) -> str:
    if form == "markdown":
        from batchrunner.render.markdown import plan_markdown

        return plan_markdown(plan, saved)
    if form == "gitlab-report":
        from batchrunner.render.gitlab import plan_gitlab_report

        return plan_gitlab_report(plan)
    from batchrunner.commands._placing import placed, placed_plan
    from batchrunner.render.github import plan_github
    from batchrunner.render.gitlab import plan_gitlab

    plan, found = placed_plan(plan, form), {address: placed(place, form) for address, place in places().items()}
    return plan_github(plan, found) if form == "github" else plan_gitlab(plan, found)


def stop_refused(broken: Sequence[Refusal], project_file: str, console: Console) -> None:
    """Raise `Refused` `policy-refused` where a plan, as shown, breaks the policy. Nothing of it was sent or saved."""
    if not broken:
        return
    error = refused(broken, project_file)
    if not console.output.json:
        error.why = ""  # each rule was shown with the plan
    raise error


def write_plan(plan: Plan, path: str) -> None:
    """Save `plan`, readable by its owner alone. Raises `Refused` `plan-not-written`, `not-a-plan` for another file,
    `UsageError` for a name of ours."""
    refuse_kept("--out", path)
    if os.path.isfile(path) and os.path.getsize(path) and not _is_plan(path):
        raise Refused("not-a-plan", "there is a file that is no plan, and it is not overwritten", where=path,
                      hint="name another file with --out")  # fmt: skip
    try:
        replace_file(path, pretty(plan), 0o600)
    except (OSError, ValueError) as error:
        raise Refused("plan-not-written", "the plan cannot be saved", where=path, why=_why(error),
                      hint="name a file in a folder that is there and may be written to") from None  # fmt: skip


def _why(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or "It is not a path."


def read_plan(path: str) -> Plan:
    """The plan saved at `path`. Raises `Refused` for what is no plan, `StaleError` for a newer or an altered one."""
    data = _bytes_of(path)
    _check_format(data, path)
    plan = _decoded(data, path)
    if digest_of_plan(plan) != plan.plan_id:
        raise StaleError(
            "plan-altered",
            "the plan's content does not match its plan_id",
            where=path,
            why="It was edited, or damaged, after it was made.",
            hint=HOW_TO_SAVE,
        )
    return plan


def _bytes_of(path: str) -> bytes:
    try:
        # Without O_NONBLOCK a pipe that nobody writes to would hold the command.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(descriptor, True)  # who has begun to write may be slower than we read
        with os.fdopen(descriptor, "rb") as file:
            return _content_of(file)
    except (OSError, ValueError) as error:
        raise Refused("plan-not-read", "the plan cannot be read", where=path, why=_why(error),
                      hint=HOW_TO_SAVE) from None  # fmt: skip


def _content_of(file: BinaryIO) -> bytes:
    """All of a file or a pipe. Raises `OSError` for a device, which may never end, and for more than a plan can be."""
    known = os.fstat(file.fileno())
    if not stat.S_ISREG(known.st_mode) and not stat.S_ISFIFO(known.st_mode):
        raise OSError(errno.EINVAL, "It is neither a file nor a pipe.")
    data = (file.read(MAX_BYTES + 1) or b"") if known.st_size <= MAX_BYTES else b""
    if max(known.st_size, len(data)) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"It is larger than any plan: more than {MAX_BYTES >> 20} MiB.")
    return data


def _decoded(data: bytes, path: str) -> Plan:
    try:
        return decode(data, Plan, what="the plan")
    except StateError as error:
        raise StaleError("plan-altered", "the plan is damaged", where=path, why=error.why, hint=HOW_TO_SAVE) from None


def _check_format(data: bytes, path: str) -> None:
    import json

    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _no_plan(path, f"It is not JSON: {error}.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _no_plan(path, "It is JSON of another kind.")
    version = str(document.get("format_version", ""))
    if version != FORMAT_VERSION:
        # A newer minor version may hold a condition that this one would pass over.
        raise StaleError(
            "newer-format",
            f"the plan has format {version}; this batchrunner reads {FORMAT_VERSION}",
            where=path,
            hint="plan again with this version, or apply it with the one that made it",
        )


def _no_plan(path: str, why: str) -> Refused:
    return Refused("not-a-plan", "the file is not a saved plan", where=path, why=why, hint=HOW_TO_SAVE)


def is_saved_plan(paths: tuple[str, ...]) -> bool:
    """Whether the command line names one file that is, or is meant to be, a saved plan: specs are YAML."""
    return len(paths) == 1 and (paths[0].endswith(".json") or _is_plan(paths[0]))


def _is_plan(path: str) -> bool:
    try:
        if path.endswith(SUFFIXES) or not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return file.read(1) == b"{" and f'"{FORMAT}"'.encode() in file.read(MAX_BYTES)
    except (OSError, ValueError):
        return False


def refuse_another_profile(plan: Plan, profile: str) -> None:
    """A plan is applied with the profile it was made with: that has decided where its batches and its state are."""
    made_with = profile_of(plan)
    if profile and profile != made_with:
        made = f"with --profile {made_with}" if made_with else "without a profile"
        raise UsageError("plan-is-fixed", f"the plan was made {made}, and is not applied with another",
                         why=f"--profile, or BATCHRUNNER_PROFILE, says {profile}.",
                         hint="leave it out, or plan again with it")  # fmt: skip
