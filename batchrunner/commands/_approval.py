"""Asking before money is spent. On a terminal a person is asked; elsewhere the plan itself has to be harmless."""

import sys

from batchrunner.commands._console import Console
from batchrunner.errors import Refused
from batchrunner.plans import Plan


def approve(plan: Plan, console: Console) -> None:
    """Ask on a terminal. Elsewhere go on: a replacement is only planned where its own flag asked for it.

    Raises `Refused` `not-approved` for any answer but yes.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or console.output.json:
        return
    sys.stderr.write(f"\nSubmit {len(plan.sendable)} batches? Only `yes` is taken as approval: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise Refused("not-approved", "nothing was submitted", hint="Answer yes, or add --yes.")
