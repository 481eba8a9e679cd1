"""What a provider says of a submission in doubt, before a person's answer is believed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from batchrunner.errors import BatchrunnerError, Refused, TryAgain
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Cancel, Look, NotFound, Outcome, Seen
from batchrunner.matching import Candidate, candidates, is_alive, trail_of
from batchrunner.remote import RemoteBatch, key_in
from batchrunner.state import Attempt, Entry, State
from batchrunner.wiring.asking import Inquiry, is_not_offered, refusal

NO_LOOK = "{provider} does not show batches"
NO_LIST = "{provider} does not list its batches"


@dataclass(frozen=True, slots=True)
class Witness:
    """The provider of what is in doubt. `inquiry` is None where it cannot be asked, and `why_not` says why.

    `taken` are the ids of batches that states have for other attempts: they are no candidates.
    """

    provider: str
    inquiry: Inquiry | None
    why_not: str = ""
    taken: frozenset[str] = frozenset()

    def adopted(self, attempt: Attempt, batch_id: str) -> tuple[RemoteBatch | None, str]:
        """The batch as it is now, or None and why nobody looked.

        Raises `Refused` `no-such-batch`, `not-ours`, `already-recorded`, `TryAgain` where the provider cannot be
        reached.
        """
        if batch_id in self.taken:
            raise Refused("already-recorded", f"state has {batch_id} for another submission")
        batch, why_not = self.seen(batch_id)
        if batch is not None:
            _require_ours(attempt, batch, self.provider)
        return batch, why_not

    def seen(self, batch_id: str) -> tuple[RemoteBatch | None, str]:
        """The batch as it is now, or None and why nobody looked.

        Raises `Refused` `no-such-batch`, `TryAgain` where the provider cannot be reached.
        """
        if self.inquiry is None:
            return None, self.why_not
        (said,) = self.inquiry.ask([Look(address=self.provider, provider=self.provider, batch_id=batch_id)])
        if isinstance(said, Seen):
            return said.batch, ""
        if isinstance(said, NotFound):
            raise Refused("no-such-batch", f"{self.provider} has no batch {batch_id}", why=said.words)
        if is_not_offered(said):
            return None, NO_LOOK.format(provider=self.provider)
        raise refusal(self.provider, said, f"the batch {batch_id}")

    def absent(self, attempt: Attempt) -> str:
        """Nothing where the provider's list shows no trace of `attempt`, else why nobody looked.

        Raises `Refused` `it-is-there`, `it-may-be-there`, `TryAgain` where the list cannot be read to its end.
        """
        if self.inquiry is None:
            return self.why_not
        try:
            found = self.candidates(attempt)
        except Refused as error:
            if error.code != "list-not-offered":
                raise
            return NO_LIST.format(provider=self.provider)
        if found:
            raise _there(self.provider, found)
        return ""

    def candidates(self, attempt: Attempt) -> tuple[Candidate, ...]:
        """The batches that may be that of `attempt`. Raises as `Inquiry.listed` does."""
        assert self.inquiry is not None  # noqa: S101 - asked only of a witness that can be heard
        trail = trail_of(attempt, until=attempt.updated_at if attempt.status == "in-doubt" else "")
        listed = self.inquiry.listed(self.provider, trail.since)
        if not listed.is_complete:
            raise TryAgain(
                "list-broke-off", f"the list of {self.provider} broke off", hint="run the same command again"
            )
        return candidates([batch for batch in listed.batches if batch.batch_id not in self.taken], trail)

    def others(self, attempt: Attempt, kept: str) -> tuple[RemoteBatch, ...]:
        """The batches of `attempt` for certain, but for the one that is `kept`. Raises as `candidates` does."""
        if self.inquiry is None:
            raise Refused("cannot-ask", f"{self.provider} cannot be asked for the others", why=self.why_not)
        found = [each.batch for each in self.candidates(attempt) if each.is_certain]
        return tuple(batch for batch in found if batch.batch_id != kept and is_alive(batch))

    def cancel(self, batch_ids: Collection[str]) -> Mapping[str, Outcome]:
        """What became of stopping batches, by id."""
        assert self.inquiry is not None  # noqa: S101 - the candidates were asked for before
        jobs = [Cancel(address=self.provider, provider=self.provider, batch_id=each) for each in batch_ids]
        return dict(zip(batch_ids, self.inquiry.ask(jobs), strict=True))


def _require_ours(attempt: Attempt, batch: RemoteBatch, provider: str) -> None:
    ours, theirs = attempt.intent.idempotency_key, key_in(batch.metadata)
    if theirs and theirs != ours:
        raise Refused("not-ours", f"{batch.batch_id} is another submission: its key is not ours",
                      why=f"{provider} has it under {theirs}; what is in doubt was sent under {ours}.")  # fmt: skip
    if not theirs and attempt.file_id and batch.input_file_id not in {"", attempt.file_id}:
        raise Refused("not-ours", f"{batch.batch_id} is another submission: it reads another file",
                      why=f"It reads {batch.input_file_id}; what is in doubt reads {attempt.file_id}.")  # fmt: skip


def _there(provider: str, found: Collection[Candidate]) -> BatchrunnerError:
    certain = [each.batch.batch_id for each in found if each.is_certain]
    if certain:
        return Refused("it-is-there", f"{provider} has it: {', '.join(certain)}",
                       why="Sent once more it would be paid for twice.")  # fmt: skip
    ids = ", ".join(each.batch.batch_id for each in found)
    return Refused("it-may-be-there", f"{provider} has what may be it: {ids}",
                   why="Sent once more it may be paid for twice.")  # fmt: skip


def taken_ids(states: Collection[State], entry: Entry) -> frozenset[str]:
    """The ids of batches that `states` have for attempts other than `entry`."""
    return frozenset(
        each.attempt.batch_id
        for state in states
        for each in state.entries()
        if each.attempt.batch_id
        and (each.address, each.run_key, each.attempt.number) != (entry.address, entry.run_key, entry.attempt.number)
    )


def why_unasked(attempt: Attempt, providers: Mapping[str, ProviderFacts]) -> str:
    """Why the provider of `attempt` cannot be asked about it, empty where it can, keys aside."""
    intent = attempt.intent
    facts = providers.get(intent.provider)
    if facts is None:
        return f"provider {intent.provider} is not configured here"
    if facts.origin != intent.origin:
        return f"it was sent to {intent.origin}, and {intent.provider} is now elsewhere"
    return ""
