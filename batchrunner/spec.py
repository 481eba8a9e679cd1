"""What the user wrote: the parts of a spec file (version 1), and the spec it resolves to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from batchrunner.values import Value

OncePer = Literal["content", "hour", "day", "week", "month"]
# Lengths apart from patterns: pydantic's regex engine unrolls `{1,4096}` when a model is built, which took 50 ms.
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=63)]
Endpoint = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]+$", max_length=256)]
Window = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}[mhd]$")]
FileId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=128)]
InputPath = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=4096)]
MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
Metadata = Annotated[Mapping[MetadataKey, MetadataValue], Field(max_length=16)]
Scalar = str | int | float | bool


class BatchFields(Value):
    """The fields a batch may take from `defaults`."""

    provider: Name = Field("alphaedge", description="The provider's name: a built-in one, or one of batchrunner.yaml.")
    endpoint: Endpoint | None = Field(None, description="The API path every request goes to: `/v1/chat/completions`.")
    completion_window: Window = Field("24h", description="How long the provider may take, such as `24h`.")
    input_file_id: FileId | None = Field(None, description="A file that is already at the provider. Or else `input`.")
    input: InputPath | None = Field(
        None, description="A local .jsonl file of requests, relative to the spec. Or else `input_file_id`."
    )
    metadata: Metadata = Field({}, description="Up to 16 labels, text to text. They change nothing that is paid for.")


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


class RunFields(Value):
    """The `run` section: how often a batch may be submitted."""

    once_per: OncePer = Field(
        "content", description="What each batch is submitted once for: its content, or an hour, day, week or month."
    )
    timezone: str = Field("UTC", description="The IANA time zone that intervals are counted in: `Europe/Paris`.")


class SpecHead(Value):
    """A spec file without what its batches are made from."""

    version: Literal[1] = Field(1, description="The version of the file format.")
    name: Name | None = Field(None, description="The spec's name, part of every address. Default: the file's name.")
    description: str = Field("", max_length=4096, description="For people.")
    run: RunFields = Field(default_factory=RunFields, description="Which occurrence a batch is submitted once for.")


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
