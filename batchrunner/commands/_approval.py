"""Asking before money is spent. On a terminal a person is asked; elsewhere the plan itself has to be harmless."""

from batchrunner.commands._console import answers_yes, somebody_is_there
from batchrunner.errors import Refused
from batchrunner.plans import Plan
from batchrunner.render.units import counted


def approve(plan: Plan) -> None:
    """Ask on a terminal. Elsewhere go on: a replacement is only planned where its own flag asked for it.

    Raises `Refused` `not-approved` for any answer but yes.
    """
    if somebody_is_there() and not answers_yes(f"\n{_question(plan)}"):
        raise Refused("not-approved", "not approved, so nothing was submitted", hint="answer yes, or add --yes")


def _question(plan: Plan) -> str:
    replacing = plan.counts["replace"]
    more = f", {replacing:,} of them one more time, to be paid again" if replacing else ""
    asked = [f"submit {counted(len(plan.sendable), 'batch')}{more}"] if plan.sendable else []
    asked += [f"import {counted(len(plan.imports), 'batch')}"] if plan.imports else []
    asked += [f"move {counted(len(plan.moves), 'batch')} in state"] if plan.moves else []
    question = ", and ".join(asked)
    return f"{question[0].upper()}{question[1:]}?"
