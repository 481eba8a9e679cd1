"""A plan that breaks the project's policy is shown, refused, not saved and not sent; what is owed is sent all the same.

BATCHRUNNER_UPDATE_GOLDENS=1 writes tests/golden/policy anew.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.cli import PROJECT, Desk, check_golden, provided, request_lines, steady

import batchrunner
from batchrunner.errors import Refused
from batchrunner.plans import Plan, sealed
from batchrunner.records import decode, pretty

GOLDEN = Path(__file__).parents[1] / "golden" / "policy"
NIGHT = ("--at", "2026-11-22T02:30:00Z")
PLAN = ("plan", "s.yaml", *NIGHT)
APPLY = ("apply", "s.yaml", *NIGHT)
PRICES = "prices: {m: {input: 100000, output: 0}, dear: {input: 1000000}}"
SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings, metadata: {team: search}}
batches:
  - {name: rows, input: data/rows.jsonl}
"""
RULES = {
    "max_cost_usd": "max_cost_usd: 0.05",
    "max_requests": "max_requests: 1",
    "allowed_models": 'allowed_models: ["gpt-*", other]',
    "allowed_endpoints": "allowed_endpoints: [/v1/chat/completions]",
    "required_metadata": "required_metadata: [team, owner]",
}


def governed(desk: Desk, policy: str, spec: str = SPEC) -> Desk:
    """`desk` with a price for the model of its rows, and a policy."""
    desk.write("s.yaml", spec)
    desk.write("batchrunner.yaml", PROJECT.replace("{retry:", f"{{{PRICES}, retry:") + f"policy: {{{policy}}}\n")
    return desk


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_told_in_every_form(desk: Desk, rule: str) -> None:
    governed(desk, RULES[rule])
    text, markdown, document = desk.run(*PLAN), desk.run(*PLAN, "--format", "markdown"), desk.run(*PLAN, "--json")

    assert {text.code, markdown.code, document.code} == {1}
    assert [refusal["rule"] for refusal in document.document["refusals"]] == [rule]
    assert document.err == ""
    assert f"error[policy-refused]: the plan breaks the project's policy: {rule}" in text.err
    shown = "\n".join([text.out, text.err, markdown.out, json.dumps(document.document["refusals"], indent=2), ""])
    digests = re.compile(r"sha256:[0-9a-f]{64}")
    check_golden(GOLDEN / f"{rule}.txt", digests.sub("sha256:…", steady(shown, desk.folder)))


@pytest.mark.parametrize("rule", RULES)
def test_a_plan_within_every_limit_is_sent(desk: Desk, rule: str) -> None:
    within = {
        "max_cost_usd": "max_cost_usd: 1000",
        "max_requests": "max_requests: 2",
        "allowed_models": 'allowed_models: ["m*"]',
        "allowed_endpoints": "allowed_endpoints: [/v1/embeddings]",
        "required_metadata": "required_metadata: [team]",
    }
    governed(desk, within[rule])
    assert desk.run(*APPLY, "--sandbox").code == 0


def test_a_refused_plan_is_not_saved(desk: Desk) -> None:
    ran = governed(desk, RULES["max_requests"]).run(*PLAN, "--out", "plan.json")
    assert ran.code == 1
    assert "Saved" not in ran.out + ran.err
    assert "Not saved: a plan that the policy refuses is not written to plan.json.\n" in ran.err
    assert "Refused: nothing is sent." in ran.out
    assert "Plan:" not in ran.out
    assert not (desk.folder / "plan.json").exists()


def test_apply_refuses_before_anything_is_asked_sent_or_written(desk: Desk) -> None:
    with provided(governed(desk, RULES["max_requests"])):
        shown = desk.run(*APPLY, env={"ALPHAEDGE_API_KEY": ""})
        document = desk.run(*APPLY, "--yes", "--json")
        assert (shown.code, document.code) == (1, 1)
        assert "policy[max_requests]: the plan submits 2 requests; the limit is 1." in shown.out
        assert "error[policy-refused]" in shown.err
        assert document.error["code"] == "policy-refused"
        assert document.error["why"].startswith("max_requests: the plan submits 2 requests; the limit is 1.")
        assert desk.posts == 0
        assert not (desk.folder / "s.state.json").exists()


def test_a_saved_plan_is_held_to_the_policy_of_now(desk: Desk) -> None:
    with provided(governed(desk, "max_requests: 2")):
        assert desk.run(*PLAN, "--out", "plan.json").code == 0
        governed(desk, "max_requests: 1")
        refused = desk.run("apply", "plan.json")
        assert refused.code == 1
        assert "policy[max_requests]" in refused.out
        assert desk.posts == 0
        governed(desk, "max_requests: 2")
        assert desk.run("apply", "plan.json").code == 0
        governed(desk, "max_requests: 1")
        again = desk.run("apply", "plan.json")
        assert (again.code, "applied already" in again.out) == (0, True)


def resealed(desk: Desk, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit every change of the plan, as somebody would who knows how plans are sealed."""
    document = json.loads(desk.read("plan.json"))
    for change in document["changes"]:
        edit(change)
    plan = decode(json.dumps(document).encode(), Plan, what="plan")
    desk.write("plan.json", pretty(sealed(plan)))


@pytest.mark.parametrize(
    ("policy", "edit", "code"),
    [
        ("max_cost_usd: 0.05", lambda change: change["estimate"].update(cost_low=0.0, cost_high=0.0), "policy-refused"),
        ("max_requests: 1", lambda change: change["source"].update(requests=1), "plan-altered"),
        ("allowed_models: [other]", lambda change: change["source"].update(models=["other"]), "plan-altered"),
    ],
)
def test_a_saved_plan_is_not_believed_where_a_rule_depends_on_it(
    desk: Desk, policy: str, edit: Callable[[dict[str, Any]], None], code: str
) -> None:
    with provided(governed(desk, "max_requests: 2")):
        assert desk.run(*PLAN, "--out", "plan.json").code == 0
        resealed(desk, edit)
        governed(desk, policy)
        ran = desk.run("apply", "plan.json", "--json")
        assert (ran.error["code"], desk.posts) == (code, 0)


def test_a_file_at_the_provider_costs_what_nobody_knows_whatever_a_plan_says(desk: Desk) -> None:
    spec = SPEC.replace("input: data/rows.jsonl", "input_file_id: file-abc")
    known = {"input_tokens": 1, "output_tokens": 1, "counted_by": "me", "cost_low": 0.0, "cost_high": 0.0}
    with provided(governed(desk, "max_requests: 2, allow_unknown: true", spec)):
        assert desk.run(*PLAN, "--out", "plan.json").code == 0
        resealed(desk, lambda change: change.update(estimate=known))
        governed(desk, "max_cost_usd: 0.05", spec)
        ran = desk.run("apply", "plan.json", "--json")
        assert (ran.error["code"], desk.posts) == ("policy-refused", 0)


@pytest.mark.parametrize("target", ["s/*", "s/rows#2"])
def test_shards_of_a_saved_plan_cost_what_they_did_when_it_was_made(desk: Desk, target: str) -> None:
    table = "{rows: data/rows.csv, custom_id: 'x-${row.id}', body: {model: m, input: '${row.text}'}}"
    spec = SPEC.replace("rows.jsonl", "rows.jsonl, shard: {max_requests: 2}")
    spec += f"  - {{name: table, input: {table}, shard: {{max_requests: 2}}}}\n"
    desk.write("data/rows.jsonl", request_lines(*"abcde"))
    desk.write("data/rows.csv", "id,text\n" + "".join(f"{number},{'word ' * number}\n" for number in range(5)))
    with provided(governed(desk, "max_cost_usd: 1000000", spec)):
        made = desk.run(*PLAN, "--target", target, "--json").document
        most = sum(change["estimate"]["cost_high"] for change in made["changes"])
        governed(desk, f'max_cost_usd: {most}, max_requests: 10, allowed_models: ["m"]', spec)
        assert desk.run(*PLAN, "--target", target, "--out", "plan.json").code == 0
        ran = desk.run("apply", "plan.json")
        assert (ran.code, len(desk.ledger.batches())) == (0, len(made["changes"]))


def test_what_is_owed_is_sent_whatever_the_policy_says_by_now(desk: Desk) -> None:
    with provided(governed(desk, "max_requests: 2"), "create:drop-after-commit=first") as shop:
        shop.write(
            "batchrunner.yaml", shop.read("batchrunner.yaml").replace("{base_seconds", "{attempts: 1, base_seconds")
        )
        assert shop.run(*APPLY).code == 3
        shop.write("batchrunner.yaml", shop.read("batchrunner.yaml").replace("max_requests: 2", "max_requests: 1"))
        carried_on = shop.run(*APPLY)
        assert (carried_on.code, "1 submitted" in carried_on.out) == (0, True)
        assert len(shop.ledger.batches()) == 1


def test_only_what_is_submitted_counts(desk: Desk) -> None:
    more = SPEC + "  - {name: more, input: data/more.jsonl}\n"
    governed(desk, "max_requests: 2")
    assert desk.run(*APPLY, "--sandbox").code == 0
    desk.write("data/more.jsonl", request_lines("three", "four"))
    governed(desk, "max_requests: 2", spec=more)
    assert desk.run(*APPLY, "--sandbox").code == 0


def test_python_raises_what_the_command_line_refuses(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(governed(desk, RULES["allowed_models"]).folder)
    workspace = batchrunner.load("s.yaml", sandbox=True)
    assert [refusal.rule for refusal in batchrunner.plan(workspace).refusals] == ["allowed_models"]
    with pytest.raises(Refused) as caught:
        batchrunner.apply(workspace)
    assert caught.value.code == "policy-refused"
    assert "s/rows asks for `m`; allowed: `gpt-*`, `other`." in caught.value.why
    assert not list(desk.folder.glob("*.state.json"))


def test_a_file_at_the_provider_is_unknown_and_may_be_allowed(desk: Desk) -> None:
    spec = SPEC + "  - {name: there, input_file_id: file-abc}\n"
    limits = 'max_cost_usd: 1000, max_requests: 10, allowed_models: ["*"]'
    refused = governed(desk, limits, spec=spec).run(*PLAN, "--json")
    assert [each["rule"] for each in refused.document["refusals"]] == ["max_cost_usd", "max_requests", "allowed_models"]
    assert governed(desk, f"{limits}, allow_unknown: true", spec=spec).run(*PLAN).code == 0


def test_a_price_list_that_is_not_installed_is_named_where_a_price_is_unknown(desk: Desk) -> None:
    governed(desk, "max_cost_usd: 1000").write("batchrunner.yaml", "policy: {max_cost_usd: 1000}\n")
    gone = "import sys; sys.modules['genai_prices'] = None; from batchrunner.cli import main; main()"
    ran = desk.run_script([sys.executable, "-c", gone, *PLAN, "--json"])
    (refusal,) = ran.document["refusals"]
    assert (
        refusal["message"].partition(". ")[2].startswith("No price list is installed: pip install 'batchrunner[cost]'")
    )


def loaded(desk: Desk, *arguments: str) -> set[str]:
    """The modules that a command imports."""
    ran = desk.run_script([sys.executable, "-X", "importtime", "-m", "batchrunner", *arguments])
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.err.splitlines() if "|" in line}


def test_prices_are_loaded_only_for_what_would_be_sent(desk: Desk) -> None:
    lists = {"genai_prices", "httpx2"}
    desk.write("s.yaml", SPEC)
    assert lists <= loaded(desk, *PLAN)
    assert not lists & loaded(desk, "validate", "s.yaml")
    assert desk.run(*APPLY, "--sandbox").code == 0
    assert not lists & loaded(desk, *PLAN, "--sandbox")
    desk.write("there.yaml", "batches: [{name: a, input_file_id: file-abc, endpoint: /v1/embeddings}]\n")
    assert not lists & loaded(desk, "plan", "there.yaml")
    governed(desk, "max_requests: 10")
    assert not lists & loaded(desk, *PLAN)
