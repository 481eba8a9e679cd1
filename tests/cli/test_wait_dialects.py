"""Submit, leave, wait: at every provider that is built in, as the sandbox speaks it."""

import json

import pytest
from support.cli import KEY, Desk
from support.waiting import served

from batchrunner.sandbox import Timings

ENDPOINTS = {"anthropic": "/v1/messages", "azure": "/chat/completions"}
BODY = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "words"}]}


def line(dialect: str, custom_id: str, endpoint: str) -> str:
    """A request line in the form that the dialect takes."""
    if dialect == "anthropic":
        return json.dumps({"custom_id": custom_id, "params": BODY}) + "\n"
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": endpoint, "body": BODY}) + "\n"


@pytest.mark.parametrize("dialect", ["openai", "azure", "groq", "mistral", "together", "anthropic"])
def test_what_was_submitted_is_waited_for_with_one_walk_a_cycle(empty: Desk, dialect: str) -> None:
    endpoint = ENDPOINTS.get(dialect, "/v1/chat/completions")
    with served(empty, dialect=dialect, timings=Timings(in_progress=1)) as desk:
        facts = {
            "base_url": desk.env["ALPHAEDGE_BASE_URL"],
            "api_key": {"env": "THE_KEY"},
            "polling": {"base_seconds": 0.1, "cap_seconds": 0.3},
        }
        desk.write("batchrunner.yaml", json.dumps({"providers": {dialect: facts}}))
        batches = [{"name": name, "input": f"{name}.jsonl"} for name in ("one", "two")]
        spec = {"defaults": {"provider": dialect, "endpoint": endpoint}, "batches": batches}
        desk.write("s.yaml", json.dumps(spec))
        for name in ("one", "two"):
            desk.write(f"{name}.jsonl", line(dialect, name, endpoint))
        desk.env["THE_KEY"] = KEY
        applied = desk.run("apply", "s.yaml", "-q")
        assert applied.code == 0, applied
        ran = desk.run("wait", "--timeout", "30", "--json")
        asked = desk.ledger.requests()

    assert (ran.code, ran.document["counts"]) == (0, {"completed": 2})
    if dialect != "together":  # whose batches say no counts
        assert [each["counts"] for each in ran.document["batches"]] == [{"total": 1, "completed": 1, "failed": 0}] * 2
    assert asked["looks"] <= 1, "only where the list shows that one of them has ended, the other is looked at alone"
    assert asked["surveys"] >= 1
