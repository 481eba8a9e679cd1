"""From patterns to files: a batch whose input is a pattern becomes one batch for each file it names."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from batchrunner import records
from batchrunner.address import FILE, concerns, declaration_of, members_of, with_member
from batchrunner.loader import Finding
from batchrunner.spec import Batch, BatchDeclaration, Spec, Table
from batchrunner.wiring.refusals import Refusals, input_pointer

if TYPE_CHECKING:
    from batchrunner.inputs.globbing import Found

MOST_BATCHES = 100_000
_NAMED = 5


def has_patterns(batches: Iterable[Batch]) -> bool:
    """Whether an input of `batches` is a pattern."""
    return any(batch.declaration.is_pattern for batch in batches)


@dataclass(slots=True)
class Expansion:
    """Expands the patterns of one spec, whose inputs start at `folder`, noting in `refusals` what is wrong with them.

    A batch that none of `targets` can mean stays as it is declared.
    """

    root: str
    folder: str
    targets: Sequence[str]
    refusals: Refusals = field(init=False)
    found: "dict[str, Found]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.root, self.folder)

    def expanded(self, batches: Iterable[Batch]) -> tuple[Batch, ...]:
        """`batches`, those with a pattern replaced by one for each file, in natural order."""
        concrete: list[Batch] = []
        for batch in batches:
            is_expanded = batch.declaration.is_pattern and self._is_meant(batch)
            concrete.extend(self._files_of(batch) if is_expanded else [batch])
            if len(concrete) > MOST_BATCHES:
                message = f"patterns and matrices make more than {MOST_BATCHES:,} batches"
                self._note(Finding("too-many-batches", message, input_pointer(batch), "split the spec"))
                break
        return tuple(concrete)

    def _is_meant(self, batch: Batch) -> bool:
        """Whether a target may name a file of `batch`, or all of it."""
        return not self.targets or any(
            concerns(target, batch.address) or concerns(declaration_of(target), declaration_of(batch.address))
            for target in self.targets
        )

    def _files_of(self, batch: Batch) -> Iterator[Batch]:
        from batchrunner.inputs import InputRefused, find_files

        if FILE in members_of(batch.address):
            self._note(_taken(batch))
            return
        try:
            path = batch.declaration.input_path
            found = self.found.get(path) or self.found.setdefault(path, find_files(self.root, self.folder, path))
        except InputRefused as refusal:
            self.refusals.add(batch, refusal)
            return
        if found.unfit:
            self._note(_unfit(batch, found.folder, found.unfit))
            return
        for name in found.names:
            yield Batch(with_member(batch.address, FILE, name), _reading(batch, found.folder + name), batch.pointer)

    def _note(self, finding: Finding) -> None:
        self.refusals.findings.append(finding)


def expand_spec(spec: Spec, root: str, targets: Sequence[str]) -> tuple[Spec, Sequence[Finding]]:
    """`spec` with its patterns expanded, and what is wrong with those."""
    expansion = Expansion(root, spec.folder, targets)
    batches = expansion.expanded(spec.batches)
    return replace(spec, batches=batches), expansion.refusals.findings


def _reading(batch: Batch, path: str) -> BatchDeclaration:
    """The declaration of `batch` with `path` for its pattern."""
    declared = batch.declaration
    source = records.replace(declared.input, rows=path) if isinstance(declared.input, Table) else path
    return records.replace(declared, input=source)


def _taken(batch: Batch) -> Finding:
    message = f"the key `{FILE}` is taken: the input is a pattern, and each of its files has one in its address"
    return Finding("file-key-taken", message, (*batch.pointer, "matrix", FILE), "give the key another name", "key")


def _unfit(batch: Batch, folder: str, names: Sequence[str]) -> Finding:
    shown = ", ".join(f"`{folder}{name}`" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    one = len(names) == 1
    message = f"{shown}{more} {'matches' if one else 'match'}, and cannot be part of an address"
    below = f"below `{folder}` " if folder else ""
    hint = (
        f"rename {'it' if one else 'them'}, or narrow the pattern: a path {below}has 1 to 64 characters, none of them "
        "`[ ] , = # * ?` or a control character, and no space at either end"
    )
    return Finding("bad-file-name", message, input_pointer(batch), hint)
