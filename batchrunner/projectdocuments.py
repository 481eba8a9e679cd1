"""The project file as a whole: what editors are told of it, and what it is checked against."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from batchrunner import spec
from batchrunner.documents import Count, Endpoint, MetadataKey, Name
from batchrunner.providerdocuments import ModelName, Names, ProviderEntry, Url
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


class Decisions(Value):
    """What a project decides, as a whole or in one of its profiles."""

    project: Name | None = Field(None, description="The project's name, part of every idempotency key.")
    state: StateEntry | None = Field(None, description="Where state is kept. Default: beside each spec.")
    providers: Mapping[Name, ProviderEntry] = Field({}, description="Providers by name.")
    policy: Policy = Field(default_factory=Policy, description="What the specs of this project may do.")


class ProjectDocument(Decisions):
    """The project file, `batchrunner.yaml`: what a repository's owners decide, and spec authors do not."""

    version: Literal[1] = Field(1, description="The version of the file format.")
    profiles: Mapping[ProfileName, Decisions] = Field(
        {}, description="What differs where `--profile NAME` is given: laid over the rest of this file."
    )
