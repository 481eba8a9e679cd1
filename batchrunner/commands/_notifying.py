"""Telling webhooks how a command ended."""

from collections.abc import Sequence

from batchrunner.commands._console import Console
from batchrunner.commands._secrets import redacted, redacted_value
from batchrunner.occasions import occasions_of
from batchrunner.project import Webhook
from batchrunner.records import plain
from batchrunner.render.notices import notice_text
from batchrunner.summaries import RunSummary
from batchrunner.wiring.notifying import tell_all


def notify(summary: RunSummary, webhooks: Sequence[Webhook], console: Console) -> None:
    """Tell those of `webhooks` that want to know. Who could not be told is warned of, and that is all."""
    for occasion in sorted(occasions_of(summary)):
        wanted = [webhook for webhook in webhooks if occasion in webhook.on]
        if wanted:
            for trouble in tell_all(wanted, occasion, redacted(notice_text(summary)), redacted_value(plain(summary))):
                console.warn(f"warning: {trouble}")
