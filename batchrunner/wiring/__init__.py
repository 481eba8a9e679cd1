"""The composition root: the one place that chooses implementations and hands them to the verbs."""

from batchrunner.wiring.workspace import Choices, Workspace, open_workspace

__all__ = ["Choices", "Workspace", "open_workspace"]
