"""For those who write a store: a store in memory, example entries, and the checks every store must pass."""

from batchrunner.testing.examples import example_entry
from batchrunner.testing.memory import MemoryPlace, MemoryStore
from batchrunner.testing.stores import STORE_CHECKS, StoreUnderTest, check_store

__all__ = ["STORE_CHECKS", "MemoryPlace", "MemoryStore", "StoreUnderTest", "check_store", "example_entry"]
