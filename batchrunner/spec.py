"""What the user wrote: the document of a spec file (version 1), and the spec it resolves to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from batchrunner.values import Value

OncePer = Literal["content", "hour", "day", "week", "month"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Endpoint = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]{1,255}$")]
Window = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}[mhd]$")]
FileId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
Metadata = Annotated[Mapping[MetadataKey, MetadataValue], Field(max_length=16)]
Scalar = str | int | float | bool
Matrix = Annotated[Mapping[Name, Annotated[tuple[Scalar, ...], Field(strict=False, min_length=1)]], Field(min_length=1)]


class BatchFields(Value):
    """The fields a batch may take from `defaults`."""

    provider: Name = "alphaedge"
    endpoint: Endpoint | None = None
    completion_window: Window = "24h"
    input_file_id: FileId | None = None
    input: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    metadata: Metadata = {}


class BatchDeclaration(BatchFields):
    """One declared batch, references resolved and defaults merged in; `matrix` and `exclude` already expanded."""

    name: Name
    endpoint: Endpoint

    @model_validator(mode="after")
    def _one_input(self) -> "BatchDeclaration":
        if self.input is None and self.input_file_id is None:
            raise PydanticCustomError("input-missing", "a batch needs `input_file_id` or `input`")
        if self.input is not None and self.input_file_id is not None:
            raise PydanticCustomError("input-twice", "a batch has either `input_file_id` or `input`, not both")
        return self


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
    """A resolved spec. `path` is as the user named it (`-` for standard input), `folder` where its inputs are relative to.

    `text` is the file's bytes, kept so that a later error can point into it.
    """

    name: str
    path: str
    folder: str
    sha256: str
    run: Run
    batches: tuple[Batch, ...]
    text: bytes
