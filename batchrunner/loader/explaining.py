"""What a model refused, in words for a person who edits a file: a code of ours, a short sentence, a hint."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from batchrunner.loader.findings import Finding
from batchrunner.loader.places import Pointer
from batchrunner.printable import brief
from batchrunner.suggestions import did_you_mean, listed

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}
_EITHER: Mapping[Pointer, str] = {("input",): "a path or a mapping", ("shard",): "a mapping or `false`"}
"""Fields of a batch that may be of two kinds."""
_WRITTEN: Mapping[Pointer, str] = {
    ("run",): "write `run: {once_per: day}` for one submission a day",
    ("completion_window",): "write a number and `m`, `h` or `d`, such as `24h`",
}
"""What helps more than what is said of every value of the wrong kind."""

_NAME_RULE = "lower-case letters, digits, `.`, `_` and `-`, at most 63, starting with a letter or digit"
# How a value of the field is written, and the code for one that is not.
_RULES: Mapping[str, tuple[str, str]] = {
    "name": ("bad-name", _NAME_RULE),
    "provider": ("bad-name", _NAME_RULE),
    "project": ("bad-name", _NAME_RULE),
    "providers": ("bad-name", _NAME_RULE),
    "endpoint": ("bad-value", "a path such as `/v1/chat/completions`"),
    "completion_window": ("bad-value", "a number and `m`, `h` or `d`, such as `24h`"),
    "input_file_id": ("bad-value", "at most 128 letters, digits, `.`, `_` and `-`"),
    "input": ("bad-value", "the path of a .jsonl file, on one line of at most 4,096 characters"),
    "rows": ("bad-value", "the path of a .csv, .tsv, .jsonl or .parquet file, on one line of at most 4,096 characters"),
    "allowed_endpoints": ("bad-value", "a path such as `/v1/chat/completions`"),
    "price_list": ("bad-name", _NAME_RULE),
    "id": ("bad-value", "at most 128 letters, digits, `.`, `_` and `-`, as the provider shows it"),
    "env": ("bad-value", "the name of an environment variable"),
    "paths": ("bad-value", "a path such as `/v1/batch`"),
}
_MISSING: Mapping[str, str] = {
    "endpoint": "write `endpoint: /v1/chat/completions` or another, here or once in `defaults`",
    "name": "write `name: …`: it becomes part of the batch's address",
}
"""Keys that a batch cannot do without."""
OF_PROVIDERS: Mapping[str, str] = dict.fromkeys(
    ("api_key", "base_url", "url", "headers"),
    "in batchrunner.yaml, with the provider: a spec never holds a URL or a key",
)
"""Keys that no part of a spec has, and where they belong."""
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./*-]*")
"""Texts that need no quotes in a YAML list."""
_CONCEALED = frozenset({"api_key", "base_url", "url"})
"""Fields whose values are never quoted: a secret may have been put there by mistake."""


def findings_in(error: "ValidationError", root: "type[BaseModel]", base: Pointer = ()) -> list[Finding]:
    """Each problem pydantic found in a part of a `root`; `base` leads to it in the document."""
    return [explained(detail, root, base) for detail in error.errors(include_url=False)]


def location(detail: "ErrorDetails") -> Pointer:
    """Where in the model the problem is, without pydantic's marks for keys and members of unions.

    A key that nobody knows may look like one of those.
    """
    *around, last = detail["loc"] or ("",)
    marked = [part for part in around if not _is_mark(part)]
    is_key = detail["type"] == "extra_forbidden" or (last != "" and not _is_mark(last))
    return (*marked, last) if is_key else tuple(marked)


def _is_mark(part: object) -> bool:
    return part == "[key]" or (isinstance(part, str) and part.startswith("("))


def explained(detail: "ErrorDetails", root: "type[BaseModel]", base: Pointer) -> Finding:
    """One problem in our words."""
    where = location(detail)
    pointer = (*base, *where)
    kind = detail["type"]
    if kind == "extra_forbidden":
        return unknown_key(pointer, where, keys_at(root, where[:-1]))
    if kind == "missing":
        hint = _MISSING.get(str(where[-1]), "")
        return Finding("missing-key", f"the key {label_of(where)} is missing", pointer, hint)
    code, message, hint = _words(kind, where, detail)
    return Finding(code, message, pointer, hint, "key" if _concerns_key(detail) else "value")


def _concerns_key(detail: "ErrorDetails") -> bool:
    return detail["loc"][-1:] == ("[key]",)


def unknown_key(pointer: Pointer, where: Pointer, known: Sequence[str]) -> Finding:
    """A key that the mapping around it does not have."""
    key = str(where[-1])
    hint = did_you_mean(key, known) or (f"known here are {listed(known)}" if known else "")
    return Finding("unknown-key", f"unknown key `{brief(key)}`", pointer, hint, "key")


def belonging(finding: Finding, elsewhere: Mapping[str, str]) -> Finding:
    """An unknown key that has its place elsewhere in the file, with a hint that says where."""
    place = elsewhere.get(str(finding.pointer[-1])) if finding.code == "unknown-key" else None
    if place is None:
        return finding
    return finding._replace(message=f"`{finding.pointer[-1]}` has no place here", hint=f"it belongs {place}")


def _words(kind: str, where: Pointer, detail: "ErrorDetails") -> tuple[str, str, str]:
    label = f"key of {label_of(where[:-1])}" if _concerns_key(detail) else label_of(where)
    value, context = detail["input"], detail.get("ctx", {})
    if kind in _EXPECTED:
        code, message, hint = wrong_type(label, _EITHER.get(where, _EXPECTED[kind]), value)
        return code, message, _WRITTEN.get(where, hint)
    if kind == "literal_error":
        return _not_a_choice(label, value, context["expected"])
    if kind == "string_pattern_mismatch" or (kind == "string_too_long" and where[-1] in _RULES):
        return _pattern(where, label, value)
    subject = f"a {label}" if _concerns_key(detail) else label
    return "bad-value", f"{subject} {_limit(kind, context) or detail['msg']}", ""


def wrong_type(label: str, expected: str, value: object) -> tuple[str, str, str]:
    """Code, message and hint for a value of the wrong kind."""
    hint = "put quotes around it" if expected == "text" and isinstance(value, bool | int | float) else ""
    if expected == "a list" and isinstance(value, str):
        item = value if _PLAIN.fullmatch(value) else f'"{brief(value)}"'
        hint = f"put brackets around it: `[{brief(item)}]`"
    kind = f"`{value}`" if expected == "a whole number" and isinstance(value, float) else kind_of(value)
    return "wrong-type", f"{label} must be {expected}, not {kind}", hint


def kind_of(value: object) -> str:
    """What a YAML value is, in words."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def label_of(where: Pointer) -> str:
    """A field as messages name it: `` `metadata.team` ``, `` `exclude[1].lang` ``."""
    label = "".join(f"[{part}]" if isinstance(part, int) else f".{brief(part)}" for part in where)
    return f"`{label.removeprefix('.')}`"


def _not_a_choice(label: str, value: object, expected: str) -> tuple[str, str, str]:
    choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
    shown = brief(value) if isinstance(value, str) else kind_of(value)
    message = f"`{shown}` is not a valid {label}" if isinstance(value, str) else f"{label} cannot be {shown}"
    near = did_you_mean(value, choices) if isinstance(value, str) else ""
    return "bad-value", message, near or f"one of {listed(choices)}"


def _pattern(where: Pointer, label: str, value: object) -> tuple[str, str, str]:
    named = [str(part) for part in where]
    rule = next((_RULES[part] for part in reversed(named) if part in _RULES), ("bad-value", ""))
    concealed = _CONCEALED.intersection(named)
    shown = f"`{brief(value)}`" if isinstance(value, str) and value and not concealed else "this"
    return rule[0], f"{shown} is not a valid {label}", rule[1] and f"it is {rule[1]}"


def _limit(kind: str, context: Mapping[str, Any]) -> str:
    limits = {
        "string_too_long": "has more than {max_length} characters",
        "string_too_short": "must not be empty",
        "too_long": "has more than {max_length} entries",
        "too_short": "must not be empty",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
    }
    return limits.get(kind, "").format(**{name: _number(limit) for name, limit in context.items()})


def _number(limit: object) -> object:
    return f"{limit:,g}" if isinstance(limit, float) else f"{limit:,}" if isinstance(limit, int) else limit


def keys_at(root: "type[BaseModel]", where: Pointer) -> tuple[str, ...]:
    """The keys that the mapping at `where` in a `root` may have; none where any are allowed."""
    model: type[BaseModel] | None = root
    for part in where:
        known = model.model_fields.get(str(part)) if model else None
        # Below a mapping or list of models comes one of its keys first, which names no field.
        model = _model_in(known.annotation) if known else model
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model else ()


def _model_in(annotation: Any) -> "type[BaseModel] | None":
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
