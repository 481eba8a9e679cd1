"""The file of metrics: readable by all, and what it held before is not forgotten."""

from batchrunner.commands._publishing import content_of, replace_file
from batchrunner.commands._secrets import redacted
from batchrunner.render.metrics import is_ours, metrics_text
from batchrunner.summaries import RunSummary


def write_metrics(summary: RunSummary, path: str) -> None:
    """Write `summary` as metrics to `path`, whole or not at all. Raises `OSError`, `ValueError`."""
    earlier = content_of(path) if not path.startswith(("/dev/", "/proc/")) else b""
    known = earlier.decode("utf-8", "replace") if is_ours(earlier) else ""
    replace_file(path, redacted(metrics_text(summary, known)).encode(), 0o644, is_ours)
