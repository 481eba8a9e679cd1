"""What a spec says before its batches: version, name, run, defaults."""

from collections.abc import Container, Mapping
from pathlib import PurePath
from typing import Any

from batchrunner.address import NAME
from batchrunner.loader.explaining import OF_PROVIDERS, belonging, kind_of
from batchrunner.loader.files import STDIN
from batchrunner.loader.findings import Finding, Findings
from batchrunner.loader.places import Pointer
from batchrunner.printable import brief
from batchrunner.records import MALFORMED, converted
from batchrunner.references import refers
from batchrunner.spec import BatchDefaults, Head, Recurrence

SUPPORTED_VERSION = 1
_READ_APART = frozenset({"version", "vars", "defaults", "batches", "moved", "imports"})
_OF_ONE_BATCH = dict.fromkeys(("name", "matrix", "exclude"), "under a batch")
_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(Recurrence.__struct_fields__, "under `run`"),
    **dict.fromkeys(BatchDefaults.__struct_fields__, "under `defaults` or under a batch"),
    **_OF_ONE_BATCH,
    **OF_PROVIDERS,
}


def read_head(document: Mapping[str, Any], findings: Findings) -> Head | None:
    """Version, name, description and run of a spec; None where something is wrong with them."""
    known = len(findings)
    check_version(document, findings)
    fields = {key: value for key, value in document.items() if key not in _READ_APART and not key.startswith("x-")}
    referring = _refuse_references(fields, findings)
    head = _head(fields, referring, findings)
    return head if len(findings) == known else None


def _head(fields: Mapping[str, Any], referring: Container[Pointer], findings: Findings) -> Head | None:
    try:
        return converted(fields, Head)
    except MALFORMED:
        from batchrunner.loader.refusing import refusals_of_head

    for finding in refusals_of_head(fields):
        if finding.pointer not in referring:
            findings.add(belonging(finding, _ELSEWHERE))
    return None


def check_version(document: Mapping[str, Any], findings: Findings) -> None:
    """Note a version of the format that this batchrunner does not read."""
    version = document.get("version", SUPPORTED_VERSION)
    hint = f"this batchrunner reads version {SUPPORTED_VERSION}: write `version: {SUPPORTED_VERSION}`, or leave it out"
    if type(version) is not int:
        message = f"`version` must be a whole number, not {kind_of(version)}"
        findings.add(Finding("wrong-type", message, ("version",), hint))
    elif version != SUPPORTED_VERSION:
        message = f"version {version} of the file format is not supported"
        findings.add(Finding("unsupported-version", message, ("version",), hint))


def _refuse_references(fields: Mapping[str, Any], findings: Findings) -> set[Pointer]:
    """References have no meaning yet where the run itself is decided. The description is for people alone."""
    texts = _texts({key: value for key, value in fields.items() if key in {"name", "run"}}, ())
    referring = {pointer for pointer, text in texts if refers(text)}
    for pointer in sorted(referring, key=str):
        message = f"`{pointer[0]}` holds no references"
        findings.add(Finding("reference-not-allowed", message, pointer, "write the value out"))
    return referring


def _texts(value: Any, pointer: Pointer) -> list[tuple[Pointer, str]]:
    if isinstance(value, dict):
        return [found for key, below in value.items() for found in _texts(below, (*pointer, key))]
    return [(pointer, value)] if isinstance(value, str) else []


def spec_name(head: Head, path: str, findings: Findings) -> str:
    """The spec's name: what it says, else the stem of its file, `stdin` for standard input."""
    stem = "stdin" if path == STDIN else PurePath(path).stem
    name = head.name or stem
    if not NAME.match(name):
        hint = "give the spec a `name:` of lower-case letters, digits, `.`, `_` and `-`, or rename the file"
        findings.add(Finding("bad-name", f"`{brief(stem)}` is not a valid name of a spec", (), hint))
    return name


def read_defaults(document: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The `defaults` of a spec, without keys that no batch takes from there."""
    defaults = document.get("defaults")
    if defaults is None:
        return {}
    if not isinstance(defaults, dict):
        findings.add(Finding("wrong-type", f"`defaults` must be a mapping, not {kind_of(defaults)}", ("defaults",)))
        return {}
    _check_defaults(defaults, findings)
    return {key: value for key, value in defaults.items() if key in BatchDefaults.__struct_fields__}


def _check_defaults(defaults: Mapping[str, Any], findings: Findings) -> None:
    try:
        converted(defaults, BatchDefaults)
    except MALFORMED:
        from batchrunner.loader.refusing import refusals_of_defaults

        for finding in refusals_of_defaults(defaults):
            findings.add(belonging(finding, {**_OF_ONE_BATCH, **OF_PROVIDERS}))
