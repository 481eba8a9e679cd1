"""The project's policy against a plan's changes. Pure: what breaks which rule, in words."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from math import ceil, fsum

from batchrunner.address import whole_of
from batchrunner.errors import Refused
from batchrunner.manifest import LocalFile
from batchrunner.plans import Change, Refusal, Submit
from batchrunner.pricing import Estimate
from batchrunner.printable import brief
from batchrunner.project import Policy

NAMED = 3
"""Names that a message lists; the rest is counted."""
ROUNDING = 1e-9
"""What sums of floats may be off, as a fraction."""
HINT = "change the specs, or ask who owns the project file: its `policy` says what may be submitted"
SPLIT = "Submit less at a time, as with --target, or have the limit raised."
SHRINK = "Submit a smaller input, set a smaller `max_tokens` in its requests, or ask who owns the project file."
INSTALL = (
    "No price list is installed: pip install 'batchrunner[cost]', or set `prices` of the provider in the project file."
)
LENIENT = "`allow_unknown` in the policy would let it pass."


Rule = Callable[[Sequence[Submit], Policy], Iterator[Refusal]]
"""What refuses paid changes under a policy."""


def refusals(changes: Iterable[Change], policy: Policy, *, has_price_list: bool = True) -> tuple[Refusal, ...]:
    """Every rule of `policy` that submitting `changes` would break: those of the whole plan first, then by address.

    `has_price_list` is false where prices were unknown for want of one. Only what is newly paid for counts: a resumed
    submission is owed, whatever the policy says by now.
    """
    paid = [change for change in changes if isinstance(change, Submit)]
    if not paid:
        return ()
    rules: Sequence[Rule] = (partial(_max_cost, has_price_list=has_price_list), *RULES)
    # Shards are told as one: what they ask for was written once.
    return tuple(dict.fromkeys(refusal for rule in rules for refusal in rule(paid, policy)))


def rules_of(policy: Policy) -> tuple[str, ...]:
    """The rules that `policy` has, by name: what plans are held to."""
    names = ("max_cost_usd", "max_requests", "allowed_models", "allowed_endpoints", "required_metadata")
    return tuple(name for name in names if getattr(policy, name) not in (None, ()))


def refused(broken: Sequence[Refusal], project_file: str) -> Refused:
    """The error for `broken` rules, each named once; `project_file` is where they are, empty where that has no file."""
    rules = ", ".join(dict.fromkeys(refusal.rule for refusal in broken))
    told = [f"{refusal.rule}: {refusal.message}" for refusal in broken[:NAMED]]
    rest = [f"And {len(broken) - NAMED:,} more."] if len(broken) > NAMED else []
    return Refused(
        "policy-refused",
        f"the plan breaks the project's policy: {rules}",
        where=project_file,
        why=" ".join([*told, *rest]),
        hint=HINT,
    )


def _max_cost(paid: Sequence[Submit], policy: Policy, *, has_price_list: bool) -> Iterator[Refusal]:
    limit = policy.max_cost_usd
    if limit is None:
        return
    most = fsum(_at_most(change.estimate) for change in paid)
    unknown = [change for change in paid if change.estimate is None or change.estimate.cost_high is None]
    if most > limit * (1 + ROUNDING):
        words = f"the plan may cost {_at_most_usd(most)}{' and more' if unknown else ''}; the limit is {_usd(limit)}"
        yield _broken("max_cost_usd", words, SPLIT if _are_several(paid) else SHRINK)
    elif unknown and not policy.allow_unknown:
        words = f"what {_addresses(unknown)} may cost is not known; the limit is {_usd(limit)}"
        yield _broken("max_cost_usd", words, f"{_why_unknown(unknown, has_price_list)} {LENIENT}")


def _are_several(paid: Iterable[Submit]) -> bool:
    """Whether there are batches or shards that could be submitted one without the other."""
    return len({change.address for change in paid}) > 1


def _at_most(estimate: Estimate | None) -> float:
    """The highest cost, or what is known of it."""
    if estimate is None:
        return 0.0
    return estimate.cost_low or 0.0 if estimate.cost_high is None else estimate.cost_high


def _why_unknown(changes: Sequence[Submit], has_price_list: bool) -> str:
    """What would make the cost of `changes` known."""
    estimates = [change.estimate for change in changes if change.estimate is not None]
    models = sorted({model for each in estimates for model in each.unpriced})
    reasons = {
        INSTALL: bool(models) and not has_price_list,
        "A file that is already at the provider cannot be priced.": any(c.estimate is None for c in changes),
        f"{_names(models)} has no known price: set `prices` of the provider in the project file.": bool(models)
        and has_price_list,
        "Output has no limit: set one in every request, as with `max_tokens`.": any(
            each.cost_low is not None and not each.unpriced for each in estimates
        ),
    }
    return " ".join(words for words, applies in reasons.items() if applies)


def _max_requests(paid: Sequence[Submit], policy: Policy) -> Iterator[Refusal]:
    limit = policy.max_requests
    if limit is None:
        return
    requests = sum(change.source.requests for change in paid if isinstance(change.source, LocalFile))
    unknown = [change for change in paid if not isinstance(change.source, LocalFile)]
    if requests > limit:
        words = f"the plan submits {requests:,} requests{' and more' if unknown else ''}; the limit is {limit:,}"
        yield _broken("max_requests", words, SPLIT)
    elif unknown and not policy.allow_unknown:
        words = f"how many requests {_addresses(unknown)} would submit is not known; the limit is {limit:,}"
        yield _broken("max_requests", words, f"A file that is already at the provider cannot be counted. {LENIENT}")


def _allowed_models(paid: Sequence[Submit], policy: Policy) -> Iterator[Refusal]:
    allowed = policy.allowed_models
    if allowed is None:
        return
    fits = _matcher(allowed)
    for change in paid:
        models = change.source.models if isinstance(change.source, LocalFile) else ()
        strangers = [model for model in models if model and not fits(model)]
        where = whole_of(change.address)
        if strangers:
            words = f"{where} asks for {_names(strangers)}; allowed: {_names(allowed)}"
            yield _broken("allowed_models", words, "Ask for a model that is allowed.", where)
        elif not (models and all(models)) and not policy.allow_unknown:
            words = f"which models {where} asks for is not known; allowed: {_names(allowed)}"
            yield _broken("allowed_models", words, LENIENT, where)


def _allowed_endpoints(paid: Sequence[Submit], policy: Policy) -> Iterator[Refusal]:
    allowed = policy.allowed_endpoints
    if allowed is None:
        return
    for change in paid:
        if change.endpoint not in allowed:
            where = whole_of(change.address)
            words = f"{where} is for {change.endpoint}; allowed: {_names(allowed)}"
            yield _broken("allowed_endpoints", words, "Use an endpoint that is allowed.", where)


def _required_metadata(paid: Sequence[Submit], policy: Policy) -> Iterator[Refusal]:
    for change in paid:
        missing = [key for key in policy.required_metadata if key not in change.metadata]
        if missing:
            where = whole_of(change.address)
            words = f"{where} has no metadata {_names(missing)}; required: {_names(policy.required_metadata)}"
            yield _broken("required_metadata", words, "Add it to the batch, or to the spec's defaults.", where)


def _broken(rule: str, words: str, what_to_do: str, address: str = "") -> Refusal:
    return Refusal(rule=rule, message=f"{words}. {what_to_do}", address=address)


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text is one of `patterns`, in which `*` stands for any text."""
    each = (".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)
    expression = re.compile(f"(?:{'|'.join(each)})\\Z" if patterns else r"(?!)", re.DOTALL)
    return lambda text: expression.match(text) is not None


def _addresses(changes: Iterable[Submit]) -> str:
    return _listed(tuple(dict.fromkeys(whole_of(change.address) for change in changes)))


def _names(names: Sequence[str]) -> str:
    return _listed([f"`{brief(name)}`" for name in names]) or "none"


def _listed(words: Sequence[str]) -> str:
    rest = f" and {len(words) - NAMED:,} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + rest


def _usd(amount: float) -> str:
    return f"${amount:,.2f}" if round(amount, 2) == amount else f"${amount:,.9f}".rstrip("0")


def _at_most_usd(amount: float) -> str:
    """An amount rounded up to a cent, as plans show it: one that is over a limit is seen to be."""
    return f"${ceil(round(amount * 100, 6)) / 100:,.2f}"


RULES: Sequence[Rule] = (
    _max_requests,
    _allowed_models,
    _allowed_endpoints,
    _required_metadata,
)
