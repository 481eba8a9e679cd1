"""What a review is shown beside the terminal: plans that could not be made, and the files of a GitHub runner."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from secrets import token_hex

from batchrunner.commands._console import Console
from batchrunner.commands._secrets import redacted
from batchrunner.errors import BatchrunnerError
from batchrunner.plans import Plan
from batchrunner.settings import Settings, environment

PUBLISHED = frozenset({"github", "markdown"})
"""The forms that are for GitHub, whose runner names files for more."""
MOST_SUMMARY = 1 << 20
"""Bytes that GitHub takes as the summary of a step; of more it shows nothing (docs: "Workflow commands")."""


@contextmanager
def failures_shown(console: Console, paths: Sequence[str]) -> Iterator[None]:
    """Show why there is no plan for `paths` on stdout too, where its form is one that a pull request shows."""
    try:
        yield
    except BatchrunnerError as error:
        text = _failure(error, console.output.form, paths)
        if text:
            console.result(text)
        if console.output.form in PUBLISHED:
            from batchrunner.render.failures import failure_markdown

            _append_summary(failure_markdown(error, paths), console)
        raise


def _failure(error: BatchrunnerError, form: str, paths: Sequence[str]) -> str:
    if form not in {"markdown", "github", "gitlab"}:
        return ""
    from batchrunner.commands._placing import placed_error, placed_path
    from batchrunner.render.failures import failure_github, failure_gitlab, failure_markdown

    if form == "markdown":
        return failure_markdown(error, paths)
    error = placed_error(error, form)
    if form == "github":
        return failure_github(error)
    return failure_gitlab(error, [placed_path(path, form) for path in paths])


def publish(plan: Plan, file: str, console: Console) -> None:
    """Write the summary and the outputs of a step of GitHub Actions, where its runner says where and the form is its.

    `file` is where the plan is saved, empty for nowhere. What cannot be written is a warning.
    """
    if console.output.form not in PUBLISHED:
        return
    settings = Settings.read(environment())
    if settings.github_step_summary:
        from batchrunner.render.markdown import plan_markdown

        _append_summary(plan_markdown(plan, file), console)
    if settings.github_output:
        from batchrunner.render.outputs import outputs_text, plan_outputs

        text = outputs_text(plan_outputs(plan, file), f"batchrunner_{token_hex(16)}")
        _append(settings.github_output, redacted(text), "GITHUB_OUTPUT", console)


def _append_summary(text: str, console: Console) -> None:
    path = Settings.read(environment()).github_step_summary
    if path:
        _append(path, redacted(text), "GITHUB_STEP_SUMMARY", console, most=MOST_SUMMARY)


def _append(path: str, text: str, name: str, console: Console, most: int = 0) -> None:
    data = text.encode(errors="backslashreplace")
    try:
        # Neither made nor waited for: the runner made the file, and anything else is not its file.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            if most and os.fstat(descriptor).st_size + len(data) > most:
                console.warn(f"warning: not written to {name}: there is more than GitHub shows of a step already")
                return
            file.write(data)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not a path"
        console.warn(f"warning: {name} cannot be written: {why}")
