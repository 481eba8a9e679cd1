"""A workload's own token exchanged for an access token of a provider: OAuth 2.0, by RFC 8693 or RFC 7523.

What a token says of itself is believed of nothing here: it is shown, to explain a refusal.
"""

import json
import re
from base64 import urlsafe_b64decode
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from batchrunner.errors import BatchrunnerError, Refused, TryAgain
from batchrunner.facts import TokenExchange
from batchrunner.printable import brief, printable
from batchrunner.providers.posting import Answer, Post, sent

DEADLINE = 20.0
MAX_TOKEN = 16_384
REDACTED = "[redacted]"
_GRANTS = "urn:ietf:params:oauth:grant-type:"
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_ACCESS_TOKEN = re.compile(r"[!-~]{1,16384}")
_SHORTEST, _LONGEST, _UNSAID = 1.0, 86_400.0, 300.0


class AccessToken(NamedTuple):
    """A token and for how many seconds it lives."""

    value: str
    seconds: float


def github_token(url: str, key: str, audience: str | None, provider: str) -> str:
    """The token of a job of GitHub Actions, asked for at `url` with `key`, both from the job's environment.

    Source: "OpenID Connect reference" of GitHub's documentation. Raises `Refused`, `TryAgain`.
    """
    wanted = f"{'&' if '?' in url else '?'}audience={quote(audience, safe='')}" if audience else ""
    answer = sent(Post("GET", url + wanted, {"Authorization": f"bearer {key}"}), DEADLINE)
    if answer.status != 200:
        raise _failed(answer, "GitHub gave no token for this job", provider, (key,), "")
    value = _object(answer).get("value")
    if not isinstance(value, str):
        raise _bad_reply("GitHub", provider)
    return value


def checked_workload(token: str, exchange: TokenExchange, where: str, provider: str) -> str:
    """`token`, where it can be one and is meant for whom it has to be. Raises `Refused`."""
    token = token.strip()
    if len(token) > MAX_TOKEN or not _JWT.fullmatch(token):
        why = f"{where} holds no JSON Web Token: three parts of letters and digits, with dots between them."
        raise Refused("oidc-bad-token", f"the workload's token for provider {provider} is none", why=why,
                      hint="name what your platform writes its ID token to, not a key or a certificate")  # fmt: skip
    meant = _claims(token).get("aud")
    audiences = [meant] if isinstance(meant, str) else meant if isinstance(meant, list) else []
    if exchange.audience and audiences and exchange.audience not in audiences:
        raise _wrong_audience(provider, audiences, exchange)
    return token


def exchanged(exchange: TokenExchange, token: str, provider: str) -> AccessToken:
    """The access token that `token` is exchanged for. Raises `Refused` for a refusal, `TryAgain` for no answer."""
    fields = {"grant_type": _GRANTS + exchange.grant, **_assertion(exchange, token), **exchange.parameters}
    as_json = exchange.encoding == "json"
    kind = "application/json" if as_json else "application/x-www-form-urlencoded"
    body = (json.dumps(fields) if as_json else urlencode(fields)).encode()
    answer = sent(Post("POST", exchange.token_url, {"Content-Type": kind, **exchange.headers}, body), DEADLINE)
    if answer.status != 200:
        error = _failed(answer, f"the token exchange for provider {provider} was refused", provider, (token,),
                        _shown_claims(token))  # fmt: skip
        if error.code == "oidc-refused" and "audience" in error.why.partition(" The token")[0].lower():
            error.code = "oidc-wrong-audience"
            error.hint = _AUDIENCE_HINT
        raise error
    return _access_token(_object(answer), provider)


def _assertion(exchange: TokenExchange, token: str) -> dict[str, str]:
    if exchange.grant == "jwt-bearer":
        return {"assertion": token}
    return {"subject_token": token, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}


def _access_token(reply: dict[str, Any], provider: str) -> AccessToken:
    value, kind, seconds = reply.get("access_token"), reply.get("token_type", "Bearer"), reply.get("expires_in")
    if not isinstance(value, str) or not _ACCESS_TOKEN.fullmatch(value) or not isinstance(kind, str):
        raise _bad_reply("the token endpoint", provider)
    if kind.lower() not in {"bearer", "n_a"}:
        raise _bad_reply("the token endpoint", provider)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        seconds = _UNSAID
    return AccessToken(value, min(max(_SHORTEST, seconds), _LONGEST))


def _failed(answer: Answer, message: str, provider: str, secrets: tuple[str, ...], claims: str) -> BatchrunnerError:
    if answer.status in {0, 429} or answer.status >= 500:
        why = answer.words or f"It answered with status {answer.status}."
        return TryAgain("oidc-unreachable", f"no token could be exchanged for provider {provider}",
                        why=_safe(why, secrets), hint="Nothing was sent. Run the same command again.")  # fmt: skip
    if answer.status in range(300, 400):
        words = "It answered with a redirect, and a token is sent nowhere else."
    else:
        words = _words(_object(answer)) or f"It answered with status {answer.status}."
    why = " ".join(filter(None, [_safe(words, secrets), claims]))
    return Refused("oidc-refused", message, why=why,
                   hint=f"compare that with what the provider was told to trust; see `providers.{provider}.api_key`"
                   )  # fmt: skip


def _words(reply: dict[str, Any]) -> str:
    """What an error says: RFC 6749 §5.2, or as vendors write theirs."""
    error = reply.get("error")
    nested = error if isinstance(error, dict) else {}
    said = [error, reply.get("error_description"), nested.get("type"), nested.get("message"), reply.get("message")]
    return ": ".join(dict.fromkeys(text for text in said if isinstance(text, str) and text))


def _safe(words: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        # Also the parts: a signature alone is what makes a token one.
        for part in (secret, *secret.split(".")):
            words = words.replace(part, REDACTED) if len(part) >= 8 else words
    return brief(printable(words), 500)


def _wrong_audience(provider: str, audiences: list[Any], exchange: TokenExchange) -> Refused:
    meant = brief(printable(", ".join(map(str, audiences))), 200)
    return Refused("oidc-wrong-audience", f"the workload's token is not meant for provider {provider}",
                   why=f"Its audience is {meant}, and must be {exchange.audience}.", hint=_AUDIENCE_HINT)  # fmt: skip


_AUDIENCE_HINT = "let your platform issue it for the audience that the provider expects, or correct `oidc.audience`"


def _bad_reply(who: str, provider: str) -> Refused:
    return Refused("oidc-bad-reply", f"{who} answered with no token for provider {provider}",
                   why="The reply is no JSON object with a usable bearer token in it.",
                   hint="check `token_url` and `grant`")  # fmt: skip


def _object(answer: Answer) -> dict[str, Any]:
    try:
        reply = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return reply if isinstance(reply, dict) else {}


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    try:
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _shown_claims(token: str) -> str:
    claims = _claims(token)
    named = [f"{name} {printable(brief(str(claims[name]), 120))}" for name in ("iss", "sub", "aud") if name in claims]
    return f"The token says: {', '.join(named)}." if named else ""
