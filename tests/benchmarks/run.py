"""Benchmarks: what batchrunner costs, as ratios to a yardstick that runs in turn with it on the same machine.

    .venv/bin/python -m tests.benchmarks             all of them, some minutes
    .venv/bin/python -m tests.benchmarks yaml help   some of them
    .venv/bin/python -m tests.benchmarks --rounds 9  more rounds, steadier medians

Real processes, loopback sockets and disks; nothing here is a test, as a busy machine is no defect. CPU is user and
system time; ratios are medians of the ratios of pairs. The yardstick of `creates` needs `pip install openai` and is
skipped without it. State goes to a temporary folder: set TMPDIR to a disk that syncs, a tmpfs would flatter us.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import (
    checking,
    downloading,
    inputs,
    loading,
    polling,
    rendering,
    results,
    sending,
    startup,
    state,
    uploading,
)
from tests.benchmarks.measuring import Row

BENCHMARKS = {
    "version": startup.version,
    "help": startup.helping,
    "validate": startup.validate,
    "beside": startup.beside,
    "yaml": loading.yaml,
    "cache": inputs.cached_plan,
    "inputs": checking.inputs,
    "huge": checking.huge,
    "append": state.append_is_flat,
    "journal": state.journal,
    "plan": state.no_op_plan,
    "client": sending.client,
    "durable": sending.durable,
    "creates": sending.creates,
    "flat": sending.apply_is_flat,
    "upload": uploading.upload,
    "download": downloading.download,
    "rows": rendering.rows,
    "ledger": results.ledger,
    "polling": polling.polling,
}
_LINE = "{:<56} {:>10} {:>10} {:>7} {:>8}  {}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Ratio benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    print(_LINE.format("ours : yardstick", "ours", "yardstick", "ratio", "goal", ""))
    for name in chosen.names or BENCHMARKS:
        with tempfile.TemporaryDirectory() as folder:
            for row in BENCHMARKS[name](Path(folder, name), chosen.rounds):
                print(_shown(row), flush=True)


def _shown(row: Row) -> str:
    if row.skipped:
        return f"{row.name:<56} {row.verdict}"
    goal = "" if row.goal is None else f"{'>=' if row.at_least else '<='} {row.goal:g}"
    return _LINE.format(row.name, row.ours, row.yardstick, f"{row.ratio:.3g}", goal, row.verdict).rstrip()


if __name__ == "__main__":
    main()
