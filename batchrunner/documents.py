"""The two files people write, as a whole: what editors are told of them, and what a project file is checked against.

A spec is checked piece by piece, after its references are resolved; `SpecDocument` is its shape before that.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from batchrunner.facts import Limits, Names, Paths, Retry, SecretReference, Timeouts
from batchrunner.project import Policy
from batchrunner.spec import BatchFields, Name, Scalar, SpecHead
from batchrunner.values import Value

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
    key_ttl_seconds: Annotated[int, Field(ge=0)] | None = Field(None, description="How long it honours such a key.")
    metadata: Literal["sent", "kept"] | None = Field(
        None, description="Whether metadata is sent to the provider or kept in state only."
    )
    endpoints: Names | None = Field(None, description="The endpoints it offers.")
    completion_windows: Names | None = Field(None, description="The windows it offers.")
    limits: Limits | None = Field(None, description="What one batch, one line and the account may hold.")
    retry: Retry | None = Field(None, description="How sends are repeated.")
    timeouts: Timeouts | None = Field(None, description="When an attempt is given up.")


class ProjectDocument(Value):
    """The project file, `batchrunner.yaml`: what a repository's owners decide, and spec authors do not."""

    version: Literal[1] = Field(1, description="The version of the file format.")
    project: Name | None = Field(None, description="The project's name, part of every idempotency key.")
    state: StateEntry | None = Field(None, description="Where state is kept. Default: beside each spec.")
    providers: Mapping[Name, ProviderEntry] = Field({}, description="Providers by name.")
    policy: Policy = Field(default_factory=Policy, description="What the specs of this project may do.")
