"""The two files people write, as a whole: what editors are told of them, and what a project file is checked against.

A spec is checked piece by piece, after its references are resolved; `SpecDocument` is its shape before that. A spec
with nothing wrong in it never needs these models, whose import takes longer than all the rest of reading it: the rules
are with its values, where they are cheap to check and cannot say well what is wrong.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from batchrunner import facts, spec
from batchrunner.spec import OncePer, Scalar
from batchrunner.values import Value

Name = Annotated[str, Field(pattern=spec.NAME_PATTERN, max_length=spec.NAME_LENGTH)]
Endpoint = Annotated[str, Field(pattern=spec.ENDPOINT_PATTERN, max_length=spec.ENDPOINT_LENGTH)]
Window = Annotated[str, Field(pattern=spec.WINDOW_PATTERN)]
FileId = Annotated[str, Field(pattern=spec.FILE_ID_PATTERN, max_length=spec.FILE_ID_LENGTH)]
InputPath = Annotated[str, Field(pattern=spec.INPUT_PATTERN, max_length=spec.INPUT_LENGTH)]
MetadataKey = Annotated[str, Field(min_length=1, max_length=spec.METADATA_KEY_LENGTH)]
MetadataValue = Annotated[str, Field(max_length=spec.METADATA_VALUE_LENGTH)]
Metadata = Annotated[Mapping[MetadataKey, MetadataValue], Field(max_length=spec.METADATA_ENTRIES)]


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


class DeclaredBatch(BatchFields):
    """One declared batch when its references are resolved, its defaults merged in and its matrix expanded."""

    name: Name
    endpoint: Endpoint


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
Dialect = Literal["alphaedge", "openai"]
Idempotency = Literal["header", "body", "none"]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def _many(description: str) -> Any:
    return Field(None, min_length=1, description=description)


class BatchEntry(BatchFields):
    """One declared batch, or one for each combination of its `matrix`."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["input", "input_file_id"]}})

    name: Name = Field(description="The batch's name, unique in the file and part of its address.")
    matrix: Mapping[Name, MatrixValues] | None = _many(
        "Lists of values by name: the batch is declared once for every combination. `${matrix.name}` stands for one."
    )
    exclude: tuple[Mapping[Name, Scalar], ...] | None = _many("Combinations of the matrix that are left out.")


class SpecDocument(SpecHead):
    """A spec: a named set of batch declarations."""

    vars: Mapping[VariableName, Scalar] = Field({}, description="Values that `${vars.name}` stands for.")
    defaults: BatchFields | None = Field(None, description="What every batch says unless it says otherwise.")
    batches: tuple[BatchEntry, ...] = Field(min_length=1, description="The batches.")


Names = Annotated[tuple[str, ...], Field(strict=False)]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 30)]
Count = Annotated[int, Field(gt=0)]
Path = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=256)]
_PATHS, _LIMITS, _RETRY, _TIMEOUTS = facts.Paths(), facts.Limits(), facts.Retry(), facts.Timeouts()


class SecretReference(Value):
    """Where a secret is kept: an environment variable or a file, never the secret itself."""

    env: EnvironmentName | None = None
    file: Annotated[str, Field(min_length=1)] | None = None


class Paths(Value):
    """Request paths; `None` means that the provider does not offer the call."""

    create_batch: Path = "/v1/batch"
    upload_file: Path | None = _PATHS.upload_file


class Limits(Value):
    """What one batch, one line and one account may hold; `None` means that no limit is known."""

    max_in_flight: Count | None = _LIMITS.max_in_flight
    max_requests: Count | None = _LIMITS.max_requests
    max_bytes: Count | None = _LIMITS.max_bytes
    max_line_bytes: Count = _LIMITS.max_line_bytes
    max_reply_bytes: Count = _LIMITS.max_reply_bytes


class Retry(Value):
    """How a send is repeated: exponential with full jitter, from `base_seconds` up to `cap_seconds`.

    A server's Retry-After is honoured up to `retry_after_cap_seconds`; beyond it the send is deferred to a later run.
    `budget` tokens are shared by a run: a failure takes one, a success gives `budget_refill` back, and retries stop
    at half (gRPC proposal A6). When none is left, nothing more is sent to the provider in that run.
    """

    attempts: Annotated[int, Field(ge=1, le=20)] = _RETRY.attempts
    base_seconds: Seconds = _RETRY.base_seconds
    cap_seconds: Seconds = _RETRY.cap_seconds
    retry_after_cap_seconds: Seconds = _RETRY.retry_after_cap_seconds
    budget: Count = _RETRY.budget
    budget_refill: Annotated[float, Field(ge=0)] = _RETRY.budget_refill


class Timeouts(Value):
    """Seconds until a connection, one create attempt and one upload attempt are given up, each in total."""

    connect_seconds: Seconds = _TIMEOUTS.connect_seconds
    create_seconds: Seconds = _TIMEOUTS.create_seconds
    upload_seconds: Seconds = _TIMEOUTS.upload_seconds


class UrlReference(Value):
    """A URL kept in an environment variable."""

    env: EnvironmentName = Field(description="The variable's name.")


def _kind(value: object) -> str:
    return "(reference)" if isinstance(value, dict | UrlReference) else "(text)"


Url = Annotated[
    Annotated[str, Field(min_length=1, max_length=2048), Tag("(text)")] | Annotated[UrlReference, Tag("(reference)")],
    Discriminator(_kind),
]


class StateEntry(Value):
    """Where state is kept."""

    url: Url = Field(description="`file:PATH`, relative to this file, or `{env: NAME}`.")


class ProviderEntry(Value):
    """What this project says of a provider: overrides of a built-in one, or a new one with dialect, URL and key.

    The fields are those of `ProviderFacts`, all optional, with `base_url` in the place of `origin`.
    """

    dialect: Dialect | None = Field(None, description="How to speak to it.")
    base_url: Url | None = Field(
        None, description="Scheme, host and port, `/v1` allowed at the end; https, or http for this machine."
    )
    api_key: SecretReference | None = Field(None, description="Where its key is: `{env: NAME}` or `{file: PATH}`.")
    paths: Paths | None = Field(None, description="Request paths; null where a call is not offered.")
    idempotency: Idempotency | None = Field(
        None, description="How a request is sent again safely: with its key in a header, in the body, or not at all."
    )
    key_ttl_seconds: Annotated[int, Field(ge=0, le=86_400 * 3_660)] | None = Field(
        None, description="How long it honours such a key."
    )
    metadata: Literal["sent", "kept"] | None = Field(
        None, description="Whether metadata is sent to the provider or kept in state only."
    )
    endpoints: Names | None = Field(None, description="The endpoints it offers.")
    completion_windows: Names | None = Field(None, description="The windows it offers.")
    limits: Limits | None = Field(None, description="What one batch, one line and the account may hold.")
    retry: Retry | None = Field(None, description="How sends are repeated.")
    timeouts: Timeouts | None = Field(None, description="When an attempt is given up.")


class Policy(Value):
    """What specs may do."""

    allow_env: Names = Field((), description="The environment variables that `${env.NAME}` may read.")


class ProjectDocument(Value):
    """The project file, `batchrunner.yaml`: what a repository's owners decide, and spec authors do not."""

    version: Literal[1] = Field(1, description="The version of the file format.")
    project: Name | None = Field(None, description="The project's name, part of every idempotency key.")
    state: StateEntry | None = Field(None, description="Where state is kept. Default: beside each spec.")
    providers: Mapping[Name, ProviderEntry] = Field({}, description="Providers by name.")
    policy: Policy = Field(default_factory=Policy, description="What the specs of this project may do.")
