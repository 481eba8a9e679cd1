"""What the command line writes with `--json`, held to the schema that is published for it, without unknown fields."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema

from batchrunner.outputschemas import names, output_schema


@cache
def _validators(which: str) -> Mapping[str, jsonschema.Draft202012Validator]:
    """By what each is: an `event`, else `document` or `error`. A field that no schema knows is an error to them."""
    schema = output_schema(which, strict=True)
    choices = [each["$ref"] for each in schema.get("anyOf", [schema])]
    return {
        _kind(schema["$defs"][each.rpartition("/")[2]]): jsonschema.Draft202012Validator(
            {**schema, "anyOf": [{"$ref": each}]}
        )
        for each in choices
    }


def _kind(definition: Mapping[str, Any]) -> str:
    """The one that is meant of a choice: what is wrong must not be hidden among what it never was."""
    if "event" in definition["properties"]:
        return str(definition["properties"]["event"]["enum"][0])
    return "error" if "$ref" in definition["properties"].get("error", ()) else "document"


def faults_of(which: str, document: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a document, or a line of the event stream, that is called `which`."""
    kind = document.get("event", "error" if isinstance(document.get("error"), dict) else "document")
    validator = _validators(which).get(kind)
    if validator is None:
        yield f"there is no `{kind}`"
        return
    for fault in validator.iter_errors(document):
        for each in fault.context or [fault]:
            yield f"{each.json_path}: {each.message[:300]}"


def check_document(document: Mapping[str, Any]) -> None:
    """`document`, one of a command, is what its schema says; of a command that there is not, an error."""
    which = str(document["command"])
    which = which if which in names() or "error" not in document else "init"
    assert not (faults := list(faults_of(which, document))), (faults, document)


def check_stream(lines: list[dict[str, Any]]) -> None:
    """The lines of an event stream are what its schema says, and begin and end as they have to."""
    for line in lines:
        assert not (faults := list(faults_of("events", line))), (faults, line)
    kinds = [line["event"] for line in lines]
    assert kinds[0] == "version", kinds
    assert [kind for kind in kinds if kind in {"version", "ended", "error"}] == ["version", kinds[-1]], kinds
