"""Answers request lines without a model: the same request always gets the same answer, small and of the right shape.

Everything in an answer is derived from the sha256 of the request. Which requests fail instead is decided in `fates`.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from batchrunner.sandbox.fates import Failure

Json = dict[str, Any]
WORDS: Final = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "kelp", "larch", "maple",
    "north", "ochre", "plain", "quartz", "river", "stone", "tundra", "vale", "willow", "yarrow", "zephyr", "glade",
)  # fmt: skip
EPOCH: Final = 1_700_000_000
DIMENSIONS, MOST_DIMENSIONS = 8, 3072


class Dice:
    """An endless, reproducible source of small choices, seeded with a request."""

    def __init__(self, request: bytes) -> None:
        self.digest = hashlib.sha256(request).hexdigest()
        self._bytes = self._stream()

    def _stream(self) -> Iterator[int]:
        block = bytes.fromhex(self.digest)
        while True:
            yield from block
            block = hashlib.sha256(block).digest()

    def below(self, end: int) -> int:
        """A number from 0 up to, not including, `end` (at most 256)."""
        return next(self._bytes) % end

    def text(self) -> str:
        """A short sentence."""
        words = [WORDS[self.below(len(WORDS))] for _ in range(4 + self.below(5))]
        return f"{' '.join(words).capitalize()}."

    def share(self) -> float:
        """A number from 0 to 1."""
        return next(self._bytes) / 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What a live call would have answered. `digest` is 64 hexadecimal digits that stand for the request."""

    custom_id: str
    digest: str
    status: int
    body: Json

    @property
    def is_ok(self) -> bool:
        """Whether it is a success."""
        return self.status < 300

    @property
    def tokens(self) -> tuple[int, int]:
        """How many tokens were asked and answered."""
        usage = self.body.get("usage") or {}
        asked = usage.get("input_tokens", usage.get("prompt_tokens", 0))
        return asked, usage.get("output_tokens", usage.get("completion_tokens", 0))


def answer(endpoint: str, custom_id: str, body: Json, failure: Failure | None = None) -> Answer:
    """The answer to one request line; with a `failure`, that one."""
    dice = Dice(json.dumps([endpoint, custom_id, body], sort_keys=True).encode())
    if failure is not None:
        return Answer(custom_id, dice.digest, failure.status, _refusal(failure))
    respond = ENDPOINTS.get(endpoint) or ENDPOINTS[f"/v1{endpoint}"]
    return Answer(custom_id, dice.digest, 200, respond(body, dice))


def invented_lines(file_id: str, endpoint: str) -> Iterator[bytes]:
    """The lines of an input that was never uploaded here: a few, always the same for one id and endpoint."""
    dice = Dice(file_id.encode("utf-8", "surrogatepass"))
    for number in range(1, 4 + dice.below(3)):
        body = {"model": "sandbox-1", **_invented_question(endpoint, dice)}
        line = {"custom_id": f"row-{number}", "method": "POST", "url": endpoint, "body": body, "params": body}
        yield json.dumps(line).encode() + b"\n"


def _invented_question(endpoint: str, dice: Dice) -> Json:
    text = dice.text()
    if endpoint in ("/v1/chat/completions", "/chat/completions", "/v1/messages"):
        return {"messages": [{"role": "user", "content": text}]}
    return {"prompt": text} if endpoint == "/v1/completions" else {"input": text}


def _refusal(failure: Failure) -> Json:
    kind, code = REFUSALS.get(min(failure.status, 500), ("invalid_request_error", "sandbox_error"))
    message = failure.message or "This line asked to fail."
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


REFUSALS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {429: ("rate_limit_error", "rate_limit_exceeded"), 500: ("server_error", "server_error")}
)


def _model(body: Json) -> str:
    return str(body.get("model", "sandbox-1"))


def _tokens(value: object) -> int:
    return max(1, len(json.dumps(value)) // 4)


def _usage(question: object, text: str, asked: str, answered: str) -> Json:
    """Token counts at four characters a token, under the names this endpoint uses."""
    counts = {asked: _tokens(question), answered: _tokens(text)}
    return {**counts, "total_tokens": sum(counts.values())}


def _chat(body: Json, dice: Dice) -> Json:
    text = dice.text()
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": f"chatcmpl-{dice.digest[:24]}",
        "object": "chat.completion",
        "created": EPOCH + dice.below(256),
        "model": _model(body),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(body.get("messages"), text, "prompt_tokens", "completion_tokens"),
    }


def _completion(body: Json, dice: Dice) -> Json:
    text = dice.text()
    return {
        "id": f"cmpl-{dice.digest[:24]}",
        "object": "text_completion",
        "created": EPOCH + dice.below(256),
        "model": _model(body),
        "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(body.get("prompt"), text, "prompt_tokens", "completion_tokens"),
    }


def _response(body: Json, dice: Dice) -> Json:
    text = dice.text()
    message = {
        "id": f"msg_{dice.digest[:24]}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    return {
        "id": f"resp_{dice.digest[:24]}",
        "object": "response",
        "created_at": EPOCH + dice.below(256),
        "status": "completed",
        "model": _model(body),
        "output": [message],
        "usage": _usage(body.get("input"), text, "input_tokens", "output_tokens"),
    }


def _embedding(body: Json, dice: Dice) -> Json:
    asked = body.get("input")
    texts = asked if isinstance(asked, list) and asked else [asked]
    size = body.get("dimensions")
    size = size if isinstance(size, int) and 1 <= size <= MOST_DIMENSIONS else DIMENSIONS
    prompt = _tokens(asked)
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": at, "embedding": _vector(dice, size)} for at in range(len(texts))],
        "model": _model(body),
        "usage": {"prompt_tokens": prompt, "total_tokens": prompt},
    }


def _vector(dice: Dice, size: int) -> list[float]:
    """A vector of length 1, as embedding models return."""
    raw = [dice.share() - 0.5 for _ in range(size)]
    length = math.hypot(*raw)
    return [round(value / length, 6) for value in raw]


def _moderation(body: Json, dice: Dice) -> Json:
    scores = {name: round(dice.share() * 0.01, 6) for name in ("harassment", "hate", "self-harm", "violence")}
    result = {"flagged": False, "categories": dict.fromkeys(scores, False), "category_scores": scores}
    return {"id": f"modr-{dice.digest[:24]}", "model": _model(body), "results": [result]}


def _message(body: Json, dice: Dice) -> Json:
    text = dice.text()
    return {
        "id": f"msg_{dice.digest[:24]}",
        "type": "message",
        "role": "assistant",
        "model": _model(body),
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": _tokens(body.get("messages")), "output_tokens": _tokens(text)},
    }


ENDPOINTS: Final[Mapping[str, Callable[[Json, Dice], Json]]] = MappingProxyType(
    {
        "/v1/chat/completions": _chat,
        "/v1/responses": _response,
        "/v1/embeddings": _embedding,
        "/v1/completions": _completion,
        "/v1/moderations": _moderation,
        "/v1/messages": _message,
        "/v1/fim/completions": _chat,
    }
)
