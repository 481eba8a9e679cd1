"""Renders what a batch or a shard of a workspace would send, without state, credentials or network."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from batchrunner.address import concerns, shard, whole_of
from batchrunner.errors import Refused, UsageError
from batchrunner.manifest import LocalFile
from batchrunner.records import replace
from batchrunner.spec import Batch
from batchrunner.suggestions import did_you_mean
from batchrunner.wiring.scanning import scan_inputs
from batchrunner.wiring.workspace import Workspace

if TYPE_CHECKING:
    from batchrunner.inputs import Scan

_BLOCK = 1 << 18
_LISTED = 12
_GRAMMAR = "an address is SPEC/BATCH, quoted where it has brackets"


def source_of(workspace: Workspace, address: str) -> tuple[str, LocalFile]:
    """The full address that `address` means in `workspace`, and what is sent for it: a shard, or all of a batch.

    The name of the spec may be left out where no other has such a batch. Its input is scanned. Raises `UsageError` for
    an address that is not one batch, `Refused` for a batch without a local input, `InvalidFiles` for a broken one.
    """
    batch = _meant(address, [batch for spec in workspace.specs for batch in spec.batches])
    if batch.declaration.input is None:
        raise Refused(
            "nothing-to-render",
            f"{batch.address} sends a file that is already at the provider: {batch.declaration.input_file_id}",
            hint="only batches with an `input` are rendered",
        )
    scan = scan_inputs(workspace)[batch.address]
    _, is_shard, number = address.partition("#")
    if not is_shard:
        return batch.address, _whole(scan)
    return f"{batch.address}#{number}", _shard(batch.address, number, scan)


def lines_of(workspace: Workspace, source: LocalFile) -> Iterator[bytes]:
    """The lines of `source` in blocks of any length. Raises `Refused` where they are not those that were scanned."""
    from batchrunner.inputs import InputRefused, open_content

    digest = hashlib.sha256()
    try:
        with open_content(workspace.project.root, source) as content:
            while block := content.read(_BLOCK):
                digest.update(block)
                yield block
    except InputRefused as refusal:
        raise _changed(source, refusal.message) from None
    if f"sha256:{digest.hexdigest()}" != source.sha256:
        raise _changed(source, f"{source.path} changed while it was read")


def _changed(source: LocalFile, why: str) -> Refused:
    message = "the input changed: what was printed is not what was checked"
    return Refused("input-changed", message, where=source.path, why=why, hint="run the command again")


def _whole(scan: "Scan") -> LocalFile:
    """All parts of a scan as one source."""
    first = scan.parts[0].file
    if first.part is None:
        return first
    return replace(first, part=None, sha256=first.part.whole_sha256, size=first.part.whole_size, requests=scan.requests)


def _shard(whole: str, number: str, scan: "Scan") -> LocalFile:
    files = {str(part.file.part.number): part.file for part in scan.parts if part.file.part}
    if number in files:
        return files[number]
    there = [shard(whole, number) for number in map(int, files)]
    raise _unknown(f"{whole}#{number}", there or [whole], "" if there else f"{whole} is sent as a whole.")


def _meant(address: str, batches: Sequence[Batch]) -> Batch:
    """The batch that `address` names, or is a shard of."""
    known = [batch.address for batch in batches]
    found = [batch for batch in batches if batch.address == whole_of(address)]
    found = found or [batch for batch in batches if concerns(address, batch.address)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _unknown(address, known)
    raise UsageError(
        "no-such-address",
        f"{address} is not the address of one batch",
        why=f"It could mean {_some([batch.address for batch in found])}.",
        hint="one address at a time",
    )


def _unknown(address: str, known: Sequence[str], why: str = "") -> UsageError:
    return UsageError(
        "no-such-address",
        f"no batch is called {address}",
        why=why or f"There is {_some(known)}.",
        hint=did_you_mean(address, known) or _GRAMMAR,
    )


def _some(addresses: Sequence[str]) -> str:
    return f"{', '.join(addresses[:_LISTED]) or 'none'}{', …' if len(addresses) > _LISTED else ''}"
