"""Puts estimates on what a plan would submit. What nobody would submit is not priced: loading prices takes a while."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from batchrunner.facts import ProviderFacts
from batchrunner.plans import Change, Notice, Refusal, Submit
from batchrunner.policy import refusals
from batchrunner.pricing import UNLISTED, Demand
from batchrunner.project import Policy
from batchrunner.records import replace

if TYPE_CHECKING:
    from batchrunner.estimating import Estimator


Name = tuple[str, str]
"""Of a batch in a run: its address and run key."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the requests of an address ask for, how their tokens were counted, and whose prices apply.

    A plan for the sandbox is priced as one for the provider that the spec names: it rehearses that one.
    """

    demands: tuple[Demand, ...]
    counted_by: str
    facts: ProviderFacts


@dataclass(frozen=True, slots=True)
class Priced:
    """Changes with their estimates, what is to be said of prices, and the rules of a policy that are broken."""

    changes: tuple[Change, ...]
    notices: tuple[Notice, ...]
    refusals: tuple[Refusal, ...]


def priced(changes: Iterable[Change], asked: Mapping[Name, Asked], now: datetime, policy: Policy) -> Priced:
    """`changes`, with an estimate on each that submits an input whose requests are known, at prices as of `now`.

    `asked` is by address and run key.
    """
    estimated, notices = _with_estimates(changes, asked, now)
    is_listed = all(notice.code != UNLISTED for notice in notices)
    return Priced(estimated, notices, refusals(estimated, policy, has_price_list=is_listed))


def _with_estimates(
    changes: Iterable[Change], asked: Mapping[Name, Asked], now: datetime
) -> tuple[tuple[Change, ...], tuple[Notice, ...]]:
    each = tuple(changes)
    if not any(isinstance(change, Submit) and _name(change) in asked for change in each):
        return each, ()
    from batchrunner.estimating import Estimator

    estimator = Estimator(now)
    return tuple(_estimated(change, asked.get(_name(change)), estimator) for change in each), tuple(estimator.notices)


def _name(change: Change) -> Name:
    return change.address, change.run_key


def _estimated(change: Change, asked: Asked | None, estimator: "Estimator") -> Change:
    if asked is None or not isinstance(change, Submit):
        return change
    return replace(change, estimate=estimator.estimate(asked.demands, asked.facts, asked.counted_by))
