"""How much of what can go on for ever is done every day."""

import os

CAMPAIGN = "BATCHRUNNER_CAMPAIGN"
"""Set by `--campaign`, in the processes of the suite."""


def examples(daily: int, campaign: int) -> int:
    """How many examples a property is tried with: `daily`, or as many as `campaign` where there is time."""
    return campaign if CAMPAIGN in os.environ else daily
