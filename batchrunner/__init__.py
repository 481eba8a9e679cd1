"""batchrunner: declarative batch submission for LLM batch APIs.

    YAML spec ──load──▶ Spec ──scan inputs──▶ Desired ──plan (+ State)──▶ Plan ──review──▶ apply ──▶ Provider
                                                                                         │
                                                              State  ◀──intent, outcome──┘

The house, from the inside out; imports point one way and a test holds them to it:

    pure    errors values records address digest manifest facts spec project jobs state plans planner …
    seams   ports
    verbs   applier                          ports and values only
    edges   loader inputs/ settings telemetry providers/ stores/ executors/ render/ sandbox/ testing/
    top     wiring (composition root) · api · commands/ · cli

Importing the package loads nothing of it; `load`, `plan`, `apply` and `wait` are loaded on use.
"""

from batchrunner._version import __version__

TYPE_CHECKING = False  # as a type checker reads it; importing `typing` would double what `--version` takes
if TYPE_CHECKING:
    from batchrunner.api import apply, load, plan, wait

__all__ = ["__version__", "apply", "load", "plan", "wait"]


def __getattr__(name: str) -> object:
    if name in {"apply", "load", "plan", "wait"}:
        from batchrunner import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
