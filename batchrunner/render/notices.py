"""What a webhook says of a run, in a sentence or two: chats show it, and nothing in it is markup or a mention."""

from batchrunner.printable import brief, printable
from batchrunner.summaries import RunSummary

_ORDER = ("submitted", "imported", "moved", "unchanged", "failed", "blocked", "left")


def notice_text(summary: RunSummary) -> str:
    """How a run ended, with `&`, `<` and `>` written as Slack's format wants them: it has no other way to mention."""
    lines = [_headline(summary)]
    if summary.message:
        lines.append(brief(printable(summary.message), 300))
    lines += [f"{each.address} {each.outcome}: {each.code}" for each in summary.failures[:5]]
    if len(summary.failures) > 5:
        lines.append(f"and {len(summary.failures) - 5} more")
    if summary.next:
        lines.append(f"Next: {brief(printable(summary.next), 300)}")
    return "\n".join(map(_escaped, lines))


def _headline(summary: RunSummary) -> str:
    ended = "succeeded" if summary.is_success else f"ended with exit code {summary.exit_code}"
    counts = ", ".join(f"{summary.counts[word]} {word}" for word in _ORDER if summary.counts.get(word))
    of = [summary.project and f"project {summary.project}", *summary.specs[:5]]
    named = f" ({', '.join(printable(each) for each in of if each)})" if any(of) else ""
    return f"batchrunner {summary.command} {ended}{named}{': ' if counts else ''}{counts}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
