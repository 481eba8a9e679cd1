"""Which batches have local inputs, and why one of those cannot be opened."""

from collections.abc import Iterable, Iterator, Sequence

from batchrunner.address import is_targeted
from batchrunner.loader import Finding
from batchrunner.spec import Batch
from batchrunner.wiring.expanding import Expander, Expansion


def refused_inputs(expander: Expander, folder: str, batches: Iterable[Batch]) -> Sequence[Finding]:
    """What keeps the inputs of those of `batches` that are targeted from being found or opened. No line is read."""
    return refused_of(expander, folder, expander.expanded(folder, batches))


def refused_of(expander: Expander, folder: str, expansion: Expansion) -> Sequence[Finding]:
    """What keeps the inputs of an `expansion` from being found or opened."""
    from batchrunner.inputs import Beneath, InputRefused

    opened: set[str] = set()
    with Beneath(expander.root) as beneath:
        for batch in with_input(expansion.batches, expander.targets):
            path = batch.declaration.input_path
            try:
                if path not in opened:
                    beneath.open(beneath.relative(folder, path)).close()
                    opened.add(path)
            except InputRefused as refusal:
                expansion.refusals.add(batch, refusal)
    return expansion.refusals.findings


def with_input(batches: Iterable[Batch], targets: Sequence[str]) -> Iterator[Batch]:
    """Those of `batches` that are targeted, all where `targets` is empty, and have a local input."""
    for batch in batches:
        if is_targeted(batch.address, targets) and batch.declaration.input is not None:
            yield batch
