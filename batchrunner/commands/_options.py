"""The options that work after every command, and what they said."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Output:
    """How a command speaks: `json` to stdout as one document, `color` auto, always or never."""

    json: bool
    color: str
    progress: bool
    quiet: bool
    verbose: int
    log_format: str


def output_options(command: F) -> F:
    """Add the options about output; the command receives one `output: Output`."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
    @click.option("--no-progress", is_flag=True, help="No progress on stderr.")
    @click.option("-q", "--quiet", is_flag=True, help="Only the result and errors.")
    @click.option("-v", "--verbose", count=True, help="Log to stderr; twice for debugging.")
    @click.option("--log-format", type=click.Choice(["text", "json"]), default=None, help="Log to stderr in this form.")
    @wraps(command)
    def with_output(
        *args: Any,
        as_json: bool,
        color: str,
        no_progress: bool,
        quiet: bool,
        verbose: int,
        log_format: str | None,
        **kwargs: Any,
    ) -> Any:
        output = Output(as_json, color, not (no_progress or quiet), quiet, verbose, log_format or "")
        return command(*args, output=output, **kwargs)

    return with_output  # type: ignore[return-value]


def spec_options(command: F) -> F:
    """Add the options that say which specs, run and state are meant; the command receives one `choices: Choices`."""

    @click.option("--project", default="", metavar="FILE", help="Project file instead of the nearest batchrunner.yaml.")
    @click.option("--state", default="", metavar="URL", help="State file or folder instead of beside the spec.")
    @click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a declared variable.")
    @click.option("--run-key", default="", metavar="WORD", help="Run for this interval (2026-11-20) or word.")
    @click.option("--at", default="", metavar="TIME", help="Run as if it were this time.")
    @click.option(
        "--target", "targets", multiple=True, metavar="ADDRESS", help="Only this address or glob; repeatable."
    )
    @click.option("--sandbox", is_flag=True, help="Use the built-in sandbox provider and its own state.")
    @wraps(command)
    def with_choices(
        *args: Any,
        project: str,
        state: str,
        variables: tuple[str, ...],
        run_key: str,
        at: str,
        targets: tuple[str, ...],
        sandbox: bool,
        **kwargs: Any,
    ) -> Any:
        from batchrunner.wiring import Choices

        choices = Choices(
            project=project,
            state=state,
            run_key=run_key,
            at=at,
            variables=dict(_pair(text) for text in variables),
            targets=targets,
            sandbox=sandbox,
        )
        return command(*args, choices=choices, **kwargs)

    return with_choices  # type: ignore[return-value]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--var")
    return name, value
