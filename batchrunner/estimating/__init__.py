"""What submissions should take and cost: list prices, and tokenizers. Offline, each loaded once it is needed."""

from batchrunner.estimating.estimator import Estimator
from batchrunner.estimating.tokens import token_counter

__all__ = ["Estimator", "token_counter"]
