"""What the command line writes with `--json`, held to the schema that is published for it, without unknown fields."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema

from batchrunner.outputschemas import names, output_schema


@cache
def strict_validator(which: str) -> jsonschema.Draft202012Validator:
    """Judges what is called `which`; a field that no schema knows is an error."""
    return jsonschema.Draft202012Validator(output_schema(which, strict=True))


def faults_of(which: str, document: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a document, or a line of the event stream, that is called `which`."""
    validator = strict_validator(which)
    if validator.is_valid(document):
        return
    schema = validator.schema
    for fault in validator.descend(document, _meant(schema, document)):
        yield f"{fault.json_path}: {fault.message[:300]}"


def _meant(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a choice the one that is meant, so that what is wrong is not hidden among what it never was."""
    definitions = schema["$defs"]
    choices = [each["$ref"].rpartition("/")[2] for each in schema.get("anyOf", ())]
    for name in choices:
        properties = definitions[name]["properties"]
        if "event" in document and document["event"] in properties.get("event", {}).get("enum", ()):
            return {**definitions[name], "$defs": definitions}
    if choices and "event" not in document:
        name = "ErrorOutput" if "error" in document else choices[0]
        return {**definitions[name], "$defs": definitions}
    return schema


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
