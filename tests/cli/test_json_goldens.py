"""What each command writes with `--json`, kept by version: a change that was not meant is seen.

BATCHRUNNER_UPDATE_GOLDENS=1 writes tests/golden/json anew. A golden is kept for good once its version was released:
what is added comes with a new minor version, in a folder of its own.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.cli import Desk, Ran, check_golden, provided, request_lines, steady
from support.fetching import served
from support.schemas import faults_of

from batchrunner.outputs import FORMAT_VERSION
from batchrunner.outputschemas import names

GOLDEN = Path(__file__).parents[1] / "golden" / "json"
NIGHT = ("--run-key", "2026-11-22")
UNSTEADY = {"at", "plan_id", "tool_version", "left", "age", "ended", "seen", "wait", "seconds", "made_of", "version"}
_DIGEST = re.compile(r"^(sha256:|blake3:)?[0-9a-f]{64}$")


def shown(value: Any, key: str = "") -> Any:
    """`value` without what differs from run to run."""
    if isinstance(value, dict):
        return {name: shown(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [shown(each) for each in value]
    if key.endswith("_at") and isinstance(value, int):
        return "<time>"
    if key in UNSTEADY and value not in (None, "", 0):
        return f"<{key}>"
    return "<digest>" if isinstance(value, str) and _DIGEST.match(value) else value


def check(name: str, ran: Ran, desk: Desk) -> None:
    documents = ran.events if ran.is_stream else [ran.document]
    for each in documents:
        if each.get("command") == "history":  # by times that differ less than clocks do
            each["events"].sort(key=lambda event: (event["attempt"], event["event"]))
    text = "".join(json.dumps(shown(each), indent=1, ensure_ascii=False) + "\n" for each in documents)
    folder = GOLDEN / FORMAT_VERSION
    folder.mkdir(parents=True, exist_ok=True)
    check_golden(folder / f"{name}.json", steady(text, desk.folder))


def test_a_life_in_documents(desk: Desk) -> None:
    desk.write(
        "s.yaml", "run: {once_per: day}\nbatches:\n  - {name: rows, endpoint: /v1/embeddings, input: rows.jsonl}\n"
    )
    desk.write("rows.jsonl", request_lines("one", "two-sandbox-fail-400"))
    desk.write("broken.yaml", "batches: [{name: UPPER}]\n")

    def run(name: str, *arguments: str) -> None:
        check(name, desk.run(*arguments, "--json"), desk)

    with served(desk):
        run("init", "init", "new")
        run("validate", "validate", "s.yaml")
        run("validate-error", "validate", "broken.yaml")
        run("plan", "plan", "s.yaml", *NIGHT, "--out", "plan.json")
        run("show", "show", "plan.json")
        run("render", "render", "s.yaml", "s/rows")
        run("apply-error", "apply", "broken.yaml")
        run("apply", "apply", "plan.json")
        run("apply-again", "apply", "s.yaml", *NIGHT)
        run("wait", "wait", "s.yaml")
        run("status", "status", "s.yaml")
        run("fetch", "fetch", "s.yaml", "--allow-errors")
        run("retry-nothing", "retry", "s.yaml")
        run("retry", "retry", "s.yaml", "--force")
        run("cancel", "cancel", "s/rows", "--yes")
        run("runs", "runs", "s.yaml", "--at", "2026-11-23T01:00:00Z")
        run("history", "history", "s/rows")
        run("gc", "gc", "--yes")
        run("recover", "recover", "s.yaml", *NIGHT, "--yes")
        run("resolve-error", "resolve", "s/rows", "--absent")
        run("state-list", "state", "list")
        run("state-show", "state", "show", "s/rows", *NIGHT)
        run("state-mv", "state", "mv", "s/rows", "s/other")
        run("state-rm", "state", "rm", "s/other", "--yes")
        run("state-import", "state", "import", "s/rows", desk.ledger.batches()[0]["id"], *NIGHT)
    run("state-unlock", "state", "unlock")
    desk.write("s.state.journal.jsonl", "damage\nand more\n")
    run("state-repair", "state", "repair", "--yes")


def test_a_summary(desk: Desk) -> None:
    with provided(desk):
        desk.run("apply", "s.yaml", *NIGHT, "--summary", "summary.json")
    assert not list(faults_of("summary", json.loads(desk.read("summary.json"))))
    check("summary", Ran(0, desk.read("summary.json"), ""), desk)


def test_a_state(desk: Desk) -> None:
    with provided(desk):
        desk.run("apply", "s.yaml", *NIGHT, "--concurrency", "1")
    assert not list(faults_of("state", desk.state()))
    text = re.sub(r'"key": ".*"', '"key": "KEY"', json.dumps(shown(desk.state()), indent=1))
    check_golden(GOLDEN / "state-3.json", steady(text + "\n", desk.folder))


@pytest.mark.parametrize("name", [each for each in names() if " " not in each])
def test_each_command_has_a_golden(name: str) -> None:
    without = {"events", "schema", "completion", "state", "explain", "resolve", "doctor"}
    assert name in without or (GOLDEN / FORMAT_VERSION / f"{name}.json").exists()
