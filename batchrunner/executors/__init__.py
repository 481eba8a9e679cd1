"""Where jobs run."""

from batchrunner.executors.local import LocalExecutor

__all__ = ["LocalExecutor"]
