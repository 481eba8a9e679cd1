"""Reads the spec `argv[2]` as a user would have it read: `batchrunner`, or `yaml`: PyYAML's fast loader alone."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import process_time


def with_batchrunner(path: str) -> dict[str, float]:
    from batchrunner.loader import load_project, load_specs

    project = load_project(None, Path(path).parent)
    begun = process_time()
    (spec,) = load_specs(
        [path],
        project=project,
        environment={},
        variables={},
        now=datetime.now(UTC),
        run_key=None,
        stdin=sys.stdin.buffer.read,
    )
    return {"cpu": process_time() - begun, "batches": len(spec.batches)}


def with_yaml(path: str) -> dict[str, float]:
    import yaml

    text = Path(path).read_text()
    begun = process_time()
    document = yaml.load(text, yaml.CSafeLoader)
    return {"cpu": process_time() - begun, "batches": len(document["batches"])}


print(json.dumps({"batchrunner": with_batchrunner, "yaml": with_yaml}[sys.argv[1]](sys.argv[2])))
