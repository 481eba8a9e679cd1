"""What the user wrote: the parts of a spec file (version 1), and the spec it resolves to.

The rules of each field are here, as constants and as they are checked; the documents explain and publish them.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from batchrunner.records import Meta, Record, field
from batchrunner.renaming import Rename

# Each rule once, for the values here and for the models that explain and publish it. Lengths apart from patterns:
# pydantic's regex engine unrolls `{1,4096}` when a model is built, which took 50 ms.
NAME_PATTERN, NAME_LENGTH = r"^[a-z0-9][a-z0-9._-]*$", 63
ENDPOINT_PATTERN, ENDPOINT_LENGTH = r"^/[A-Za-z0-9._~/-]+$", 256
WINDOW_PATTERN = r"^[1-9][0-9]{0,3}[mhd]$"
FILE_ID_PATTERN, FILE_ID_LENGTH = r"^[A-Za-z0-9_.-]+$", 128
INPUT_PATTERN, INPUT_LENGTH = r"^[^\x00-\x1f\x7f]+$", 4096
ROWS_PATTERN = r"^[^\x00-\x1f\x7f]+\.(csv|tsv|jsonl|parquet)$"
METADATA_KEY_LENGTH = 64
METADATA_VALUE_LENGTH = 512
METADATA_ENTRIES = 16
DESCRIPTION_LENGTH = 4096
BATCH_ID_PATTERN, BATCH_ID_LENGTH = r"^[A-Za-z0-9_.-]+$", 128
RUN_KEY_LENGTH = 72
"""Of what may be written for a run; which words are runs is said where they are read."""


def _whole(pattern: str) -> str:
    """`pattern` for Python's `re`, whose `$` lets a line end follow; that of JSON Schema and pydantic does not."""
    return pattern.removesuffix("$") + r"\Z"


OncePer = Literal["content", "hour", "day", "week", "month"]
Name = Annotated[str, Meta(pattern=_whole(NAME_PATTERN), max_length=NAME_LENGTH)]
Endpoint = Annotated[str, Meta(pattern=_whole(ENDPOINT_PATTERN), max_length=ENDPOINT_LENGTH)]
Window = Annotated[str, Meta(pattern=_whole(WINDOW_PATTERN))]
FileId = Annotated[str, Meta(pattern=_whole(FILE_ID_PATTERN), max_length=FILE_ID_LENGTH)]
InputPath = Annotated[str, Meta(pattern=_whole(INPUT_PATTERN), max_length=INPUT_LENGTH)]
RowsPath = Annotated[str, Meta(pattern=_whole(ROWS_PATTERN), max_length=INPUT_LENGTH)]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=METADATA_KEY_LENGTH)]
MetadataValue = Annotated[str, Meta(max_length=METADATA_VALUE_LENGTH)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=METADATA_ENTRIES)]
Scalar = str | int | float | bool
Count = Annotated[int, Meta(ge=1)]


class Shard(Record):
    """How large a shard of an input may be, beside what the provider takes: at least one limit.

    `max_tokens` are a quarter of the bytes.
    """

    max_requests: Count | None = None
    max_bytes: Count | None = None
    max_tokens: Count | None = None

    def __post_init__(self) -> None:
        if self.max_requests is self.max_bytes is self.max_tokens is None:
            raise ValueError("a shard without a limit")


class TableDefaults(Record):
    """What every table of a spec says unless it says otherwise."""

    rows: RowsPath | None = None
    custom_id: Annotated[str, Meta(min_length=1)] | None = None
    body: Annotated[dict[str, Any], Meta(min_length=1)] | None = None


class Table(TableDefaults):
    """A table whose rows are rendered to requests: `rows` is its path, the rest a template.

    References are replaced but for those to the row: in `custom_id` and in texts of `body` there is `${row.NAME}`, and
    `$${` for a plain `${`.
    """

    rows: RowsPath
    custom_id: Annotated[str, Meta(min_length=1)]
    body: Annotated[dict[str, Any], Meta(min_length=1)]


class BatchDefaults(Record):
    """What every batch of a spec says unless it says otherwise.

    `shard`: None splits an input that is over the provider's limits, False refuses it, a `Shard` always numbers shards.
    """

    provider: Name = "alphaedge"
    endpoint: Endpoint | None = None
    completion_window: Window = "24h"
    input_file_id: FileId | None = None
    input: InputPath | TableDefaults | None = None
    shard: Shard | Literal[False] | None = None
    metadata: Metadata = field(default_factory=dict)


class BatchDeclaration(BatchDefaults):
    """One declared batch, references resolved and defaults merged in; `matrix` and `exclude` already expanded.

    Exactly one of `input_file_id` and `input` is there, and `shard` only with the latter.
    """

    name: Name
    endpoint: Endpoint
    input: InputPath | Table | None = None

    @property
    def input_path(self) -> str:
        """The path of its local file, be that of requests or of rows; empty where there is none."""
        return self.input.rows if isinstance(self.input, Table) else self.input or ""

    @property
    def is_pattern(self) -> bool:
        """Whether its input is a pattern, which stands for the files that it matches."""
        return "*" in self.input_path or "?" in self.input_path


class Recurrence(Record):
    """How often a batch may be submitted: once for each content, or each interval of an IANA time zone."""

    once_per: OncePer = "content"
    timezone: str = "UTC"


class Head(Record):
    """What a spec says before its batches. `name` is None where it is the file's."""

    name: Name | None = None
    description: Annotated[str, Meta(max_length=DESCRIPTION_LENGTH)] = ""
    run: Recurrence = Recurrence()


class Moved(Record):
    """What an entry of `moved` says: batch names or addresses, `SPEC/*` and `*` for a whole spec."""

    previous: Annotated[str, Meta(min_length=1)] = field(name="from")
    to: Annotated[str, Meta(min_length=1)]


class Imported(Record):
    """What an entry of `imports` says: a batch name or an address, a batch at the provider, and for which run it is."""

    to: Annotated[str, Meta(min_length=1)]
    id: Annotated[str, Meta(pattern=_whole(BATCH_ID_PATTERN), max_length=BATCH_ID_LENGTH)]
    run_key: Annotated[str, Meta(min_length=1, max_length=RUN_KEY_LENGTH)] | None = None


@dataclass(frozen=True, slots=True)
class Adoption:
    """A batch at the provider, `batch_id`, that stands for `address`, which may be that of a shard.

    `run_key` is a stored one, empty where the content says which run it is. `pointer` leads to the entry.
    """

    address: str
    batch_id: str
    run_key: str
    pointer: tuple[str | int, ...]


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

    `text` is the file's bytes, kept so that a later error can point into it. `moved` and `imports` name addresses in
    full.
    """

    name: str
    path: str
    folder: str
    sha256: str
    run: Run
    batches: tuple[Batch, ...]
    text: bytes
    moved: tuple[Rename, ...] = ()
    imports: tuple[Adoption, ...] = ()
