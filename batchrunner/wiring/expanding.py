"""From patterns to files: a batch whose input is a pattern becomes one batch for each file it names."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from batchrunner import records
from batchrunner.address import FILE, concerns, declaration_of, members_of, with_member
from batchrunner.loader import Finding
from batchrunner.spec import Batch, BatchDeclaration, Table
from batchrunner.wiring.refusals import Guesses, Refusals, input_pointer

if TYPE_CHECKING:
    from batchrunner.inputs import Patterns
    from batchrunner.inputs.globbing import Found

MOST_BATCHES = 100_000
_NAMED = 5


def has_patterns(batches: Iterable[Batch]) -> bool:
    """Whether an input of `batches` is a pattern."""
    return any(batch.declaration.is_pattern for batch in batches)


@dataclass(slots=True)
class Expansion:
    """The concrete `batches` of one spec, whose inputs start at `folder`, and what is wrong with its patterns."""

    refusals: Refusals
    batches: tuple[Batch, ...] = ()

    def note(self, finding: Finding) -> None:
        """Add to what is wrong."""
        self.refusals.findings.append(finding)


class Expander:
    """Expands the patterns of all specs of a command, until they make more than 100,000 batches.

    A batch that none of `targets` can mean stays as it is declared.
    """

    def __init__(self, root: str, targets: Sequence[str]) -> None:
        self.root = root
        self.targets = targets
        self._guesses = Guesses(root)
        self._made = 0

    def expanded(self, folder: str, batches: Iterable[Batch]) -> Expansion:
        """`batches`, whose inputs start at `folder`, those with a pattern replaced by one for each file, in natural
        order."""
        expansion = Expansion(Refusals(self._guesses, folder))
        concrete: list[Batch] = []
        for batch in batches:
            if not (batch.declaration.is_pattern and self._is_meant(batch)):
                concrete.append(batch)
            elif (found := self._found(folder, batch, expansion)) is not None:
                self._made += len(found.names)
                if self._made > MOST_BATCHES:
                    message = f"patterns make more than {MOST_BATCHES:,} batches"
                    hint = "narrow them, or name fewer specs"
                    expansion.note(Finding("too-many-batches", message, input_pointer(batch), hint))
                    break
                concrete.extend(_files_of(batch, found))
        expansion.batches = tuple(concrete)
        return expansion

    def _is_meant(self, batch: Batch) -> bool:
        """Whether a target may name a file of `batch`, or all of it."""
        return not self.targets or any(
            concerns(target, batch.address) or concerns(declaration_of(target), declaration_of(batch.address))
            for target in self.targets
        )

    def _found(self, folder: str, batch: Batch, expansion: Expansion) -> "Found | None":
        """The files of `batch`; None where something is wrong, which is noted."""
        from batchrunner.inputs import InputRefused

        if FILE in members_of(batch.address):
            expansion.note(_taken(batch))
            return None
        try:
            found = self._patterns.files(folder, batch.declaration.input_path)
        except InputRefused as refusal:
            expansion.refusals.add(batch, refusal)
            return None
        if found.unfit:
            expansion.note(_unfit(batch, found.folder, found.unfit))
            return None
        return found

    @cached_property
    def _patterns(self) -> "Patterns":
        from batchrunner.inputs import Patterns

        return Patterns(self.root)


def _files_of(batch: Batch, found: "Found") -> Iterator[Batch]:
    for name in found.names:
        yield Batch(with_member(batch.address, FILE, name), _reading(batch, found.folder + name), batch.pointer)


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
