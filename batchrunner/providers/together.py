"""Together's batch API as shapes."""

from batchrunner.providers.openai import OpenAI


class Together(OpenAI):
    """POST /v1/batches, and what follows."""
