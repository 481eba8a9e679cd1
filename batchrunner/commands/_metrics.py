"""The file of metrics: readable by all, and what it held before is not forgotten."""

from batchrunner.commands._files import content_of, is_special, replace_file, require_ours
from batchrunner.commands._secrets import redacted
from batchrunner.render.metrics import is_ours, metrics_text
from batchrunner.summaries import RunSummary


def write_metrics(summary: RunSummary, path: str) -> None:
    """Write `summary` as metrics to `path`, whole or not at all. Raises `OSError`, `ValueError`."""
    require_ours(path, is_ours)
    earlier = b"" if is_special(path) else content_of(path)
    replace_file(path, redacted(metrics_text(summary, earlier.decode("utf-8", "replace"))).encode(), 0o644)
