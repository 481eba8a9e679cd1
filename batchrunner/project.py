"""The project in force: what a repository's owners decide, and spec authors do not."""

from collections.abc import Mapping
from dataclasses import dataclass

from batchrunner.facts import ProviderFacts, SecretReference
from batchrunner.records import Record


class Policy(Record):
    """What specs may do; `None` means that there is no such rule.

    `allow_env` names the environment variables that `${env.NAME}` may read. `max_cost_usd` and `max_requests` bound
    what one plan submits, all together; `allowed_models` may hold `*`; `required_metadata` are keys every batch must
    have. What cannot be known (the requests of a file at the provider, the price of an unlisted model, output without a
    limit) breaks the rules that depend on it, unless `allow_unknown`.
    """

    allow_env: tuple[str, ...] = ()
    max_cost_usd: float | None = None
    max_requests: int | None = None
    allowed_models: tuple[str, ...] | None = None
    allowed_endpoints: tuple[str, ...] | None = None
    required_metadata: tuple[str, ...] = ()
    allow_unknown: bool = False


class Webhook(Record):
    """Who is told how runs end, and of which occasions. `address` is its URL where that is no secret, else `url` says
    where it is kept. `secret` signs what is sent.
    """

    on: tuple[str, ...]
    address: str = ""
    url: SecretReference = SecretReference()
    secret: SecretReference | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """The project in force. `root` is the folder that inputs must stay in, `path` the project file or empty.

    `providers` holds the built-in providers and the project's own, overrides applied. A provider whose URL the project
    keeps in the environment has that variable as `origin_env` and `${NAME}`, which is no URL, as `origin`.

    `profiles` are the names of all profiles, `housed` of those that say themselves where their state is, `profile` the
    one in force, empty for none: it is laid over everything here.
    """

    root: str
    path: str
    name: str
    state_url: str
    state_env: str
    providers: Mapping[str, ProviderFacts]
    policy: Policy
    profile: str = ""
    profiles: tuple[str, ...] = ()
    housed: frozenset[str] = frozenset()
    notify: tuple[Webhook, ...] = ()
