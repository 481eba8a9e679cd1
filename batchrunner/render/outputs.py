"""A plan as the outputs of a step in GitHub Actions.

GITHUB_OUTPUT takes `name=value` lines, and `name<<DELIMITER` … `DELIMITER` for any text (docs.github.com, "Workflow
commands"). A delimiter that nobody can guess keeps data from ending the value and starting another output.
"""

import re
from collections.abc import Mapping

from batchrunner.plans import Plan
from batchrunner.printable import printable
from batchrunner.render.costs import bill_of
from batchrunner.render.totals import totals

_WORD = re.compile(r"[A-Za-z0-9._:+/-]*\Z")


def plan_outputs(plan: Plan, file: str) -> dict[str, str]:
    """What later steps decide by. `file` is where the plan is saved, empty for nowhere.

    `has_changes` is `true` where there is something to send, to take over, to rename or to settle; costs are in US
    dollars, the low one empty where none is known, the high one where not all are; `run_keys` are a line each.
    """
    counts = plan.counts
    cost = bill_of(plan.sendable)
    keys = dict.fromkeys(change.run_key for change in plan.changes if change.run_key)
    return {
        "has_changes": "true" if plan.has_changes else "false",
        "to_submit": str(counts["submit"]),
        "to_resume": str(counts["resume"]),
        "to_replace": str(counts["replace"]),
        "blocked": str(counts["blocked"]),
        "unchanged": str(counts["unchanged"]),
        "moved": str(counts["move"]),
        "imported": str(counts["import"]),
        "refused": "true" if plan.refusals else "false",
        "requests": str(totals(plan.changes).requests),
        "cost_low_usd": _usd(cost.low),
        "cost_high_usd": _usd(cost.high if cost.is_complete else None),
        "plan_id": plan.plan_id,
        "plan_file": file,
        "run_keys": "\n".join(map(printable, keys)),
    }


def _usd(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.6f}"


def outputs_text(outputs: Mapping[str, str], delimiter: str) -> str:
    """`outputs` as what is appended to the file. `delimiter` is in no value."""
    return "".join(_line(name, value, delimiter) for name, value in outputs.items())


def _line(name: str, value: str, delimiter: str) -> str:
    if _WORD.match(value):
        return f"{name}={value}\n"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
