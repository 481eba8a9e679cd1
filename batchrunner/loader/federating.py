"""Keys that are not kept anywhere: what a project file says of an exchange, and what its provider is known to want."""

from collections.abc import Iterator, Mapping
from typing import Any

from batchrunner.catalog import FEDERATIONS, Federation
from batchrunner.origins import is_sendable
from batchrunner.records import plain

_NAMED = ("identity_provider_id", "service_account_id", "federation_rule_id", "organization_id", "workspace_id")
_OURS = frozenset({"grant_type", "assertion", "subject_token", "subject_token_type"})
Problem = tuple[str, str, str, str]
"""A code, what is wrong, the field, empty for the whole, and a hint."""


def problems_in(provider: str, oidc: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with an `oidc` beyond its shape, whatever is in it."""
    known = FEDERATIONS.get(provider)
    if known is None:
        hint = f"`{provider}` is not known to exchange tokens: say where and how, or keep its key with `env` or `file`"
        yield from (("missing-key", f"the key `{name}` is missing", "", hint)
                    for name in ("token_url", "grant") if not oidc.get(name))  # fmt: skip
    elif not oidc.get("token_url"):
        said = {name for name, value in {**_parameters(oidc), **oidc}.items() if value is not None}
        for name in known.required:
            if name not in said:
                yield "missing-key", f"the key `{name}` is missing", "", f"{provider} exchanges no token without it"
    for name in _OURS & _parameters(oidc).keys():
        yield "bad-value", f"the parameter `{name}` is set by batchrunner itself", "parameters", ""
    if isinstance(token := oidc.get("token"), dict) and token.keys() <= {"env", "file"} and len(token) != 1:
        yield "bad-value", "a token is in one place: `{env: NAME}` or `{file: PATH}`", "token", ""
    if isinstance(url := oidc.get("token_url"), str) and not is_sendable(url):
        message = "tokens are sent to an https URL without a user name (http:// is for loopback addresses only)"
        yield "bad-token-url", message, "token_url", "such as https://login.example/token"


def _parameters(oidc: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = oidc.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def exchange_facts(provider: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a provider whose sound `api_key` holds an `oidc`: the whole exchange, and how requests are sent."""
    oidc = {name: value for name, value in said["oidc"].items() if value is not None}
    named = {name: oidc.pop(name) for name in _NAMED if name in oidc}
    known = FEDERATIONS.get(provider)
    below = plain(known.exchange) if known else {}
    exchange = {**below, **oidc, "parameters": {**below.get("parameters", {}), **oidc.get("parameters", {}), **named}}
    return {"api_key": {"oidc": exchange}, **_sent(known)}


def _sent(known: Federation | None) -> dict[str, Any]:
    return {"auth": known.auth, "headers": dict(known.headers)} if known else {}
