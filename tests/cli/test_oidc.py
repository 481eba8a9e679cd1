"""Keys that are kept nowhere: a workload's own token is exchanged for one when something is sent."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.cli import KEY, Desk
from support.projects import mistakes
from support.scripted_desk import Got, ScriptedDesk, Told, scripted_desk

REQUEST_KEY = "canary-of-the-request-0123456789"


def jwt(**claims: Any) -> str:
    parts = ({"alg": "RS256"}, {"iss": "https://ci", "sub": "repo:acme/specs", **claims})
    head, payload = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return f"{head}.{payload}.canary-signature-0123456789"


TOKEN = jwt(aud="https://provider")
GRANTED = Told(body=json.dumps({"access_token": KEY, "token_type": "Bearer", "expires_in": 600}).encode())


def project(desk: ScriptedDesk, oidc: str) -> str:
    return (
        "providers:\n  alphaedge:\n    retry: {base_seconds: 0.001, cap_seconds: 0.01}\n"
        f"    api_key: {{oidc: {{token_url: '{desk.origin}/token', {oidc}}}}}\n"
    )


def granting(got: Got) -> Told:
    return Told(body=json.dumps({"value": TOKEN}).encode()) if got.path.startswith("/github") else GRANTED


@pytest.fixture
def issuer() -> Iterator[ScriptedDesk]:
    """GitHub's token endpoint, and that of the provider."""
    with scripted_desk(granting) as desk:
        yield desk


@pytest.fixture
def shop(shop: Desk, issuer: ScriptedDesk) -> Desk:
    shop.write("batchrunner.yaml", project(issuer, "grant: token-exchange, audience: 'https://provider'"))
    del shop.env["ALPHAEDGE_API_KEY"]
    shop.env |= {
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.origin}/github?api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_KEY,
    }
    return shop


def secretless(shop: Desk, *arguments: str) -> Any:
    """What a run came to; no token of any kind is in what it said, or in any file."""
    ran = shop.run(*arguments)
    for secret in (TOKEN, "canary-signature-0123456789", REQUEST_KEY):
        assert secret not in ran.out + ran.err
        assert all(secret.encode() not in path.read_bytes() for path in shop.folder.rglob("*.json*"))
    return ran


def test_a_job_of_github_actions_needs_no_key(shop: Desk, issuer: ScriptedDesk) -> None:
    assert secretless(shop, "apply", "s.yaml", "-vv").code == 0
    asked, exchange = issuer.got
    assert (asked.method, asked.headers["authorization"]) == ("GET", f"bearer {REQUEST_KEY}")
    assert parse_qs(urlsplit(asked.path).query) == {"api-version": ["2"], "audience": ["https://provider"]}
    assert exchange.headers["content-type"] == "application/x-www-form-urlencoded"
    assert {name: each for name, [each] in parse_qs(exchange.body.decode()).items()} == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": TOKEN,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    }
    assert len(shop.ledger.batches()) == 2


def test_nothing_is_asked_where_nothing_is_sent(shop: Desk, issuer: ScriptedDesk) -> None:
    for command in ("validate", "plan"):
        assert shop.run(command, "s.yaml").code == 0
    assert shop.run("apply", "s.yaml", "--sandbox").code == 0
    assert issuer.got == []
    assert shop.run("apply", "s.yaml").code == 0
    asked = len(issuer.got)
    assert shop.run("apply", "s.yaml").code == 0
    assert len(issuer.got) == asked


@pytest.mark.parametrize("place", ["env: CI_TOKEN", "file: token.key"])
def test_other_platforms_name_where_their_token_is(shop: Desk, issuer: ScriptedDesk, place: str) -> None:
    oidc = f"grant: jwt-bearer, encoding: json, token: {{{place}}}, parameters: {{team: data}}"
    shop.write("batchrunner.yaml", project(issuer, oidc))
    refused = secretless(shop, "apply", "s.yaml", "--json")
    assert (refused.code, refused.error["code"]) == (1, "oidc-no-token")
    shop.env["CI_TOKEN"] = TOKEN
    shop.write("token.key", f"{TOKEN}\n")
    assert secretless(shop, "apply", "s.yaml").code == 0
    [exchange] = issuer.got
    assert json.loads(exchange.body) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": TOKEN, "team": "data",
    }  # fmt: skip


def test_what_a_vendor_wants_is_known(shop: Desk, issuer: ScriptedDesk) -> None:
    shop.write("t.yaml", "batches:\n  - {name: a, provider: openai, endpoint: /v1/embeddings, input_file_id: file-1}\n")
    said = f"token_url: '{issuer.origin}/token', identity_provider_id: idp_1, service_account_id: sa_1"
    entry = f"  openai: {{base_url: '{shop.env['ALPHAEDGE_BASE_URL']}', api_key: {{oidc: {{{said}}}}}}}\n"
    shop.write("batchrunner.yaml", f"providers:\n{entry}")
    issuer.answer = lambda got: (
        Told(body=json.dumps({"value": jwt(aud="https://api.openai.com/v1")}).encode())
        if got.method == "GET"
        else GRANTED
    )
    shop.run("apply", "t.yaml")
    exchange = json.loads(issuer.got[1].body)
    assert "audience=https%3A%2F%2Fapi.openai.com%2Fv1" in issuer.got[0].path
    assert {name: exchange[name] for name in ("grant_type", "identity_provider_id", "service_account_id")} == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "identity_provider_id": "idp_1",
        "service_account_id": "sa_1",
    }


def test_a_token_that_expires_is_renewed_and_one_that_is_refused_once(shop: Desk, issuer: ScriptedDesk) -> None:
    given = iter(["an-expired-token-0123456789", *[KEY] * 20])
    issuer.answer = lambda got: (
        granting(got)
        if got.method == "GET"
        else Told(body=json.dumps({"access_token": next(given), "expires_in": 3600}).encode())
    )
    assert secretless(shop, "apply", "s.yaml", "--concurrency", "1", "--target", "s/ready").code == 0
    assert [got.method for got in issuer.got] == ["GET", "POST", "GET", "POST"]
    issuer.got.clear()
    lifeless = Told(body=json.dumps({"access_token": KEY, "expires_in": 0}).encode())
    issuer.answer = lambda got: granting(got) if got.method == "GET" else lifeless
    assert secretless(shop, "status", "--refresh").code == 0
    assert issuer.got


def test_a_provider_that_refuses_every_key_is_asked_twice_and_no_more(shop: Desk, issuer: ScriptedDesk) -> None:
    numbers = iter(range(100))
    issuer.answer = lambda got: (
        granting(got)
        if got.method == "GET"
        else Told(body=json.dumps({"access_token": f"never-the-right-token-{next(numbers)}"}).encode())
    )
    refused = secretless(shop, "apply", "s.yaml", "--concurrency", "1", "--target", "s/ready")
    assert refused.code == 1
    assert sum(got.method == "POST" for got in issuer.got) == 2


@pytest.mark.parametrize(
    ("answer", "code", "exits", "words"),
    [
        (Told(400, b'{"error": "invalid_grant", "error_description": "no rule matches"}'), "oidc-refused", 1,
         "invalid_grant: no rule matches"),
        (Told(401, b'{"error": {"type": "invalid_request", "message": "Invalid audience"}}'), "oidc-wrong-audience", 1,
         "Invalid audience"),
        (Told(403, TOKEN.encode()), "oidc-refused", 1, "status 403"),
        (Told(400, json.dumps({"error": f"bad {TOKEN} \x1b[31m"}).encode()), "oidc-refused", 1, r"bad [redacted] \x1b"),
        (Told(302, b"", (("Location", "https://evil.example/token"),)), "oidc-refused", 1, "redirect"),
        (Told(200, b"<html>"), "oidc-bad-reply", 1, "bearer token"),
        (Told(200, b"[" * 50_000), "oidc-bad-reply", 1, "bearer token"),
        (Told(200, b'{"access_token": 7}'), "oidc-bad-reply", 1, "bearer token"),
        (Told(200, b'{"access_token": "a b"}'), "oidc-bad-reply", 1, "bearer token"),
        (Told(200, b'{"access_token": "a\\r\\nX: y"}'), "oidc-bad-reply", 1, "bearer token"),
        (Told(200, b'{"access_token": "abcdefgh", "token_type": "mac"}'), "oidc-bad-reply", 1, "bearer token"),
        (Told(200, GRANTED.body, (("Content-Encoding", "gzip"),)), "oidc-bad-reply", 1, "bearer token"),
        (Told(200, b'{"access_token": "' + b"a" * 70_000 + b'"}'), "oidc-unreachable", 75, "bytes"),
        (Told(503, b"later"), "oidc-unreachable", 75, "status 503"),
        (Told(429, b"later"), "oidc-unreachable", 75, "status 429"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_the_providers_words(
    shop: Desk, issuer: ScriptedDesk, answer: Told, code: str, exits: int, words: str
) -> None:
    issuer.answer = lambda got: granting(got) if got.method == "GET" else answer
    refused = secretless(shop, "apply", "s.yaml", "--json")
    assert (refused.code, refused.error["code"]) == (exits, code)
    assert words in refused.error["why"]
    assert shop.posts == 0
    assert not (shop.folder / "s.state.json").exists()


def test_a_refused_exchange_shows_what_the_token_said(shop: Desk, issuer: ScriptedDesk) -> None:
    issuer.answer = lambda got: granting(got) if got.method == "GET" else Told(401, b'{"error": "invalid_grant"}')
    refused = secretless(shop, "apply", "s.yaml")
    assert "sub repo:acme/specs" in refused.err


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": ""}, "oidc-no-permission"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "", "GITHUB_ACTIONS": ""}, "oidc-no-token"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "http://169.254.169.254/x"}, "oidc-bad-token"),
        ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "two words"}, "oidc-bad-token"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9/nobody"}, "oidc-unreachable"),
    ],
)
def test_without_a_workloads_token_nothing_is_sent(
    shop: Desk, issuer: ScriptedDesk, env: dict[str, str], code: str
) -> None:
    shop.env |= env
    refused = secretless(shop, "apply", "s.yaml", "--json")
    assert refused.error["code"] == code
    assert (shop.posts, issuer.got) == (0, [])


@pytest.mark.parametrize(
    ("token", "code"),
    [("sk-not-a-token", "oidc-bad-token"), (jwt(aud="https://other"), "oidc-wrong-audience"),
     (jwt(aud=["https://other", "x"]), "oidc-wrong-audience"), ("a" * 20_000, "oidc-bad-token")],
)  # fmt: skip
def test_a_token_for_somebody_else_is_not_sent(shop: Desk, issuer: ScriptedDesk, token: str, code: str) -> None:
    shop.write(
        "batchrunner.yaml", project(issuer, "grant: jwt-bearer, audience: 'https://provider', token: {env: CI_TOKEN}")
    )
    shop.env["CI_TOKEN"] = token
    refused = secretless(shop, "apply", "s.yaml", "--json")
    assert (refused.code, refused.error["code"]) == (1, code)
    assert token not in refused.out
    assert issuer.got == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("alphaedge: {api_key: {oidc: {}}}", "`token_url` is missing"),
        ("openai: {api_key: {oidc: {}}}", "`identity_provider_id` is missing"),
        ("openai: {api_key: {oidc: {identity_provider_id: a}}}", "`service_account_id` is missing"),
        ("anthropic: {api_key: {oidc: {federation_rule_id: a}}}", "`organization_id` is missing"),
        ("alphaedge: {api_key: {oidc: {token_url: 'http://login.example/t', grant: jwt-bearer}}}", "https URL"),
        ("alphaedge: {api_key: {oidc: {token_url: 'https://u:p@login.example/t', grant: jwt-bearer}}}", "user name"),
        ("alphaedge: {api_key: {oidc: {token_url: 'https://[x/t', grant: jwt-bearer}}}", "https URL"),
        ("alphaedge: {api_key: {oidc: {token_url: 'https://x/t', grant: jwt}}}", "is not a valid"),
        ("alphaedge: {api_key: {oidc: {token_url: 'https://x/t', grant: jwt-bearer, parameters: {assertion: x}}}}",
         "set by batchrunner itself"),
        ("alphaedge: {api_key: {oidc: {token_url: 'https://x/t', grant: jwt-bearer, token: {}}}}", "in one place"),
        ("alphaedge: {api_key: {env: A, oidc: {token_url: 'https://x/t', grant: jwt-bearer}}}", "in one place"),
        ("alphaedge: {api_key: {oidc: yes-please}}", "must be a mapping"),
        ("alphaedge: {api_key: {oidc: {tokenurl: x}}}", "unknown key `tokenurl`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_exchange_is_said_at_its_place(tmp_path: Path, entry: str, words: str) -> None:
    found = mistakes(tmp_path, f"providers:\n  {entry}\n")
    assert [each for each in found if words in each.message], found
    assert {each.line for each in found} == {2}
