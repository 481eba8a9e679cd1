"""The project file as a whole: what editors are told of it, and what it is checked against."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from batchrunner import spec
from batchrunner.documents import Count, Endpoint, MetadataKey, Name
from batchrunner.occasions import TROUBLES, Occasion
from batchrunner.providerdocuments import EnvironmentName, ModelName, Names, ProviderEntry, Url
from batchrunner.values import Value

Models = Annotated[tuple[ModelName, ...], Field(strict=False)]
Endpoints = Annotated[tuple[Endpoint, ...], Field(strict=False)]
MetadataKeys = Annotated[tuple[MetadataKey, ...], Field(strict=False, max_length=spec.METADATA_ENTRIES)]
ProfileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=32)]


class StateEntry(Value):
    """Where state is kept."""

    url: Url = Field(description="`file:PATH`, relative to this file, or `{env: NAME}`.")


class Policy(Value):
    """What specs may do. What a rule here cannot check is refused as well, unless `allow_unknown`."""

    allow_env: Names = Field((), description="The environment variables that `${env.NAME}` may read.")
    max_cost_usd: Annotated[float, Field(gt=0)] | None = Field(
        None, description="What one plan may cost at most, in US dollars, all its submissions together."
    )
    max_requests: Count | None = Field(None, description="How many requests one plan may submit, all together.")
    allowed_models: Models | None = Field(
        None, description="The models that requests may name, `*` for any characters. An empty list allows none."
    )
    allowed_endpoints: Endpoints | None = Field(
        None, description="The endpoints that batches may use. An empty list allows none."
    )
    required_metadata: MetadataKeys = Field((), description="The keys of metadata that every batch must have.")
    allow_unknown: bool = Field(
        False, description="Whether to let pass what a rule cannot check: a file at the provider, an unlisted price."
    )


class SecretPlace(Value):
    """Where a secret is kept."""

    env: EnvironmentName | None = Field(None, description="The environment variable that holds it.")
    file: Annotated[str, Field(min_length=1)] | None = Field(None, description="The file that holds it.")


def _kind(value: object) -> str:
    return "(reference)" if isinstance(value, dict | SecretPlace) else "(text)"


WebhookUrl = Annotated[
    Annotated[str, Field(min_length=1, max_length=2048), Tag("(text)")] | Annotated[SecretPlace, Tag("(reference)")],
    Discriminator(_kind),
]
Occasions = Annotated[tuple[Occasion, ...], Field(strict=False, min_length=1)]


class NotifyEntry(Value):
    """A webhook that is told how runs end. It can hold none up, and fails none."""

    webhook: WebhookUrl = Field(
        description="Its URL, https, or http for this machine. One that lets whoever knows it post is a secret:"
        " `{env: NAME}` or `{file: PATH}`."
    )
    on: Occasions = Field(TROUBLES, description="What it is told of. Default: what went wrong.")
    secret: SecretPlace | None = Field(
        None, description="Where the secret is that signs what is sent, as Standard Webhooks has it: `whsec_…`."
    )


class Decisions(Value):
    """What a project decides, as a whole or in one of its profiles."""

    project: Name | None = Field(None, description="The project's name, part of every idempotency key.")
    state: StateEntry | None = Field(None, description="Where state is kept. Default: beside each spec.")
    providers: Mapping[Name, ProviderEntry] = Field({}, description="Providers by name.")
    policy: Policy = Field(default_factory=Policy, description="What the specs of this project may do.")
    notify: Annotated[tuple[NotifyEntry, ...], Field(strict=False, max_length=8)] = Field(
        (), description="Who is told how `apply`, `retry`, `wait` and `fetch` end."
    )


class ProjectDocument(Decisions):
    """The project file, `batchrunner.yaml`: what a repository's owners decide, and spec authors do not."""

    version: Literal[1] = Field(1, description="The version of the file format.")
    profiles: Mapping[ProfileName, Decisions] = Field(
        {}, description="What differs where `--profile NAME` is given: laid over the rest of this file."
    )
