"""Which batches have local inputs, and why one of those cannot be opened."""

from collections.abc import Iterable, Iterator, Sequence

from batchrunner.address import is_targeted
from batchrunner.loader import Finding
from batchrunner.spec import Batch
from batchrunner.wiring.expanding import Expansion


def refused_inputs(root: str, targets: Sequence[str], folder: str, batches: Iterable[Batch]) -> Iterator[Finding]:
    """What keeps the inputs of the targeted `batches` from being found or opened. Their lines are not read."""
    from batchrunner.inputs import Beneath, InputRefused

    expansion = Expansion(root, folder, targets)
    concrete = expansion.expanded(batches)
    with Beneath(root) as beneath:
        for batch in with_input(concrete, targets):
            try:
                beneath.open(beneath.relative(folder, batch.declaration.input_path)).close()
            except InputRefused as refusal:
                expansion.refusals.add(batch, refusal)
    yield from expansion.refusals.findings


def with_input(batches: Iterable[Batch], targets: Sequence[str]) -> Iterator[Batch]:
    """Those of `batches` that are targeted, all where `targets` is empty, and have a local input."""
    for batch in batches:
        if is_targeted(batch.address, targets) and batch.declaration.input is not None:
            yield batch
