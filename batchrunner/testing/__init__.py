"""For those who write a store or a dialect: the checks that every one must pass, and what they are made of."""

from batchrunner.testing.cases import CASES, Case
from batchrunner.testing.dialects import DIALECT_CHECKS, DialectUnderTest, check_dialect
from batchrunner.testing.examples import example_entry
from batchrunner.testing.memory import MemoryPlace, MemoryStore
from batchrunner.testing.providers import PROVIDER_CHECKS, check_provider
from batchrunner.testing.stores import STORE_CHECKS, StoreUnderTest, check_store
from batchrunner.testing.submitting import ProviderUnderTest

__all__ = [
    "CASES",
    "DIALECT_CHECKS",
    "PROVIDER_CHECKS",
    "STORE_CHECKS",
    "Case",
    "DialectUnderTest",
    "MemoryPlace",
    "MemoryStore",
    "ProviderUnderTest",
    "StoreUnderTest",
    "check_dialect",
    "check_provider",
    "check_store",
    "example_entry",
]
