"""The options that work after every command, and what they said."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
EVERYWHERE = ("project", "profile", "state", "var", "run-key", "at", "target")
"""Options that every command takes, so that a script may add them to all it runs."""


@dataclass(frozen=True, slots=True)
class Output:
    """How a command speaks: `form` is text, json or what else the command offers, `color` auto, always or never."""

    form: str
    color: str
    progress: bool
    quiet: bool
    verbose: int
    log_format: str

    @property
    def json(self) -> bool:
        """Whether the result is one JSON document."""
        return self.form == "json"


def output_options(*forms: str) -> Callable[[F], F]:
    """Add the options about output; `forms` are those besides text and JSON. The command receives `output: Output`."""

    def decorate(command: F) -> F:
        @click.option("--json", "as_json", is_flag=True, help="JSON on stdout, for programs: one document, or events.")
        @click.option("--format", "form", type=click.Choice(["text", "json", *forms]), help="Form of the result.")
        @click.option(
            "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour."
        )
        @click.option("--no-progress", is_flag=True, help="No progress on stderr.")
        @click.option("-q", "--quiet", is_flag=True, help="Only the result and errors.")
        @click.option("-v", "--verbose", count=True, help="Log to stderr; twice for debugging.")
        @click.option("--log-format", type=click.Choice(["text", "json"]), help="Log to stderr in this form.")
        @wraps(command)
        def with_output(
            *args: Any,
            as_json: bool,
            form: str | None,
            color: str,
            no_progress: bool,
            quiet: bool,
            verbose: int,
            log_format: str | None,
            **kwargs: Any,
        ) -> Any:
            output = Output(
                form=_form(as_json, form),
                color=color,
                progress=not (no_progress or quiet),
                quiet=quiet,
                verbose=verbose,
                log_format=log_format or _log_format(),
            )
            return command(*args, output=output, **kwargs)

        return with_output  # type: ignore[return-value]

    return decorate


def _form(as_json: bool, form: str | None) -> str:
    if as_json and form not in {None, "json"}:
        raise click.UsageError(f"--json and --format {form} contradict each other")
    return "json" if as_json else form or "text"


def _log_format() -> str:
    from batchrunner.errors import UsageError
    from batchrunner.settings import Settings, environment

    said = Settings.read(environment()).log_format
    if said not in {"", "text", "json"}:
        raise UsageError("bad-setting", f"BATCHRUNNER_LOG_FORMAT must be text or json, not {said!r}")
    return said


def idle_options(*names: str) -> Callable[[F], F]:
    """Take options of other commands that have nothing to decide here. Only where ignoring them cannot mislead."""

    def decorate(command: F) -> F:
        for name in names:
            command = click.option(f"--{name}", hidden=True, expose_value=False, multiple=True)(command)
        return command

    return decorate


def word_option(name: str, **settings: Any) -> Callable[[F], F]:
    """An option with one value, empty where it is left out. Given with an empty value it is refused."""
    return click.option(name, callback=_not_empty, **settings)


def profile_option(command: F) -> F:
    """Add `--profile`, for which BATCHRUNNER_PROFILE stands in."""
    words = "Profile of the project file, with a state of its own."
    return word_option("--profile", metavar="NAME", envvar="BATCHRUNNER_PROFILE", help=words)(command)


def _not_empty(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    if value == "" and not ctx.resilient_parsing:
        from batchrunner.errors import UsageError

        raise UsageError("empty-value", f"the value of {param.opts[0]} is empty",
                         why="A variable that is not set looks like this in a script.",
                         hint=f"give it a value, or leave {param.opts[0]} out")  # fmt: skip
    return value or ""


def _unicode(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    from batchrunner.printable import is_unicode

    if not all(map(is_unicode, values)):
        from batchrunner.errors import UsageError

        raise UsageError("not-utf-8", f"a value of {param.opts[0]} is not UTF-8", hint="addresses are plain letters")
    return values


def spec_options(command: F) -> F:
    """Add the options that say which specs, run and state are meant; the command receives one `choices: Choices`."""

    @word_option("--project", metavar="FILE", help="Project file instead of the nearest batchrunner.yaml.")
    @profile_option
    @word_option("--state", metavar="URL", help="State file or folder instead of beside the spec.")
    @click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a declared variable.")
    @word_option("--run-key", metavar="WORD", help="Run for this interval (2026-11-20) or word.")
    @word_option("--at", metavar="TIME", help="Run as if it were this time.")
    @click.option(
        "--target", "targets", multiple=True, callback=_unicode, metavar="ADDRESS",
        help="Only this address or glob; repeatable.",
    )  # fmt: skip
    @click.option("--sandbox", is_flag=True, help="Use the built-in sandbox provider and its own state.")
    @wraps(command)
    def with_choices(
        *args: Any,
        project: str,
        profile: str,
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
            profile=profile,
            state=state,
            run_key=run_key,
            at=at,
            variables=dict(_pair(text) for text in variables),
            targets=targets,
            sandbox=sandbox,
        )
        return command(*args, choices=choices, **kwargs)

    return with_choices  # type: ignore[return-value]


MOST_CAUGHT_UP = 366


def catch_up_options(command: F) -> F:
    """Add the options that say how many missed intervals are wanted too, to a command that has `spec_options` below."""

    @click.option(
        "--catch-up", type=click.IntRange(1, MOST_CAUGHT_UP), metavar="N",
        help="Also up to N intervals of each spec that were missed, the newest first.",
    )  # fmt: skip
    @word_option("--since", metavar="TIME", help="With --catch-up: look back to here, not to the first submission.")
    @wraps(command)
    def with_catching_up(*args: Any, choices: Any, catch_up: int | None, since: str, **kwargs: Any) -> Any:
        return command(*args, choices=choices.catching_up(catch_up or 0, since), **kwargs)

    return with_catching_up  # type: ignore[return-value]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--var")
    return name, value
