"""The project file: what a repository's owners decide, and spec authors do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from batchrunner.facts import Names, ProviderFacts
from batchrunner.spec import Name
from batchrunner.values import Value


class UrlReference(Value):
    """A URL kept in an environment variable."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class StateChoice(Value):
    """Where state is kept: `file:PATH`, or a variable that says so."""

    url: str | UrlReference


class Policy(Value):
    """What specs may do. `allow_env` names the variables that `${env.NAME}` may read."""

    allow_env: Names = ()


class ProjectDocument(Value):
    """`batchrunner.yaml`, version 1. Provider entries are overrides of a built-in, or a new provider of a known dialect."""

    version: Literal[1] = 1
    project: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] = ""
    state: StateChoice | None = None
    providers: Mapping[Name, Mapping[str, Any]] = {}
    policy: Policy = Policy()


@dataclass(frozen=True, slots=True)
class Project:
    """The project in force. `root` is the folder that inputs must stay in, `path` the project file or empty.

    `providers` holds the built-in providers and the project's own, overrides applied.
    """

    root: str
    path: str
    name: str
    state_url: str
    state_env: str
    providers: Mapping[str, ProviderFacts]
    policy: Policy
