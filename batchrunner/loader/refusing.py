"""Why what a spec says is refused, as the models of the documents see it. Loaded only when something is wrong."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from batchrunner.documents import (
    BatchEntry,
    BatchFields,
    DeclaredBatch,
    ImportEntry,
    MoveEntry,
    SpecDocument,
    SpecHead,
)
from batchrunner.loader.explaining import explained, findings_in
from batchrunner.loader.findings import Finding
from batchrunner.references import refers


def refusals_of_head(fields: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the part of a spec before its batches."""
    try:
        SpecHead.model_validate(fields)
    except ValidationError as error:
        return findings_in(error, SpecDocument)
    raise AssertionError("a head that breaks a rule has nothing wrong with it")


def refusals_of_entry(section: str, entry: object, index: int) -> Iterator[Finding]:
    """What is wrong with an entry of `moved` or `imports`."""
    model = MoveEntry if section == "moved" else ImportEntry
    for detail in _details(model, entry):
        finding = explained(detail, model, ())
        yield finding._replace(pointer=(section, index, *finding.pointer))


def refusals_of_defaults(defaults: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with `defaults`, from the top of the file.

    A text with a reference is judged in each batch, when it is known what the reference stands for.
    """
    for detail in _details(BatchFields, defaults):
        if not (isinstance(detail["input"], str) and refers(detail["input"])):
            finding = explained(detail, BatchFields, ())
            yield finding._replace(pointer=("defaults", *finding.pointer))


def refusals_of_batch(fields: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with single fields of a batch, from the batch."""
    for detail in _details(DeclaredBatch, fields):
        yield explained(detail, BatchEntry, ())


def _details(model: type[BaseModel], fields: object) -> list[ErrorDetails]:
    try:
        model.model_validate(fields)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []
