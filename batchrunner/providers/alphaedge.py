"""AlphaEdge: Create Batch Job at POST /v1/batch. Shapes as OpenAI's; no other call is documented."""

from batchrunner.providers.openai import OpenAI


class AlphaEdge(OpenAI):
    """Create Batch Job, and the file upload that AlphaEdge does not document but the convention has."""

    default_create_path = "/v1/batch"
    upload_missing = (
        "AlphaEdge documents Create Batch Job only, and this file upload is not there;"
        " upload the file another way and use input_file_id in the spec instead of input"
    )
