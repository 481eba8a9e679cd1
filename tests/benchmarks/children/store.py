"""The state store alone, in the folder `argv[2]`.

`append N`: the cost of N batches appended and folded. `fill N`: a journal of N records, not folded. `load`: reading it
back. `json`: what `json.loads` takes for the same bytes, line by line.

Records are those of an apply: an intent, then the same with its outcome and a reply of some 300 bytes; 64 a sync.
"""

import gc
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

from batchrunner.digest import fingerprint, idempotency_key
from batchrunner.manifest import ProviderFile
from batchrunner.records import Raw
from batchrunner.state import Attempt, Entry, Intent, moved
from batchrunner.stores import FileStore

GROUP = 64
AT = "2026-11-22T02:31:07.120+00:00"


def entries(batches: int) -> Iterator[Entry]:
    """Window by window, as an apply of `batches` writes them: intents, then their outcomes."""
    waiting = iter(range(batches))
    while window := list(islice(waiting, GROUP)):
        intended = [_intended(number) for number in window]
        yield from intended
        for number, entry in zip(window, intended, strict=True):
            yield _submitted(number, entry)


def _intended(number: int) -> Entry:
    address, file_id = f"nightly/tickets-{number:06d}", f"file-{number:016d}"
    paid_for = fingerprint("alphaedge", "/v1/chat/completions", "24h", f"file:{file_id}")
    run_key = f"content:{paid_for.removeprefix('sha256:')[:12]}"
    intent = Intent(
        idempotency_key=idempotency_key("acme", "nightly", address, run_key, 1),
        fingerprint=paid_for,
        provider="alphaedge",
        origin="https://api.alphaedge-ai.com",
        endpoint="/v1/chat/completions",
        completion_window="24h",
        source=ProviderFile(file_id=file_id),
        plan_id=f"sha256:{0:064x}",
        created_at=AT,
    )
    body = {"completion_window": "24h", "endpoint": "/v1/chat/completions", "input_file_id": file_id}
    attempt = Attempt(number=1, status="intended", intent=intent, updated_at=AT, file_id=file_id,
                      request=json.dumps(body, separators=(",", ":")), sent_at=AT)  # fmt: skip
    return Entry(address=address, run_key=run_key, attempt=attempt)


def _submitted(number: int, entry: Entry) -> Entry:
    batch = {
        "id": f"batch_{number:032x}",
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "errors": None,
        "input_file_id": entry.attempt.file_id,
        "completion_window": "24h",
        "status": "validating",
        "created_at": 1763820000,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": None,
    }
    reply = Raw(json.dumps(batch, separators=(",", ":")).encode())
    attempt = moved(entry.attempt, "submitted", AT, batch_id=f"batch_{number:032x}", reply=reply)
    return Entry(address=entry.address, run_key=entry.run_key, attempt=attempt)


def _written(store: FileStore, written: list[Entry]) -> None:
    for start in range(0, len(written), GROUP):
        store.append(written[start : start + GROUP])


def append(folder: Path, batches: int) -> dict[str, float]:
    """Small states are appended to in many fresh files, so that every size writes as much."""
    states = max(1, 20_000 // batches)
    prepared = list(entries(batches))
    spent = {"append_wall": 0.0, "append_cpu": 0.0, "fold_wall": 0.0, "fold_cpu": 0.0}
    for number in range(states):
        store = FileStore(folder / f"{number}.state.json")
        with store.lock(30, print):
            store.load()
            begun = perf_counter(), process_time()
            _written(store, prepared)
            appended = perf_counter(), process_time()
            store.fold()
            folded = perf_counter(), process_time()
        for name, a, b in (("append", begun, appended), ("fold", appended, folded)):
            spent[f"{name}_wall"] += b[0] - a[0]
            spent[f"{name}_cpu"] += b[1] - a[1]
    return {name: value / (states * batches) for name, value in spent.items()}


def fill(folder: Path, records: int) -> dict[str, float]:
    store = FileStore(folder / "full.state.json")
    with store.lock(30, print):
        _written(store, list(entries(records // 2)))
    journal = next(folder.glob("*.journal.jsonl"))
    return {"bytes": journal.stat().st_size, "frames": journal.read_bytes().count(b"\n")}


def load(folder: Path) -> dict[str, float]:
    store = FileStore(folder / "full.state.json")
    begun = process_time()
    state = store.load()
    return {"cpu": process_time() - begun, "batches": len(state.batches)}


def with_json(folder: Path) -> dict[str, float]:
    journal = next(folder.glob("*.journal.jsonl"))
    begun = process_time()
    records = [json.loads(line.partition(b" ")[2]) for line in journal.read_bytes().splitlines()]
    return {"cpu": process_time() - begun, "frames": len(records)}


def main(job: str, folder: Path, number: int) -> dict[str, float]:
    if job == "json":
        return with_json(folder)
    gc.disable()  # as the command line does
    return load(folder) if job == "load" else {"append": append, "fill": fill}[job](folder, number)


print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3] if len(sys.argv) > 3 else 0))))
