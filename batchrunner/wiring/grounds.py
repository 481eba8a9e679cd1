"""Whether what a saved plan stands on is still there: states, providers, and the inputs that are still to be sent."""

from collections.abc import Mapping
from typing import BinaryIO

from batchrunner.address import spec_of
from batchrunner.digest import blake3, sha256
from batchrunner.errors import StaleError
from batchrunner.facts import ProviderFacts
from batchrunner.inputs import InputRefused, open_content
from batchrunner.manifest import LocalFile
from batchrunner.plans import Import, Plan, Resume, Sendable, Submit
from batchrunner.records import encode, replace
from batchrunner.staleness import check_current
from batchrunner.state import State

BLOCK = 1 << 20


def check_ground(plan: Plan, states: Mapping[str, State], providers: Mapping[str, ProviderFacts], root: str) -> None:
    """Refuse a saved plan whose state, inputs or providers have moved. Raises `StaleError` naming what did."""
    check_current(plan, states)
    inputs = _Inputs(root)
    for change in (*plan.sendable, *plan.imports):
        _check_provider(change, providers.get(change.provider))
        if (
            isinstance(change, Submit | Resume)
            and isinstance(change.source, LocalFile)
            and _still_to_upload(change, states[spec_of(change.address)])
        ):
            inputs.check(change.address, change.source)


def _check_provider(change: Sendable | Import, facts: ProviderFacts | None) -> None:
    planned = getattr(change, "origin", "")
    if facts is not None and planned in {"", facts.origin}:
        return
    why = (
        f"The plan is for {planned}, and now it is {facts.origin}." if facts else "There is no such provider any more."
    )
    words = f"provider {change.provider} of {change.address} is configured otherwise now"
    raise StaleError("provider-moved", words, why=why, hint="Plan again.")


def _still_to_upload(change: Sendable, state: State) -> bool:
    latest = state.latest(change.address, change.run_key)
    return latest is None or latest.number != change.attempt or not latest.request


class _Inputs:
    """Inputs beneath `root`, each read once however many changes send it.

    Shards of a file are read one by one, which is one pass over it in all. For a shard of a table the rows before it
    would be rendered too, so tables are proved by their whole content.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._proved: set[bytes] = set()

    def check(self, address: str, source: LocalFile) -> None:
        """Raise `StaleError` `input-changed` where the content of `source` is no longer what was planned."""
        proof = _proof_of(source)
        name = encode(proof)
        if name in self._proved:
            return
        why = self._changed(proof)
        if why:
            raise StaleError("input-changed", f"the input of {address} has changed since the plan was made",
                             where=source.path, why=why, hint="Plan again.")  # fmt: skip
        self._proved.add(name)

    def _changed(self, proof: LocalFile) -> str:
        try:
            with open_content(self._root, proof) as stream:
                same = _has_planned_content(stream, proof)
        except InputRefused as refusal:
            return refusal.message
        return "" if same else "Its content is no longer what was planned."


def _has_planned_content(stream: BinaryIO, planned: LocalFile) -> bool:
    digest, expected = (blake3(), planned.blake3) if planned.blake3 else (sha256(), planned.sha256)
    while block := stream.read(BLOCK):
        digest.update(block)
    return digest.hexdigest() == expected.rpartition(":")[2]


def _proof_of(source: LocalFile) -> LocalFile:
    """What is read to prove `source`, without what does not matter for that."""
    if source.template is None or source.part is None:
        return replace(source, requests=0, models=())
    size = source.part.whole_size
    return replace(source, sha256=source.whole, size=size, requests=0, models=(), blake3="", part=None)
