"""What a process to fork from does once, so that none of its forks does it.

It imports everything, builds the models that build themselves on first use, and loads the list of prices. What a start
loads, and when, is for tests that start processes of their own.
"""

import gc
import importlib
import os
import pkgutil
from collections.abc import Iterator


def warm(*left_out: str) -> None:
    """Be ready to fork. `left_out` are modules of batchrunner that no fork needs, by the starts of their names."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    import batchrunner

    for module in pkgutil.walk_packages(batchrunner.__path__, "batchrunner."):
        if not module.name.startswith(("batchrunner.__main__", "batchrunner.testing", *left_out)):
            importlib.import_module(module.name)
    importlib.import_module("blake3")
    _build_models()
    _load_prices()
    gc.collect()
    gc.freeze()


def _build_models() -> None:
    from batchrunner.values import Value

    for model in _below(Value):
        model.model_rebuild()


def _below(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def _load_prices() -> None:
    from genai_prices.data_snapshot import get_snapshot

    get_snapshot()
