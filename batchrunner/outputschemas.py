"""JSON Schema (draft 2020-12) of everything that batchrunner writes for programs, made from the types it is held to.

Minor versions add fields, words and events, and readers pass over those that they do not know: the published schemas
allow them. The strict ones do not; tests hold what is written to them, so that nothing is left unsaid.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from batchrunner.outputs import FILES, OUTPUTS, STREAM_LINES, ErrorOutput
from batchrunner.records import Record, json_schema
from batchrunner.schemas import DIALECT
from batchrunner.streams import STREAMING

TITLES = {
    "plan": "A plan of batchrunner: a saved file, or what `plan --json` writes",
    "state": "A state file of batchrunner",
    "summary": "The summary of a run: what `--summary FILE` writes",
    "events": "A line of the event stream: what `apply --json` and `retry --json` write",
}
_DEFINITIONS = "#/$defs/"


def names() -> tuple[str, ...]:
    """What there are schemas of: files, the stream, then commands."""
    return (*FILES, "events", *sorted(STREAMING), *OUTPUTS)


def kinds_of(which: str) -> Sequence[type[Record]]:
    """The types of what is called `which`: for a command its document, and that of an error."""
    if which == "events" or which in STREAMING:
        return STREAM_LINES
    if which == "plan":
        return FILES[which], ErrorOutput
    return (FILES[which],) if which in FILES else (OUTPUTS[which], ErrorOutput)


def output_schema(which: str, *, strict: bool = False) -> dict[str, Any]:
    """The schema of what is called `which`, one of `names`. `strict` ones refuse fields that are not in them."""
    kinds = kinds_of(which)
    if ErrorOutput in kinds:
        parts = [json_schema([kind], _DEFINITIONS + "{name}") for kind in kinds]
        root: dict[str, Any] = {"anyOf": [each for each, _ in parts]}
        definitions = {name: part for _, known in parts for name, part in known.items()}
    else:
        root, definitions = json_schema(kinds, _DEFINITIONS + "{name}")
    title = TITLES.get(which) or f"What `batchrunner {which} --json` writes"
    name = which.replace(" ", "-")
    made = {name: _tidy(part, strict=strict) for name, part in sorted(definitions.items())}
    return {
        "$schema": DIALECT,
        "$id": f"{name}.schema.json",
        "title": title,
        **_tidy(root, strict=strict),
        "$defs": made,
    }


def _tidy(part: Any, *, strict: bool) -> Any:
    """Without what speaks of Python; open to what a minor version may add unless `strict`."""
    if isinstance(part, list):
        return [_tidy(each, strict=strict) for each in part]
    if not isinstance(part, dict):
        return part
    opened = part if strict else _opened(part)
    kept = {
        key: value if key == "not" else _tidy(value, strict=strict)
        for key, value in opened.items()
        if key not in {"title", "discriminator"}
    }
    if isinstance(kept.get("description"), str):
        kept["description"] = words(kept["description"])
    return kept


def _opened(part: dict[str, Any]) -> dict[str, Any]:
    """`part` with room for fields, words and kinds of things that nobody knows yet."""
    if part.get("additionalProperties") is False:
        part = {key: value for key, value in part.items() if key != "additionalProperties"}
    if len(known := part.get("enum", ())) > 1 and all(isinstance(each, str) for each in known):
        part = {**{key: value for key, value in part.items() if key != "enum"}, "type": "string", "examples": known}
    if "discriminator" in part:
        tag, mapping = part["discriminator"]["propertyName"], part["discriminator"]["mapping"]
        unknown = {"type": "object", "required": [tag], "properties": {tag: {"not": {"enum": list(mapping)}}}}
        part = {**part, "anyOf": [*part["anyOf"], unknown]}
    return part


def words(text: str) -> str:
    """A docstring as one text, paragraphs apart."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return "\n\n".join(paragraphs).replace("`None`", "null").replace("None", "null")


def fields_of(which: str) -> Iterator[tuple[str, str, list[tuple[str, str, bool]]]]:
    """The definitions of a schema: name, text, and of each field its name, its type in words, if it is required."""
    schema = output_schema(which, strict=True)
    for name, part in schema["$defs"].items():
        properties, required = part.get("properties", {}), part.get("required", ())
        yield (
            name,
            part.get("description", ""),
            [(key, type_words(value), key in required) for key, value in properties.items()],
        )


def type_words(schema: Any) -> str:
    """A type as a person reads it: `list of string`, `integer or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_DEFINITIONS)
    if "anyOf" in schema:
        return " or ".join(map(type_words, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" if each != "" else "empty" for each in schema["enum"] if each is not None)
    if schema.get("type") == "array":
        return f"list of {type_words(schema.get('items', {}))}"
    if schema.get("type") == "object":
        return f"object of {type_words(schema.get('additionalProperties') or {})} by name"
    return str(schema.get("type", "anything"))
