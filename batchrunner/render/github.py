"""GitHub Actions: annotations, and text that its log cannot take for a command."""

import re
from collections.abc import Iterator, Mapping, Sequence

from batchrunner.address import spec_of, whole_of
from batchrunner.errors import Diagnostic
from batchrunner.plans import Change, Plan, Unchanged
from batchrunner.printable import printable
from batchrunner.render.costs import cost_sentences
from batchrunner.render.reasons import command as command_of
from batchrunner.render.reasons import sentence
from batchrunner.render.totals import summary
from batchrunner.render.units import counted

SHOWN = 10
"""Annotations of one kind that GitHub shows for a step; it drops the rest without a word."""

_COMMAND = re.compile(r"(?m)((?:^|\r)(?:[\s\ufeff]|\x1b\[[0-9;]*m)*):(?=:)")


def neutral(text: str) -> str:
    """`text` without workflow commands.

    The runner reads `::name::` at the start of a line, behind any white space, and `##[name]` anywhere in it
    (actions/runner, ActionCommand.cs). A space is put inside both.
    """
    return _COMMAND.sub(r"\1: ", text).replace("##[", "# #[")


def escape_data(text: str) -> str:
    """`text` as the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """`text` as the value of a property of a workflow command."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _plain(text: str) -> str:
    return printable(text).replace("##[", "# #[")


def _message(text: str) -> str:
    return escape_data(_plain(text))


def diagnostics_github(diagnostics: Sequence[Diagnostic], *, unlisted: int = 0) -> str:
    """One `::error` command a line for the first ten, then one that counts the rest with the `unlisted`."""
    lines = [_annotation(diagnostic) for diagnostic in diagnostics[:SHOWN]]
    rest = len(diagnostics[SHOWN:]) + unlisted
    if rest:
        lines.append(f"::error title=batchrunner::{counted(rest, 'more problem')} not annotated; the log lists them")
    return "\n".join(lines)


def plan_github(plan: Plan, places: Mapping[str, Diagnostic] | None = None) -> str:
    """A plan as annotations: what the policy refuses, what waits for a person or ended badly, warnings, and
    what it would do.

    `places` are where batches are declared, by address without shards; others are annotated at their file.
    """
    paths = {spec.name: spec.path for spec in plan.specs}

    def at(address: str) -> dict[str, str]:
        place = (places or {}).get(whole_of(address))
        return _place(place) if place else {"file": paths.get(spec_of(address), "")}

    refusals = [
        command("error", each.message, **at(each.address), title=f"policy {each.rule}") for each in plan.refusals
    ]
    ended = [each for each in plan.changes if isinstance(each, Unchanged) and each.hint]
    noteworthy: list[Change] = [*plan.blocked, *ended]
    blocked = [
        command("warning", f"{each.address}: {sentence(each)}. {command_of(each)}",
                **at(each.address), title=each.reason)
        for each in noteworthy
    ]  # fmt: skip
    warnings = [each for each in plan.notices if each.is_warning]
    notices = [command("warning", each.message, title=each.code, where=each.where) for each in warnings]
    told = (*summary(plan), *(cost_sentences(plan.sendable) if plan.sendable else ()))
    done = command("notice", " ".join(told), title="batchrunner plan")
    return "\n".join([*_shown("error", refusals), *_shown("warning", [*blocked, *notices]), done])


def _shown(kind: str, annotations: Sequence[str]) -> Iterator[str]:
    """As many as GitHub shows, the last of them a count of the rest."""
    if len(annotations) <= SHOWN:
        yield from annotations
        return
    yield from annotations[: SHOWN - 1]
    rest = counted(len(annotations) - SHOWN + 1, "more annotation")
    yield command(kind, f"{rest} not shown; the plan's text has them", title="batchrunner")


def command(kind: str, message: str, *, where: str = "", **properties: str) -> str:
    """A workflow command of one line, `where` in front of its message; properties without a value are left out."""
    words = f"{where}: {message}" if where else message
    named = [f"{name}={escape_property(_plain(value))}" for name, value in properties.items() if value]
    return f"::{kind} {','.join(named)}::{_message(words)}"


def _annotation(diagnostic: Diagnostic) -> str:
    named = {**_place(diagnostic), "title": diagnostic.code}
    properties = ",".join(f"{name}={escape_property(_plain(value))}" for name, value in named.items())
    message = f"{diagnostic.message}. {diagnostic.hint}" if diagnostic.hint else diagnostic.message
    return f"::error {properties}::{_message(message)}"


def _place(at: Diagnostic) -> dict[str, str]:
    """The properties of an annotation on a piece of a line, or on a whole file."""
    if not at.line:
        return {"file": at.path}
    ends = {"endLine": at.line, "endColumn": at.column + at.width}
    return {
        "file": at.path,
        **{name: str(value) for name, value in {"line": at.line, "col": at.column, **ends}.items()},
    }
