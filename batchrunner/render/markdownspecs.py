"""What a plan was made of, and held to, in GitHub markdown."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from batchrunner.address import spec_of
from batchrunner.plans import Change, Plan, PlannedSpec
from batchrunner.render.fences import code
from batchrunner.render.markdownbase import base_heading
from batchrunner.render.markdowntable import fit
from batchrunner.render.totals import amounts
from batchrunner.render.units import count

NAMED = 5
"""Targets, and rules, that are named."""


def specs_list(plan: Plan, room: int) -> tuple[str, int]:
    """The specs with their runs, the policy and the base, the specs in at most `room` characters.

    Returns the characters that are left, too.
    """
    by_spec: dict[str, list[Change]] = defaultdict(list)
    for change in plan.sendable:
        by_spec[spec_of(change.address)].append(change)
    several = len(plan.specs) > 1
    kept, spare = fit((_spec(spec) + _sums(by_spec[spec.name] if several else ()) for spec in plan.specs), room)
    rest = more(len(plan.specs) - len(kept))
    return "\n".join([*_targets(plan), *kept, *rest, *_policy(plan), *_against(plan)]), spare


def _policy(plan: Plan) -> list[str]:
    """Which rules the plan keeps, and which it breaks."""
    broken = list(dict.fromkeys(refusal.rule for refusal in plan.refusals))
    kept = [rule for rule in plan.rules if rule not in broken]
    told = [f"⛔ broken: {_named(broken)}"] if broken else []
    told += [f"✅ passed: {_named(kept)}"] if kept else []
    return [f"- policy {', '.join(told)}"] if told else []


def _against(plan: Plan) -> list[str]:
    return [f"- {base_heading(plan.base)}"] if plan.base else []


def _named(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(map(code, names[:NAMED])) + (f" and {count(rest)} more" if rest > 0 else "")


def _targets(plan: Plan) -> list[str]:
    if not plan.targets:
        return []
    return [f"- only what `--target` names: {_named(plan.targets)}"]


def _spec(spec: PlannedSpec) -> str:
    state = f"{spec.state} #{spec.serial}" if spec.lineage else f"{spec.state} (new)"
    return f"- {code(spec.path)} · run {code(spec.run)} · state {code(state)}"


def _sums(changes: Iterable[Change]) -> str:
    """What a spec would send, where there are several."""
    words = amounts(changes)
    return f" · {words}" if words else ""


def more(number: int) -> list[str]:
    """How many items of a list have no room; nothing for none."""
    return [f"- … and {count(number)} more"] if number else []
