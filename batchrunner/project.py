"""The project in force: what a repository's owners decide, and spec authors do not."""

from collections.abc import Mapping
from dataclasses import dataclass

from batchrunner.facts import ProviderFacts
from batchrunner.records import Record


class Policy(Record):
    """What specs may do. `allow_env` names the environment variables that `${env.NAME}` may read."""

    allow_env: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """The project in force. `root` is the folder that inputs must stay in, `path` the project file or empty.

    `providers` holds the built-in providers and the project's own, overrides applied. A provider whose URL the project
    keeps in the environment has that variable as `origin_env` and `${NAME}`, which is no URL, as `origin`.
    """

    root: str
    path: str
    name: str
    state_url: str
    state_env: str
    providers: Mapping[str, ProviderFacts]
    policy: Policy
