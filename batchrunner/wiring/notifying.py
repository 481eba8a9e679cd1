"""Webhooks: a run that is over is told to others, within seconds, and whatever they answer changes nothing.

Signed as Standard Webhooks has it (github.com/standard-webhooks/standard-webhooks, specification 1.0.0): the
HMAC-SHA256 of `ID.TIMESTAMP.BODY`, in base64, after `v1,`.
"""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from threading import Thread
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from batchrunner.errors import Refused
from batchrunner.origins import is_sendable
from batchrunner.project import Webhook
from batchrunner.providers.posting import Answer, Post, sent
from batchrunner.settings import environment, read_quietly, remember_secret

ATTEMPT_SECONDS = 3.0
TOTAL_SECONDS = 5.0
_SLACK = "hooks.slack.com"


def tell_all(webhooks: Sequence[Webhook], occasion: str, text: str, summary: Mapping[str, Any]) -> list[str]:
    """POST to all `webhooks` at once. Returns what is to be warned of: who was not told, and why."""
    troubles: dict[int, str] = dict.fromkeys(range(len(webhooks)), "")
    body = {"event": occasion, "text": text, **summary}

    def tell(number: int, webhook: Webhook) -> None:
        try:
            troubles[number] = _told(webhook, body)
        except Refused as error:
            troubles[number] = error.message

    threads = [Thread(target=tell, args=each, daemon=True) for each in enumerate(webhooks)]
    for thread in threads:
        thread.start()
    end = monotonic() + TOTAL_SECONDS + 1.0
    for thread in threads:
        thread.join(max(0.0, end - monotonic()))
    late = {number for number, thread in enumerate(threads) if thread.is_alive()}
    found = {number: f"no answer within {TOTAL_SECONDS:g} seconds" if number in late else trouble
             for number, trouble in troubles.items()}  # fmt: skip
    return [f"the webhook {_named(webhooks[number])} was not told: {trouble}"
            for number, trouble in found.items() if trouble]  # fmt: skip


def _named(webhook: Webhook) -> str:
    """Which one it is, without its URL: that may be all that one needs to post in somebody's name."""
    if webhook.url.env or webhook.url.file:
        return f"in ${webhook.url.env}" if webhook.url.env else f"in the file {webhook.url.file}"
    return f"at {urlsplit(webhook.address).netloc}"


def _told(webhook: Webhook, body: Mapping[str, Any]) -> str:
    url = webhook.address or read_quietly(webhook.url, "its URL", environment())
    if not webhook.address:
        remember_secret(url)
    if not is_sendable(url):
        return "its URL is no https URL (http:// is for loopback addresses only)"
    # Slack refuses what it does not know.
    data = json.dumps({"text": body["text"]} if urlsplit(url).hostname == _SLACK else body).encode()
    headers = {"Content-Type": "application/json", **_signature(webhook, data)}
    return _posted(Post("POST", url, headers, data, reads=False))


def _posted(post: Post) -> str:
    """Send, and once more where nobody took it. The same id lets the other end tell it is the same."""
    end = monotonic() + TOTAL_SECONDS
    answer = sent(post, ATTEMPT_SECONDS)
    if _is_passing(answer) and (left := end - monotonic()) > 1.0:
        answer = sent(post, min(left, ATTEMPT_SECONDS))
    if 200 <= answer.status < 300:
        return ""
    if answer.status in range(300, 400):
        return f"it answered with status {answer.status}, and redirects are not followed"
    return f"it answered with status {answer.status}" if answer.status else _unreached(answer)


def _is_passing(answer: Answer) -> bool:
    return answer.status in {0, 408, 429} or answer.status >= 500


def _unreached(answer: Answer) -> str:
    return answer.words if answer.words.startswith("no whole answer") else "it could not be reached"


def _signature(webhook: Webhook, data: bytes) -> dict[str, str]:
    name, at = f"msg_{uuid4().hex}", str(int(time()))
    headers = {"webhook-id": name, "webhook-timestamp": at}
    if webhook.secret is None:
        return headers
    secret = read_quietly(webhook.secret, "the secret it is signed with", environment())
    remember_secret(secret)
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < 16:
        raise Refused("bad-key", "its secret is not as Standard Webhooks has it: `whsec_` and base64")
    signed = hmac.digest(key, f"{name}.{at}.".encode() + data, "sha256")
    return {**headers, "webhook-signature": f"v1,{base64.b64encode(signed).decode()}"}
