"""Free questions to providers, for commands that ask a few and then decide."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchrunner.applier import Brake
from batchrunner.errors import BatchrunnerError, Refused, TryAgain
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import (
    NOT_OFFERED,
    Deferred,
    Denied,
    FilesSurveyed,
    FollowUp,
    NotFound,
    Outcome,
    Rejected,
    Survey,
    Surveyed,
    SurveyFiles,
)
from batchrunner.ports import Executor, Reporter
from batchrunner.remote import RemoteBatch
from batchrunner.wiring.running import Sending, follow, interruption

_NO_CALL = frozenset({404, 405, 410, 501})
AT_A_TIME = 16


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Who is asked, and how. `keys` are the secrets of the providers."""

    root: str
    providers: Mapping[str, ProviderFacts]
    keys: Mapping[str, str]
    reporter: Reporter

    def ask(self, jobs: Sequence[FollowUp]) -> tuple[Outcome, ...]:
        """The outcomes of `jobs`, in their order. Raises `KeyboardInterrupt` where a signal stopped it."""
        brake = Brake()
        sending = Sending(self.root, self.providers, self.keys, AT_A_TIME, brake)
        outcomes = follow(sending, self.reporter, lambda executor: _all(executor, jobs))
        if brake.pulled:
            raise interruption(brake)
        return outcomes

    def listed(self, provider: str, since: str = "", *, with_names: bool = False) -> "Listed":
        """The batches that `provider` has, made at `since` or later, and on request the names of uploaded files.

        Raises `Refused` `list-not-offered` and for a refused key, `TryAgain` where it cannot be reached now.
        """
        survey = Survey(provider=provider, since=since, address=provider)
        jobs: list[FollowUp] = [survey]
        if with_names:
            jobs.append(SurveyFiles(provider=provider, address=provider))
        said, *more = self.ask(jobs)
        if not isinstance(said, Surveyed):
            raise refusal(provider, said, "its list of batches")
        files = [file for each in more if isinstance(each, FilesSurveyed) for file in each.files]
        return Listed(provider, said.batches, said.is_complete, {file.file_id: file.name for file in files})


async def _all(executor: Executor, jobs: Sequence[FollowUp]) -> tuple[Outcome, ...]:
    return tuple(await asyncio.gather(*(executor.run(job) for job in jobs)))


@dataclass(frozen=True, slots=True)
class Listed:
    """What a provider lists. `names` are those of uploaded files, by id, where they were asked for."""

    provider: str
    batches: tuple[RemoteBatch, ...]
    is_complete: bool
    names: Mapping[str, str]


def is_not_offered(outcome: Outcome) -> bool:
    """Whether the provider has no such call at all."""
    if isinstance(outcome, Rejected):
        return outcome.code == NOT_OFFERED or outcome.status in _NO_CALL
    return isinstance(outcome, NotFound)


def refusal(provider: str, outcome: Outcome, what: str) -> BatchrunnerError:
    """Why `provider` did not give `what`, as an error to raise."""
    status, words = getattr(outcome, "status", 0), getattr(outcome, "words", "")
    why = ": ".join(filter(None, [f"HTTP {status}" if status else "", words]))
    if isinstance(outcome, Denied):
        return Refused("authentication-refused", f"{provider} refused the key", why=why,
                       hint="check the key that the project file names for it")  # fmt: skip
    if isinstance(outcome, Deferred):
        return TryAgain("not-reached", f"{provider} did not give {what}", why=why or outcome.code,
                        hint="nothing was changed; run the same command again")  # fmt: skip
    return Refused("list-not-offered", f"{provider} does not offer {what}", why=why,
                   hint="look there yourself; what you find: batchrunner state import ADDRESS BATCH_ID")  # fmt: skip
