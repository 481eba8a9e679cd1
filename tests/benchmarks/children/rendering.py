"""Renders the table `argv[2]` to request lines that nobody reads: with `batchrunner`, or by `hand`."""

import csv
import json
import os
import resource
import sys
from time import process_time

_URL = "/v1/chat/completions"
_SYSTEM = {"role": "system", "content": "You are terse."}


def with_batchrunner(path: str) -> int:
    from batchrunner.inputs.tables import RenderedRows, format_of
    from batchrunner.manifest import Template

    user = {"role": "user", "content": "Summarise in ${row.lang}: ${row.text}"}
    body = {"model": "gpt-4o-mini", "max_tokens": 100, "messages": [_SYSTEM, user]}
    template = Template(custom_id="ticket-${row.id}", url=_URL, body=body)
    size = 0
    with open(path, "rb") as table, open(os.devnull, "wb") as out:
        rows = RenderedRows(table, format_of(path), template)
        while block := rows.read(1 << 20):
            size += out.write(block)
    return size


def by_hand(path: str) -> int:
    """What one would write instead. No cell is checked, nothing said of a row that is broken."""
    size = 0
    with open(path, encoding="utf-8", newline="") as table, open(os.devnull, "w", encoding="utf-8") as out:
        for row in csv.DictReader(table):
            user = {"role": "user", "content": f"Summarise in {row['lang']}: {row['text']}"}
            body = {"model": "gpt-4o-mini", "max_tokens": 100, "messages": [_SYSTEM, user]}
            request = {"custom_id": f"ticket-{row['id']}", "method": "POST", "url": _URL, "body": body}
            size += out.write(json.dumps(request) + "\n")
    return size


render = {"batchrunner": with_batchrunner, "hand": by_hand}[sys.argv[1]]
begun = process_time()
written = render(sys.argv[2])
used = process_time() - begun
print(json.dumps({"cpu": used, "bytes": written, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
