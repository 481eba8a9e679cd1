"""Documents for `--json`: one object per command, with `format_version` and `command`. Minor versions only add."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from batchrunner.plans import FORMAT, Plan
from batchrunner.plans import FORMAT_VERSION as PLAN_VERSION
from batchrunner.records import Raw, plain

FORMAT_VERSION = "1.0"

_UNUSUAL = re.compile(r"[^\x20-\x7e\n]|(?<=##)\[")


def envelope(command: str, **fields: Any) -> dict[str, Any]:
    """The document of `command`: what all have in common, then its own `fields`."""
    return {"format_version": FORMAT_VERSION, "command": command, **fields}


def dumps(document: Mapping[str, Any]) -> str:
    r"""`document` as JSON, indented, ending with a newline, and safe to print.

    What a terminal could act on (C1 controls, bidirectional and zero-width characters, lone surrogates), and the
    `##[` that a runner of GitHub Actions takes for a command anywhere in a line, is written with `\u` escapes, which
    mean the same to whoever parses it.
    """
    return _UNUSUAL.sub(_escape, json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def line(document: Mapping[str, Any]) -> str:
    """`document` as one line of JSON, as safe to print as what `dumps` writes."""
    return _UNUSUAL.sub(_escape, json.dumps(document, separators=(",", ":"), ensure_ascii=False)) + "\n"


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character == "[":
        return "\\u005b"
    return character if character.isprintable() else json.dumps(character)[1:-1]


def plan_document(plan: Plan) -> dict[str, Any]:
    """`plan` in the format of a saved plan file."""
    return {"format": FORMAT, "format_version": PLAN_VERSION, **plain(plan)}


def reply_value(reply: Raw) -> Any:
    """A provider's reply as plain values; the text itself where they cannot hold it."""
    text = bytes(reply).decode("utf-8", "backslashreplace")
    try:
        return json.loads(text, parse_float=_finite, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def _finite(text: str) -> float | str:
    return float(text) if math.isfinite(float(text)) else text
