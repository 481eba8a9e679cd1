"""A spec file as a whole: what editors are told of it, and how its mistakes are explained.

A spec is checked piece by piece, after its references are resolved; `SpecDocument` is its shape before that. A spec
with nothing wrong in it never needs these models, whose import takes longer than all the rest of reading it: the rules
are with its values, where they are cheap to check and cannot say well what is wrong.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from batchrunner import spec
from batchrunner.spec import OncePer, Scalar
from batchrunner.values import Value

Name = Annotated[str, Field(pattern=spec.NAME_PATTERN, max_length=spec.NAME_LENGTH)]
Endpoint = Annotated[str, Field(pattern=spec.ENDPOINT_PATTERN, max_length=spec.ENDPOINT_LENGTH)]
Window = Annotated[str, Field(pattern=spec.WINDOW_PATTERN)]
FileId = Annotated[str, Field(pattern=spec.FILE_ID_PATTERN, max_length=spec.FILE_ID_LENGTH)]
InputPath = Annotated[str, Field(pattern=spec.INPUT_PATTERN, max_length=spec.INPUT_LENGTH)]
RowsPath = Annotated[str, Field(pattern=spec.ROWS_PATTERN, max_length=spec.INPUT_LENGTH)]
CustomId = Annotated[str, Field(min_length=1)]
Body = Annotated[Mapping[str, Any], Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
MetadataKey = Annotated[str, Field(min_length=1, max_length=spec.METADATA_KEY_LENGTH)]
MetadataValue = Annotated[str, Field(max_length=spec.METADATA_VALUE_LENGTH)]
MovedName = Annotated[str, Field(min_length=1)]
BatchId = Annotated[str, Field(pattern=spec.BATCH_ID_PATTERN, max_length=spec.BATCH_ID_LENGTH)]
RunKey = Annotated[str, Field(min_length=1, max_length=spec.RUN_KEY_LENGTH)]
Metadata = Annotated[Mapping[MetadataKey, MetadataValue], Field(max_length=spec.METADATA_ENTRIES)]


class TableFields(Value):
    """A table whose rows become requests: `rows` is the table, the rest a template that each row is put into."""

    rows: RowsPath | None = Field(None, description="A .csv, .tsv, .jsonl or .parquet file, relative to the spec.")
    custom_id: CustomId | None = Field(
        None, description="The id of each request, unique by a column: `ticket-${row.id}`."
    )
    body: Body | None = Field(
        None,
        description="The body of each request. `${row.NAME}` stands for a column; alone in its text it keeps its type.",
    )


class Table(TableFields):
    """A table that is complete."""

    rows: RowsPath
    custom_id: CustomId
    body: Body


class Shard(Value):
    """How large a shard may be, beside what the provider takes; at least one limit."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    max_requests: Count | None = Field(None, description="Requests in one shard.")
    max_bytes: Count | None = Field(None, description="Bytes in one shard.")
    max_tokens: Count | None = Field(None, description="Input tokens in one shard, taken as a quarter of its bytes.")

    @model_validator(mode="after")
    def _limits(self) -> "Shard":
        if self.max_requests is self.max_bytes is self.max_tokens is None:
            raise PydanticCustomError("no_limit", "needs `max_requests`, `max_bytes` or `max_tokens`")
        return self


def _input_kind(value: object) -> str:
    return "(table)" if isinstance(value, dict | TableFields) else "(path)"


def _shard_kind(value: object) -> str:
    return "(never)" if value is False else "(limits)"


InputEntry = Annotated[
    Annotated[InputPath, Tag("(path)")] | Annotated[TableFields, Tag("(table)")], Discriminator(_input_kind)
]
Input = Annotated[Annotated[InputPath, Tag("(path)")] | Annotated[Table, Tag("(table)")], Discriminator(_input_kind)]
Sharding = Annotated[
    Annotated[Shard, Tag("(limits)")] | Annotated[Literal[False], Tag("(never)")], Discriminator(_shard_kind)
]


class BatchFields(Value):
    """The fields a batch may take from `defaults`."""

    provider: Name = Field("alphaedge", description="The provider's name: a built-in one, or one of batchrunner.yaml.")
    endpoint: Endpoint | None = Field(None, description="The API path every request goes to: `/v1/chat/completions`.")
    completion_window: Window = Field("24h", description="How long the provider may take, such as `24h`.")
    input_file_id: FileId | None = Field(None, description="A file that is already at the provider. Or else `input`.")
    input: InputEntry | None = Field(
        None,
        description="A local .jsonl file of requests, relative to the spec; with `*`, `?` or `**` in it one batch for "
        "each file. Or a table and a template. Or else `input_file_id`.",
    )
    shard: Sharding | None = Field(
        None,
        description="How the input is cut into shards `#1`, `#2`, …; false forbids it. Default: only where the "
        "provider takes no more at once.",
    )
    metadata: Metadata = Field({}, description="Up to 16 labels, text to text. They change nothing that is paid for.")


class DeclaredBatch(BatchFields):
    """One declared batch when its references are resolved, its defaults merged in and its matrix expanded."""

    name: Name
    endpoint: Endpoint
    input: Input | None = None


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
    description: str = Field("", max_length=spec.DESCRIPTION_LENGTH, description="For people.")
    run: RunFields = Field(default_factory=RunFields, description="Which occurrence a batch is submitted once for.")


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=63)]
MatrixValues = Annotated[tuple[Scalar, ...], Field(min_length=1)]


def _many(description: str) -> Any:
    return Field(None, min_length=1, description=description)


class BatchEntry(BatchFields):
    """One declared batch, or one for each combination of its `matrix`."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"required": ["input_file_id"], "anyOf": [{"required": ["input"]}, {"required": ["shard"]}]}
        }
    )

    name: Name = Field(description="The batch's name, unique in the file and part of its address.")
    matrix: Mapping[Name, MatrixValues] | None = _many(
        "Lists of values by name: the batch is declared once for every combination. `${matrix.name}` stands for one."
    )
    exclude: tuple[Mapping[Name, Scalar], ...] | None = _many("Combinations of the matrix that are left out.")


class MoveEntry(Value):
    """One batch, one member of its matrix, or a whole spec, that has another name than it was submitted under."""

    from_: MovedName = Field(
        alias="from",
        description="What it was called: a batch, `old[lang=en]`, `otherspec/old`, or `otherspec/*` for all of a spec.",
    )
    to: MovedName = Field(description="What this spec calls it now; `*` for all of a spec.")


class ImportEntry(Value):
    """One batch that is at the provider already, and stands for one that this spec declares."""

    to: MovedName = Field(description="The batch, `name[lang=en]` for one of a matrix, or `name#2` for a shard.")
    id: BatchId = Field(description="The id of the batch at its provider.")
    run_key: RunKey | None = Field(
        None,
        description="Which run it is, such as `2026-11-22`. Needed where the spec runs once per hour, day, week or "
        "month; not said where it is keyed by content.",
    )


class SpecDocument(SpecHead):
    """A spec: a named set of batch declarations."""

    vars: Mapping[VariableName, Scalar] = Field({}, description="Values that `${vars.name}` stands for.")
    defaults: BatchFields | None = Field(None, description="What every batch says unless it says otherwise.")
    batches: tuple[BatchEntry, ...] = Field(min_length=1, description="The batches.")
    moved: tuple[MoveEntry, ...] | None = Field(
        None, description="What was submitted under another name: a rename is not paid for again. May stay for ever."
    )
    imports: tuple[ImportEntry, ...] | None = Field(
        None, description="Batches made elsewhere that stand for declared ones: those are not submitted."
    )
