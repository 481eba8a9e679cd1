"""What putting results into the order of their inputs costs."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from batchrunner.digest import blake3
from tests.benchmarks.measuring import Row, child, interleaved, median, paired, seconds

_ROWS, _SHARDS = 1_000_000, 20
_BODY = {"model": "gpt-4o-mini", "max_tokens": 200,
         "messages": [{"role": "system", "content": "You summarise tickets in one sentence."},
                      {"role": "user", "content": "Summarise this ticket. " * 8}]}  # fmt: skip
_ANSWER = {
    "object": "chat.completion", "created": 1_732_300_000, "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "logprobs": None, "finish_reason": "stop", "message": {
        "role": "assistant", "refusal": None,
        "content": 'The customer\'s parcel "7" has not arrived; they ask where it is, and when it comes. ' * 4}}],
    "usage": {"prompt_tokens": 120, "completion_tokens": 60, "total_tokens": 180,
              "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
              "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}},
    "system_fingerprint": "fp_0123456789",
}  # fmt: skip


def ledger(folder: Path, rounds: int) -> Iterator[Row]:
    """A million rows of 20 shards, merged and accounted for, against a loop over `json`; and that memory is flat."""
    _write(folder)
    ours, theirs = interleaved(
        lambda: child("ledger", "batchrunner", folder, _SHARDS),
        lambda: child("ledger", "hand", folder, _SHARDS),
        rounds,
    )
    cpu = [[used["cpu"] for used in each] for each in (ours, theirs)]
    name = f"a json loop : {_ROWS:,} rows of {_SHARDS} shards, CPU"
    yield Row(name, seconds(median(cpu[1])), seconds(median(cpu[0])), paired(cpu[1], cpu[0]), 5, at_least=True)
    two = child("ledger", "batchrunner", folder, 2)["peak"]
    peak = median([used["peak"] for used in ours])
    yield Row("the ledger, MiB at the peak : for 2 shards", f"{peak:.1f}", f"{two:.1f}", peak / two, 1.1)


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    digests = []
    for shard in range(_SHARDS):
        ids = [f"ticket-{number}" for number in range(shard * _ROWS // _SHARDS, (shard + 1) * _ROWS // _SHARDS)]
        asked = b"".join(_line({"custom_id": each, "method": "POST", "url": "/v1/chat/completions", "body": _BODY})
                         for each in ids)  # fmt: skip
        (folder / f"in-{shard}.jsonl").write_bytes(asked)
        digest = blake3()
        digest.update(asked)
        digests.append(f"blake3:{digest.hexdigest()}")
        random.Random(shard).shuffle(ids)
        with (folder / f"out-{shard}.jsonl").open("wb") as file:
            for each in ids:
                response = {"status_code": 200, "request_id": f"req_{each}", "body": {"id": f"c-{each}", **_ANSWER}}
                file.write(_line({"id": f"batch_req_{each}", "custom_id": each, "response": response, "error": None}))
    (folder / "digests.json").write_text(json.dumps(digests))


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
