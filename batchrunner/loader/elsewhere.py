"""What is moved from other specs: whether those still declare it. Only where something is, and then in one folder."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from batchrunner.address import spec_of
from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.loader.files import STDIN, SUFFIXES, find_specs, read_file
from batchrunner.loader.findings import Finding, Source, document_diagnostics
from batchrunner.loader.moving import still_declared
from batchrunner.loader.names import name_in
from batchrunner.loader.strict import read_yaml
from batchrunner.loader.text import InvalidText
from batchrunner.printable import brief
from batchrunner.renaming import Rename
from batchrunner.spec import Spec


def declared_elsewhere(specs: Sequence[Spec]) -> list[Diagnostic]:
    """What is moved into one of `specs` and is still declared in another, of these or of the same folder, or is moved
    into two of them."""
    if not any(spec_of(rule.previous) != spec.name for spec in specs for rule in spec.moved):
        return []
    found: list[Diagnostic] = []
    loaded = {spec.name: spec for spec in specs}
    first: dict[str, Spec] = {}
    for spec in specs:
        findings = [*_still_declared(spec, loaded), *_moved_by_others(spec, first)]
        found += document_diagnostics(Source(spec.path, spec.text), findings)
    return found


def _still_declared(spec: Spec, loaded: Mapping[str, Spec]) -> Iterator[Finding]:
    folder: Mapping[str, tuple[str, Any]] | None = None
    for rule in spec.moved:
        name = spec_of(rule.previous)
        if name == spec.name:
            continue
        if name in loaded:
            if rule.is_of_spec or any(rule.applied(batch.address) is not None for batch in loaded[name].batches):
                yield still_declared(rule, loaded[name].path)
            continue
        folder = documents_in(spec.folder) if folder is None and spec.path != STDIN else folder or {}
        if name in folder and _may_declare(rule, folder[name][1]):
            yield still_declared(rule, folder[name][0])


def _moved_by_others(spec: Spec, first: dict[str, Spec]) -> Iterator[Finding]:
    for rule in spec.moved:
        other = first.setdefault(rule.previous, spec)
        if other is not spec:
            message = f"`{brief(rule.previous)}` is moved twice, by this spec and by {other.path}"
            yield Finding("moved-twice", message, (*rule.pointer, "from"), "what was submitted belongs to one name")


def specs_in(folder: str) -> frozenset[str]:
    """The names of the specs in `folder`, whatever else is wrong with them."""
    return frozenset(documents_in(folder or "."))


def documents_in(folder: str) -> dict[str, tuple[str, Any]]:
    """The specs in `folder` by name: path and document, unchecked; what cannot be read is None, by its file's name."""
    try:
        paths: Iterable[str] = find_specs([folder])
    except InvalidFiles:
        return {}
    return dict(_named(path, _document(path)) for path in paths if path.endswith(SUFFIXES))


def _named(path: str, document: Any) -> tuple[str, tuple[str, Any]]:
    return name_in(document, path), (path, document)


def _document(path: str) -> Any:
    try:
        return read_yaml(read_file(path).data).value
    except (InvalidFiles, InvalidText):
        return None


def _may_declare(rule: Rename, document: Any) -> bool:
    """Whether a spec's document holds what `rule` moves, whichever members that has. What is unreadable may."""
    declared = document.get("batches") if isinstance(document, dict) else None
    if rule.is_of_spec or not isinstance(declared, list):
        return True
    names = [each.get("name") for each in declared if isinstance(each, dict)]
    return rule.previous.partition("/")[2].partition("[")[0] in names
