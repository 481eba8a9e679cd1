"""Anthropic's Message Batches API as shapes: requests travel in the create, results come by the id of the batch."""

from batchrunner.providers import _messages
from batchrunner.providers.openai import OpenAI
from batchrunner.rows import ResultLine


class Anthropic(OpenAI):
    """POST /v1/messages/batches with all requests in it, and what follows."""

    is_inline = True
    default_create_path = "/v1/messages/batches"

    def read_line(self, line: bytes) -> ResultLine | None:
        """One line of results."""
        return _messages.read_line(line)
