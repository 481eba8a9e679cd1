"""Mistral's batch jobs as shapes."""

from batchrunner.providers.openai import OpenAI


class Mistral(OpenAI):
    """POST /v1/batch/jobs, and what follows."""

    default_create_path = "/v1/batch/jobs"
