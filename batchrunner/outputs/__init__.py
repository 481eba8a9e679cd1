"""What every command writes with `--json`, as types: published as JSON Schema, and held to by tests.

Commands write plain dicts; whatever they write is read as one of these by each test that runs them. All fields of an
output are always written; those of the plan, of state and of intents within them are left out at their defaults.
"""

from collections.abc import Mapping
from typing import get_args

from batchrunner.events import Event
from batchrunner.outputs.daily import (
    CompletionOutput,
    DoctorOutput,
    ExplainOutput,
    HistoryOutput,
    InitOutput,
    RunsOutput,
    SandboxServeOutput,
    SchemaOutput,
)
from batchrunner.outputs.following import CancelOutput, FetchOutput, GcOutput, StatusOutput, WaitOutput
from batchrunner.outputs.parts import FORMAT_VERSION, ErrorOutput
from batchrunner.outputs.planning import PlanOutput, StateFile, ValidateOutput
from batchrunner.outputs.sending import AppliedLine, At, EndedLine, ErrorLine
from batchrunner.outputs.settling import RecoverOutput, ResolveOutput
from batchrunner.outputs.states import (
    RenderOutput,
    StateImportOutput,
    StateListOutput,
    StateMvOutput,
    StateRepairOutput,
    StateRmOutput,
    StateShowOutput,
    StateUnlockOutput,
)
from batchrunner.records import Record, extended
from batchrunner.streams import PlanLine, PlannedLine, VersionLine
from batchrunner.summaries import RunSummary

__all__ = ["FILES", "FORMAT_VERSION", "OUTPUTS", "STREAM_LINES", "ErrorOutput"]


def _line_name(kind: type[Record]) -> str:
    return kind.__name__.removesuffix("Line") + "Line"


STREAM_LINES: tuple[type[Record], ...] = (
    VersionLine,
    *(extended(kind, _line_name(kind), at=At) for kind in (PlanLine, PlannedLine, *get_args(Event))),
    AppliedLine,
    EndedLine,
    ErrorLine,
)
"""Every line of the event stream, by what it is in `event`."""


FILES: Mapping[str, type[Record]] = {"plan": PlanOutput, "state": StateFile, "summary": RunSummary}


OUTPUTS: Mapping[str, type[Record]] = {
    "init": InitOutput,
    "doctor": DoctorOutput,
    "validate": ValidateOutput,
    "show": PlanOutput,
    "render": RenderOutput,
    "cancel": CancelOutput,
    "status": StatusOutput,
    "wait": WaitOutput,
    "fetch": FetchOutput,
    "runs": RunsOutput,
    "history": HistoryOutput,
    "gc": GcOutput,
    "resolve": ResolveOutput,
    "recover": RecoverOutput,
    "state list": StateListOutput,
    "state show": StateShowOutput,
    "state rm": StateRmOutput,
    "state mv": StateMvOutput,
    "state import": StateImportOutput,
    "state repair": StateRepairOutput,
    "state unlock": StateUnlockOutput,
    "explain": ExplainOutput,
    "schema": SchemaOutput,
    "completion": CompletionOutput,
    "sandbox serve": SandboxServeOutput,
}
"""The document of each command that writes one; `plan` is the file's, and `apply` and `retry` write the stream."""
