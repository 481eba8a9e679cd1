"""Checks the request lines in `argv[2]`: with `batchrunner`, or no more than reading them as JSON, by `hand`."""

import json
import resource
import sys
from time import perf_counter, process_time


def with_batchrunner(path: str) -> int:
    from batchrunner.catalog import ALPHAEDGE
    from batchrunner.inputs import scan_lines
    from batchrunner.linerules import LineRules
    from batchrunner.sharder import Sharding

    with open(path, "rb", buffering=0) as file:
        endpoint = json.loads(file.readline())["url"]
        file.seek(0)
        rules, sharding = LineRules.of(endpoint, ALPHAEDGE), Sharding.of(ALPHAEDGE.limits, shard=None)
        begin()
        scan = scan_lines(file, path=path, shown=path, rules=rules, sharding=sharding)
    if scan.diagnostics:
        raise SystemExit(f"not sound: {scan.diagnostics[0]}")
    return scan.requests


def by_hand(path: str) -> int:
    begin()
    count = 0
    with open(path, "rb") as file:
        for line in file:
            json.loads(line)
            count += 1
    return count


def begin() -> None:
    """Imports are over: what is counted begins."""
    global wall, cpu
    wall, cpu = perf_counter(), process_time()


wall = cpu = 0.0
check = {"batchrunner": with_batchrunner, "hand": by_hand}[sys.argv[1]]
lines = check(sys.argv[2])
used = {"wall": perf_counter() - wall, "cpu": process_time() - cpu}
print(json.dumps({**used, "lines": lines, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
