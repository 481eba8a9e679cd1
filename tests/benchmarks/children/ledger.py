"""Merges result files of shards into the order of their inputs, by batchrunner or by a loop over `json`."""

import gc
import json
import resource
import sys
import time
from pathlib import Path


def batchrunner(folder: Path, shards: int) -> None:
    from batchrunner.catalog import built_in
    from batchrunner.manifest import LocalFile
    from batchrunner.providers import result_reader
    from batchrunner.results import RawFile, Shard, Sheet, ids_of, write_ledger

    gc.disable()  # as every command does
    read = result_reader(built_in()["alphaedge"])
    digests = json.loads((folder / "digests.json").read_text())

    def sheets():
        for number in range(shards):
            source = LocalFile(path="", sha256="", size=0, requests=0, blake3=digests[number])
            with (folder / f"in-{number}.jsonl").open("rb", buffering=0) as stream:
                sheet = Sheet(ids_of(stream, source))
            sheet.take(RawFile(folder / f"out-{number}.jsonl", "batch", 1), read)
            assert sheet.tally().ok == sheet.tally().total
            yield Shard(sheet, read)
            del sheet

    write_ledger(folder, sheets())


def hand(folder: Path, shards: int) -> None:
    """As one writes it: results by id, then the input line by line."""
    with (folder / "by-hand.jsonl").open("w") as merged:
        for number in range(shards):
            with (folder / f"out-{number}.jsonl").open() as file:
                found = {result["custom_id"]: result for result in map(json.loads, file)}
            with (folder / f"in-{number}.jsonl").open() as file:
                for line in file:
                    merged.write(json.dumps(found[json.loads(line)["custom_id"]]) + "\n")


def main() -> None:
    name, folder, shards = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    begun = time.process_time()
    {"batchrunner": batchrunner, "hand": hand}[name](folder, shards)
    cpu = time.process_time() - begun
    print(json.dumps({"cpu": cpu, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


main()
