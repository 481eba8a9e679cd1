"""What the user wrote: the parts of a spec file (version 1), and the spec it resolves to.

The rules of each field are here as they are checked; as they are explained and published they are with the documents.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from batchrunner.records import Meta, Record, field

OncePer = Literal["content", "hour", "day", "week", "month"]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*\Z", max_length=63)]
Endpoint = Annotated[str, Meta(pattern=r"^/[A-Za-z0-9._~/-]+\Z", max_length=256)]
Window = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}[mhd]\Z")]
FileId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+\Z", max_length=128)]
InputPath = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+\Z", max_length=4096)]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Meta(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)]
Scalar = str | int | float | bool


class BatchDefaults(Record):
    """What every batch of a spec says unless it says otherwise."""

    provider: Name = "alphaedge"
    endpoint: Endpoint | None = None
    completion_window: Window = "24h"
    input_file_id: FileId | None = None
    input: InputPath | None = None
    metadata: Metadata = field(default_factory=dict)


class BatchDeclaration(BatchDefaults):
    """One declared batch, references resolved and defaults merged in; `matrix` and `exclude` already expanded.

    Exactly one of `input_file_id` and `input` is there.
    """

    name: Name
    endpoint: Endpoint


class Recurrence(Record):
    """How often a batch may be submitted: once for each content, or each interval of an IANA time zone."""

    once_per: OncePer = "content"
    timezone: str = "UTC"


class Head(Record):
    """What a spec says before its batches. `name` is None where it is the file's."""

    name: Name | None = None
    description: Annotated[str, Meta(max_length=4096)] = ""
    run: Recurrence = Recurrence()


@dataclass(frozen=True, slots=True)
class Run:
    """Which occurrence a spec is applied for.

    `key` is what every batch of the spec is submitted once for (`day:2026-11-22`), empty where each batch is keyed by
    its own content. `day` is the date that `${run.date}` stands for.
    """

    once_per: OncePer
    timezone: str
    key: str
    day: date

    @property
    def label(self) -> str:
        """The run as printed first by every command that computes one."""
        return self.key or "content"


@dataclass(frozen=True, slots=True)
class Batch:
    """A declared batch with its address. `pointer` leads to its declaration in the document: `("batches", 3)`."""

    address: str
    declaration: BatchDeclaration
    pointer: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """A resolved spec. `path` is as the user named it (`-` for standard input); inputs are relative to `folder`.

    `text` is the file's bytes, kept so that a later error can point into it.
    """

    name: str
    path: str
    folder: str
    sha256: str
    run: Run
    batches: tuple[Batch, ...]
    text: bytes
