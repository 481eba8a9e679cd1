"""Lines of inputs and of results in OpenAI's form, and what servers that speak the same make of it. Pure.

https://platform.openai.com/docs/guides/batch
"""

import json
from collections.abc import Collection
from typing import Any, Final, Literal, NamedTuple, Protocol

from batchrunner.sandbox.responder import Answer

Json = dict[str, Any]
FileKind = Literal["output", "error"]
Unasked = Literal["batch_expired", "batch_cancelled"]
WHY_UNASKED: Final[dict[Unasked, str]] = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed before the batch was cancelled.",
}


class Asked(NamedTuple):
    """A line of an input, read."""

    custom_id: str
    body: Json


class Written(NamedTuple):
    """A line of results, and the file it belongs into."""

    file: FileKind
    line: Json


class LineRefused(Exception):
    """A line that makes the whole file unusable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Lines(Protocol):
    """How one family of providers writes lines."""

    def read(self, raw: bytes, endpoint: str) -> Asked:
        """A line of an input. Raises LineRefused."""
        ...

    def answered(self, answer: Answer) -> Written:
        """The line for an answer."""
        ...

    def unasked(self, custom_id: str, why: Unasked) -> Written:
        """The line for a request that was not reached."""
        ...


class OpenAILines:
    """Two files: answers of status 2xx in the one, all else in the other. `habits` are those of `habits.HABITS`."""

    def __init__(self, habits: Collection[str] = ()) -> None:
        self._habits = frozenset(habits)

    def read(self, raw: bytes, endpoint: str) -> Asked:
        """`{"custom_id", "method", "url", "body"}`; the url is the endpoint of the batch."""
        line = read_object(raw)
        if "any-lines" in self._habits:
            line = {"url": endpoint, "body": line.get("params"), **line}
        if not isinstance(line.get("custom_id"), str) or not isinstance(line.get("body"), dict):
            raise LineRefused("missing_required_parameter", "This line needs a custom_id and a body.")
        if line.get("url") != endpoint:
            raise LineRefused("mismatched_url", "The url of this line is not the endpoint of the batch.")
        return Asked(line["custom_id"], line["body"])

    def answered(self, answer: Answer) -> Written:
        """`{"id", "custom_id", "response": {"status_code", "request_id", "body"}, "error": null}`."""
        line = {
            "id": f"batch_req_{answer.digest[:24]}",
            "custom_id": answer.custom_id,
            "response": self._response(answer),
            "error": None,
        }
        if not answer.is_ok and "bare-errors" in self._habits:
            del line["response"]
            line["error"] = {name: answer.body["error"][name] for name in ("type", "message")}
        return Written("output" if answer.is_ok else "error", line)

    def _response(self, answer: Answer) -> Json:
        if answer.is_ok and "bare-response" in self._habits:
            return answer.body
        body = json.dumps(answer.body) if "body-string" in self._habits else answer.body
        return {"status_code": answer.status, "request_id": f"req_{answer.digest[24:48]}", "body": body}

    def unasked(self, custom_id: str, why: Unasked) -> Written:
        """`{"id", "custom_id", "response": null, "error": {"code", "message"}}`."""
        error = {"code": why, "message": WHY_UNASKED[why]}
        return Written("error", {"id": None, "custom_id": custom_id, "response": None, "error": error})


def read_bare(raw: bytes, field: str) -> Asked:
    """A line that has a `custom_id` and a body under the name `field`. Raises LineRefused."""
    line = read_object(raw)
    if not isinstance(line.get("custom_id"), str) or not isinstance(line.get(field), dict):
        raise LineRefused("missing_required_parameter", f"This line needs a custom_id and a {field}.")
    return Asked(line["custom_id"], line[field])


def read_object(raw: bytes) -> Json:
    """A line as a JSON object. Raises LineRefused."""
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        raise LineRefused("invalid_json_line", "This line is not parseable as valid JSON.") from None
    if not isinstance(line, dict):
        raise LineRefused("invalid_json_line", "This line is not a JSON object.")
    return line
