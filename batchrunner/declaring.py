"""A resolved declaration as lines that people read and compare, in the manner of YAML. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batchrunner.records import plain
from batchrunner.spec import BatchDeclaration, Run

_PLAIN = re.compile(r"[A-Za-z0-9_./$*][A-Za-z0-9_./$*@+=-]*(?: [A-Za-z0-9_./$*@+=-]+)*\Z")
_WORDS = frozenset({"null", "true", "false"})
_NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?\Z")


def declaration_lines(run: Run, declared: BatchDeclaration, content: Sequence[str] = ()) -> tuple[str, ...]:
    """What a batch asks for and how often, each thing on lines of its own; `content` is said of what its input holds.

    References are resolved in it, the rows of a table aside.
    """
    source: dict[str, Any] = {"input": declared.input_path or None, "input_file_id": declared.input_file_id}
    if not isinstance(declared.input, str | None):
        table = declared.input
        source = {"rows": table.rows, "custom_id": table.custom_id, "body": table.body}
    fields = {
        "provider": declared.provider,
        "endpoint": declared.endpoint,
        "completion_window": declared.completion_window,
        "once_per": run.once_per,
        "timezone": run.timezone if run.timezone != "UTC" else None,
        **source,
        "shard": plain(declared.shard) if declared.shard is not None else None,
        "metadata": declared.metadata or None,
    }
    said = {name: value for name, value in fields.items() if value is not None}
    return (*_mapping(said, ""), *content)


def _mapping(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in values.items():
        yield from _entry(f"{indent}{_scalar(name)}:", value, indent)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    """`head`, which names `value`, and the value on the same line or below."""
    if isinstance(value, dict) and value:
        yield head
        yield from _mapping(value, indent + "  ")
    elif isinstance(value, list) and value:
        yield head
        for item in value:
            yield from _item(item, indent + "  ")
    elif isinstance(value, str) and "\n" in value.strip("\n"):
        # Line by line, so that a change of a long prompt shows as the lines that changed.
        yield f"{head} |"
        yield from (f"{indent}  {line}" for line in value.split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Any, indent: str) -> Iterator[str]:
    """An entry of a list: its first line behind a dash."""
    if isinstance(value, dict) and value:
        first, *rest = _mapping(value, indent + "  ")
        yield f"{indent}- {first[len(indent) + 2 :]}"
        yield from rest
    else:
        yield from _entry(f"{indent}-", value, indent)


def _scalar(value: Any) -> str:
    """A scalar as YAML would be written: quoted where it would be read as something else."""
    if isinstance(value, str):
        is_plain = _PLAIN.match(value) and value not in _WORDS and not _NUMBER.match(value)
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)
