"""`notify:`: others are told how a run ended; nothing they do holds a run up, fails it or learns a secret."""

import base64
import hashlib
import hmac
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import KEY, Desk
from support.projects import mistakes
from support.scripted_desk import Got, ScriptedDesk, Told, scripted_desk

SECRET = "whsec_" + base64.b64encode(b"canary-of-24-bytes-0123!").decode()
PATH = "/services/T000/B000/canaryCanary0123456789"


@pytest.fixture
def hook() -> Iterator[ScriptedDesk]:
    with scripted_desk(lambda _: Told(204, b"")) as desk:
        yield desk


@pytest.fixture
def shop(shop: Desk, hook: ScriptedDesk) -> Desk:
    notifying(shop, "webhook: {env: HOOK}, on: [apply-succeeded, apply-unchanged, apply-failed], secret: {env: SIGN}")
    shop.env |= {"HOOK": hook.origin + PATH, "SIGN": SECRET}
    return shop


def notifying(shop: Desk, *entries: str) -> None:
    lines = "".join(f"  - {{{entry}}}\n" for entry in entries)
    shop.write(
        "batchrunner.yaml",
        f"providers:\n  alphaedge: {{retry: {{base_seconds: 0.001, cap_seconds: 0.01}}}}\nnotify:\n{lines}",
    )


def told(got: Got) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(got.body)
    return document


def test_a_run_is_told_as_its_summary_is_written(shop: Desk, hook: ScriptedDesk) -> None:
    ran = shop.run("apply", "s.yaml", "--summary", "sum.json")
    assert (ran.code, "warning" in ran.err) == (0, False)
    [got] = hook.got
    assert (got.method, got.path, got.headers["content-type"]) == ("POST", PATH, "application/json")
    body = told(got)
    assert (body.pop("event"), body.pop("text")) == ("apply-succeeded", "batchrunner apply succeeded (s): 2 submitted")
    assert body == json.loads(shop.read("sum.json"))
    assert shop.run("apply", "s.yaml").code == 0
    assert told(hook.got[1])["event"] == "apply-unchanged"


def test_it_is_signed_as_standard_webhooks_has_it(shop: Desk, hook: ScriptedDesk) -> None:
    shop.run("apply", "s.yaml")
    headers, body = hook.got[0].headers, hook.got[0].body
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda shop: shop.write("s.yaml", "batches: 7"), "invalid-files"),
        (lambda shop: shop.env.pop("ALPHAEDGE_API_KEY"), "missing-key"),
    ],
)
def test_a_run_that_failed_is_told_too(shop: Desk, hook: ScriptedDesk, spoil: Any, error: str) -> None:
    spoil(shop)
    ran = shop.run("apply", "s.yaml")
    assert ran.code == 1
    assert (told(hook.got[0])["event"], told(hook.got[0])["error"]) == ("apply-failed", error)
    assert "exit code 1" in told(hook.got[0])["text"]


def test_only_what_was_asked_for_is_told(shop: Desk, hook: ScriptedDesk) -> None:
    notifying(shop, "webhook: {env: HOOK}", "webhook: {env: HOOK}, on: [batch-ended]")
    assert shop.run("apply", "s.yaml").code == 0
    assert shop.run("plan", "s.yaml").code == 0
    assert hook.got == []
    assert shop.run("wait", "--timeout", "0").code in (0, 75)
    assert shop.run("wait").code == 0
    assert [told(got)["event"] for got in hook.got][-1] == "batch-ended"


@pytest.mark.parametrize(
    ("answer", "words", "times"),
    [
        (Told(500, b"no"), "it answered with status 500", 2),
        (Told(429, b"no"), "it answered with status 429", 2),
        (Told(404, b"no_team " + PATH.encode()), "it answered with status 404", 1),
        (
            Told(302, b"", (("Location", "https://evil.example"),)),
            "it answered with status 302, and redirects are not followed",
            1,
        ),
    ],
)
def test_an_answer_changes_nothing_but_a_warning(
    shop: Desk, hook: ScriptedDesk, answer: Told, words: str, times: int
) -> None:
    hook.answer = lambda _: answer
    ran = shop.run("apply", "s.yaml", "--json")
    assert (ran.code, len(hook.got)) == (0, times)
    assert f"warning: the webhook in $HOOK was not told: {words}" in ran.err
    assert len({got.headers["webhook-id"] for got in hook.got}) == 1
    for secret in (PATH, SECRET, "canary"):
        assert secret not in ran.out + ran.err


def test_what_an_answer_says_is_nobodys_business(shop: Desk, hook: ScriptedDesk) -> None:
    hook.answer = lambda _: Told(200, b"\x1b[31m" + b"a" * 1_000_000, (("Content-Encoding", "gzip"),))
    ran = shop.run("apply", "s.yaml")
    assert (ran.code, "warning" in ran.err, len(hook.got)) == (0, False, 1)


def test_a_server_that_is_silent_holds_nobody_up(shop: Desk, hook: ScriptedDesk) -> None:
    hook.answer = lambda _: Told(stalls=True)
    notifying(shop, *["webhook: {env: HOOK}, on: [apply-succeeded]"] * 8)
    # One after the other, eight of them would take longer than the run may.
    ran = shop.run("apply", "s.yaml")
    assert (ran.code, ran.err.count("no whole answer within")) == (0, 8)


def test_who_does_not_want_to_wait_for_it_need_not(shop: Desk, hook: ScriptedDesk) -> None:
    hook.answer = lambda _: Told(stalls=True)
    with shop.started("apply", "s.yaml") as process:
        assert hook.arrived.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (0, False)
    assert "2 submitted" in out
    assert len(shop.state()["batches"]) == 2


def test_one_that_is_killed_while_it_tells_has_lost_nothing(shop: Desk, hook: ScriptedDesk) -> None:
    hook.answer = lambda _: Told(stalls=True)
    with shop.started("apply", "s.yaml") as process:
        assert hook.arrived.wait(30)
        process.kill()
    hook.answer = lambda _: Told()
    assert shop.run("apply", "s.yaml").code == 0
    assert len(shop.ledger.batches()) == 2


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"HOOK": ""}, "in $HOOK was not told: its URL is not there"),
        ({"HOOK": "http://hooks.example/x"}, "no https URL"),
        ({"HOOK": "not a url \x1b[31m"}, "no https URL"),
        ({"HOOK": "http://127.0.0.1:1/x"}, "it could not be reached"),
        ({"SIGN": ""}, "the secret it is signed with is not there"),
        ({"SIGN": "short"}, "not as Standard Webhooks has it"),
    ],
)
def test_what_is_not_there_is_warned_of(shop: Desk, hook: ScriptedDesk, env: dict[str, str], words: str) -> None:
    ran = shop.run("apply", "s.yaml", env=env)
    assert (ran.code, words in ran.err) == (0, True), ran.err
    assert hook.got == []


def test_nothing_in_it_is_markup_or_a_key(shop: Desk, hook: ScriptedDesk) -> None:
    shop.write("s.yaml", "batches:\n  - {name: a, endpoint: /v1/embeddings, input_file_id: f, '<!channel> &': 1}\n")
    shop.run("apply", "s.yaml")
    [got] = hook.got
    assert "&lt;!channel&gt; &amp;" in told(got)["text"]
    assert "<" not in told(got)["text"]
    assert KEY not in got.body.decode()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (f"webhook: 'https://hooks.slack.com{PATH}'", "literal-secret"),
        ("webhook: 'https://hooks.example/x?token=abc'", "literal-secret"),
        ("webhook: 'http://hooks.example/x'", "bad-webhook-url"),
        ("webhook: 'https://u:p@hooks.example/x'", "bad-webhook-url"),
        ("webhook: {env: A, file: b}", "in one place"),
        ("webhook: {env: A}, secret: {}", "in one place"),
        ("webhook: {env: A}, on: [apply-fails]", "did you mean `apply-failed`?"),
        ("webhook: {env: A}, on: []", "must not be empty"),
        ("on: [apply-failed]", "`notify[0].webhook` is missing"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(tmp_path: Path, entry: str, words: str) -> None:
    found = mistakes(tmp_path, f"notify:\n  - {{{entry}}}\n")
    assert [each for each in found if words in f"{each.code} {each.message} {each.hint}"], found
    assert "canary" not in str(found)
    assert {each.line for each in found} == {2}
