"""The setup, the past, and what helps."""

from typing import Any

from batchrunner.checkups import Check
from batchrunner.chronicle import Happening
from batchrunner.coverage import Occurrence
from batchrunner.outputs.parts import Output
from batchrunner.records import Record


class CheckObject(Check, omit_defaults=False):
    """One thing that was looked at: `id` is a kebab-case word, `subject` what it was looked at of, empty for the whole.

    `hint` is what mends it, empty where nothing has to be.
    """


class DoctorOutput(Output):
    """What was found of the setup; `counts` are of checks by status."""

    checks: tuple[CheckObject, ...]
    counts: dict[str, int]


class HappeningObject(Happening, omit_defaults=False):
    """One thing that happened to an attempt, `at` an RFC 3339 UTC time, empty where that is not known.

    `status` is the remote batch's, where it is about that. `words` say more, and are a provider's where that said
    something. `requests`, `bytes` and the estimated cost are those of what was decided, 0 and null for not known;
    `rows` counts rows in all, `answered` those that were answered. `submitted_as` is the address it was submitted as,
    where it was moved since.
    """


class HistoryOutput(Output):
    """What happened to what `addresses` name, oldest first; `unlisted` counts what happened before."""

    addresses: tuple[str, ...]
    events: tuple[HappeningObject, ...]
    unlisted: int


class RunsOfSpec(Record, omit_defaults=False):
    """The runs of a spec, newest first: `intervals` of its recurrence, and `others`. `unlisted` counts older ones."""

    name: str
    path: str
    state: str
    once_per: str
    timezone: str
    counts: dict[str, int]
    intervals: tuple[Occurrence, ...]
    others: tuple[Occurrence, ...]
    unlisted: int


class RunsOutput(Output):
    """Which intervals of specs were submitted, and which are missing."""

    specs: tuple[RunsOfSpec, ...]


class InitOutput(Output):
    """Files that were written, and those that were there. `unignored` are lines that .gitignore lacks."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    unignored: tuple[str, ...]


class ExplainedCode(Record):
    """What a code means, and what to do. `family` is the place where it is met, `met_in` that in words."""

    code: str
    family: str
    meaning: str
    cause: str
    remedy: str
    example: str
    met_in: str
    exit_codes: tuple[int, ...]


class ExplainOutput(Output):
    """Codes and what they mean: the meanings of one, or all that there are."""

    explanations: tuple[ExplainedCode, ...]


class SchemaOutput(Output):
    """A JSON Schema, and what it is of; both empty where nothing was named. `names` are what there are schemas of."""

    which: str
    schema: dict[str, Any]
    names: tuple[str, ...]


class CompletionOutput(Output):
    """A completion script for a shell."""

    shell: str
    script: str


class SandboxServeOutput(Output):
    """Where the sandbox is; it runs on."""

    base_url: str
