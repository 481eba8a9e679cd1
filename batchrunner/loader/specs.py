"""Files to specs: the specs, or every problem of every file at once."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Protocol

from batchrunner.errors import Diagnostic, InvalidFiles, Refused, UsageError
from batchrunner.loader.batches import BatchReader
from batchrunner.loader.elsewhere import declared_elsewhere
from batchrunner.loader.explaining import kind_of
from batchrunner.loader.files import read_source
from batchrunner.loader.findings import (
    Finding,
    Findings,
    Source,
    document_diagnostics,
    in_file_order,
    text_diagnostics,
)
from batchrunner.loader.heads import read_defaults, read_head, spec_name
from batchrunner.loader.moving import BlockReader, Blocks
from batchrunner.loader.offers import Offers
from batchrunner.loader.resolving import Allowance
from batchrunner.loader.strict import read_text, uncollected
from batchrunner.loader.text import InvalidText, text_of
from batchrunner.loader.variables import check_declared, declared_variables, given_variables
from batchrunner.project import Project
from batchrunner.references import Scope
from batchrunner.runkeys import resolve_run
from batchrunner.spec import Batch, Head, Run, Scalar, Spec

MAX_LISTED = 200
_EACH = "start each batch with `- name: …`"

Inspection = Callable[[str, Sequence[Batch]], Iterable[Finding]]
"""What else is wrong with batches, by the folder their inputs start at."""


class Read(Protocol):
    """Brings the bytes of a path. Raises `InvalidFiles`."""

    def __call__(self, path: str, stdin: Callable[[], bytes]) -> Source:
        """What is at `path`; `stdin` reads standard input."""


def _uninspected(_folder: str, _batches: Sequence[Batch]) -> Iterable[Finding]:
    return ()


class Surroundings(NamedTuple):
    """What specs are read in the light of: everything that is not in the files themselves."""

    project: Project
    offers: Offers
    environment: Mapping[str, str]
    variables: Mapping[str, Scalar]
    now: datetime
    run_key: str | None
    inspect: Inspection
    allowance: Allowance


class Reading(NamedTuple):
    """What became of one file: a spec, or the reasons why not."""

    spec: Spec | None
    diagnostics: Sequence[Diagnostic] = ()
    variables: frozenset[str] = frozenset()


def load_specs(
    paths: Sequence[str],
    *,
    project: Project,
    environment: Mapping[str, str],
    variables: Mapping[str, str],
    now: datetime,
    run_key: str | None,
    stdin: Callable[[], bytes],
    inspect: Inspection = _uninspected,
    read: Read = read_source,
    all_variables: bool = True,
) -> tuple[Spec, ...]:
    """The specs at `paths`, in that order, references resolved for the run that `now` or `run_key` means.

    `environment` is read only for the names that the project allows. `variables` are texts that take the place of
    declared ones. `inspect` is asked only where something is wrong already, so that all of it is said at once. `read`
    brings the bytes of a path, given what reads standard input. Raises `InvalidFiles` with every problem of every file,
    at most 200 of them listed, and `UsageError` for a run key that none can have or, with `all_variables`, a variable
    that no spec declares.
    """
    around = Surroundings(
        project, Offers(project.providers), environment, given_variables(variables), now, run_key, inspect, Allowance()
    )
    with uncollected():
        readings = [_read(path, around, partial(read, stdin=stdin)) for path in paths]
    specs = [reading.spec for reading in readings if reading.spec is not None]
    # Only where it is the files of now that are read, there are others beside them.
    taken = [*_taken_names(specs), *(declared_elsewhere(specs) if read is read_source else ())]
    if taken or len(specs) < len(readings):
        diagnostics = [diagnostic for reading in readings for diagnostic in _all_of(reading, around)] + taken
        raise InvalidFiles(tuple(diagnostics[:MAX_LISTED]), unlisted=max(len(diagnostics) - MAX_LISTED, 0))
    if all_variables:
        check_declared(around.variables, frozenset[str]().union(*(reading.variables for reading in readings)))
    return tuple(specs)


def _all_of(reading: Reading, around: Surroundings) -> Iterable[Diagnostic]:
    spec = reading.spec
    if spec is None:
        return reading.diagnostics
    return document_diagnostics(Source(spec.path, spec.text), around.inspect(spec.folder, spec.batches))


def _taken_names(specs: Sequence[Spec]) -> list[Diagnostic]:
    first: dict[str, Spec] = {}
    taken = [spec for spec in specs if first.setdefault(spec.name, spec) is not spec]
    return [_taken(spec, first[spec.name].path) for spec in taken]


def _taken(spec: Spec, other: str) -> Diagnostic:
    message = f"two specs are named `{spec.name}`, this and {other}"
    pointed = document_diagnostics(
        Source(spec.path, spec.text),
        [Finding("duplicate-spec", message, ("name",), "give one of them another `name:`")],
    )
    return next(pointed)


def _read(path: str, around: Surroundings, read: Callable[[str], Source]) -> Reading:
    try:
        source = read(path)
    except InvalidFiles as error:
        return Reading(None, error.diagnostics)
    try:
        text = text_of(source.data)
        document = read_text(text)
    except InvalidText as error:
        return Reading(None, in_file_order(text_diagnostics(source, error.problems)))
    reader = SpecReader(source, around, refers="${" in text)
    spec = reader.read(document.value)
    if not document.problems and not reader.findings:
        return Reading(spec, variables=reader.variables)
    refused = {finding.pointer for finding in reader.findings}
    for finding in around.inspect(_folder(path), reader.batches):
        if finding.pointer not in refused:
            reader.findings.add(finding)
    found = [*text_diagnostics(source, document.problems), *document_diagnostics(source, reader.findings)]
    return Reading(None, in_file_order(found))


def _folder(path: str) -> str:
    return os.path.dirname(path) or "."


class SpecReader:
    """Reads the document of one spec, noting in `findings` everything that is wrong with it.

    `refers` says whether its text holds a `${` anywhere. `variables` are the names that it declares, `batches`
    those that are in order.
    """

    def __init__(self, source: Source, around: Surroundings, *, refers: bool) -> None:
        self._source = source
        self._around = around
        self._refers = refers
        self.findings = Findings()
        self.variables: frozenset[str] = frozenset()
        self.batches: tuple[Batch, ...] = ()

    def read(self, document: Any) -> Spec | None:
        """The spec; None, or one that is not whole, where something was found."""
        if not isinstance(document, dict):
            self._refuse_document(document)
            return None
        head = read_head(document, self.findings)
        name = spec_name(head, self._source.path, self.findings) if head else ""
        run = self._run(head) if head else None
        scope = self._scope(document, run)
        defaults = read_defaults(document, self.findings)
        # Without what references stand for, everything that refers would be reported once more.
        knows_references = scope is not None or not self._refers
        reader = BatchReader(name, defaults=defaults, scope=scope if self._refers else None, findings=self.findings,
                             offers=self._around.offers, allowance=self._around.allowance)  # fmt: skip
        declarations = self._declarations(document)
        self.batches = reader.read(declarations) if knows_references else ()
        return self._spec(name, run, self._blocks(document, name, run)) if run else None

    def _blocks(self, document: Mapping[str, Any], name: str, run: Run) -> Blocks:
        reader = BlockReader(name, run, self._around.now, self.findings)
        return reader.read(document, self.batches) if name else Blocks()

    def _refuse_document(self, document: Any) -> None:
        if document is None:
            self.findings.add(Finding("empty-file", "the file is empty", (), "a spec needs at least `batches`"))
        else:
            message = f"a spec is a mapping that holds `batches`, not {kind_of(document)}"
            self.findings.add(Finding("wrong-type", message, ()))

    def _run(self, head: Head) -> Run | None:
        try:
            return resolve_run(head.run.once_per, head.run.timezone, self._around.now, self._around.run_key)
        except Refused as refused:
            self.findings.add(Finding(refused.code, refused.message, ("run", "timezone"), refused.hint))
            return None
        except UsageError as error:
            # Of specs that are planned together, some may have such a run and others not.
            error.where = self._source.path
            raise

    def _scope(self, document: Mapping[str, Any], run: Run | None) -> Scope | None:
        """What references stand for outside of a batch; None where that is not known."""
        known = len(self.findings)
        declared = document.get("vars")
        variables = declared_variables(declared, self._around.variables, self.findings)
        self.variables = frozenset(variables)
        if run is None or len(self.findings) > known:
            return None
        # Under `content` each batch has a key of its own, which comes from what the references were put into.
        key = {} if run.once_per == "content" else {"key": run.key}
        return Scope(
            vars=variables,
            run={"date": run.day.isoformat(), **key},
            allow_env=self._around.project.policy.allow_env,
            environment=self._around.environment,
        )

    def _declarations(self, document: Mapping[str, Any]) -> Sequence[Any]:
        declared = document.get("batches")
        if isinstance(declared, list) and declared:
            return declared
        if "batches" not in document:
            self.findings.add(
                Finding("missing-key", "the key `batches` is missing", (), "a spec declares at least one")
            )
        elif declared is None or declared == []:
            self.findings.add(Finding("no-batches", "the spec declares no batches", ("batches",), _EACH, "key"))
        else:
            message = f"`batches` must be a list, not {kind_of(declared)}"
            self.findings.add(Finding("wrong-type", message, ("batches",), _EACH))
        return ()

    def _spec(self, name: str, run: Run, blocks: Blocks) -> Spec:
        return Spec(
            name=name,
            path=self._source.path,
            folder=_folder(self._source.path),
            sha256=f"sha256:{hashlib.sha256(self._source.data).hexdigest()}",
            run=run,
            batches=self.batches,
            text=self._source.data,
            moved=blocks.moved,
            imports=blocks.imports,
        )
