"""Files of batches that were made elsewhere are somebody's: gc leaves them alone."""

import json
import uuid
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from support.cli import KEY, Desk, request_lines
from support.fetching import PROJECT, served

SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: data/rows.jsonl}
"""
FORM = "\r\n".join([
    "--B",
    'Content-Disposition: form-data; name="purpose"',
    "",
    "batch",
    "--B",
    'Content-Disposition: form-data; name="file"; filename="{name}"',
    "Content-Type: application/jsonl",
    "",
    "{content}",
    "--B--",
    "",
])  # fmt: skip


def posted(desk: Desk, path: str, body: str, kind: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": kind, "Idempotency-Key": str(uuid.uuid4())}
    with closing(HTTPConnection(desk.env["ALPHAEDGE_BASE_URL"].removeprefix("http://"))) as connection:
        connection.request("POST", path, body, headers)
        reply: dict[str, Any] = json.loads(connection.getresponse().read())
        return reply


def test_the_input_of_an_imported_batch_is_not_ours_to_delete(desk: Desk) -> None:
    desk.write("batchrunner.yaml", PROJECT)
    desk.write("s.yaml", SPEC)
    lines = request_lines("a", "b")
    desk.write("data/rows.jsonl", lines)
    with served(desk) as shop:
        form = FORM.format(name="mine.jsonl", content=lines)
        file = posted(shop, "/v1/files", form, "multipart/form-data; boundary=B")["id"]
        wanted = {"input_file_id": file, "endpoint": "/v1/embeddings", "completion_window": "24h"}
        batch = posted(shop, "/v1/batch", json.dumps(wanted), "application/json")["id"]
        assert shop.run("state", "import", "s/rows", batch, "s.yaml").code == 0
        assert shop.run("wait", "s.yaml").code == 0
        assert shop.run("fetch", "s.yaml").code == 0
        assert shop.run("gc", "s.yaml", "--json").document["files"] == []
