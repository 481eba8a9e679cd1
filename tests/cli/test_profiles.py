"""`--profile`: other providers and rules by name, and a state that nothing of production is in."""

from pathlib import Path
from typing import Any

import pytest
from support.cli import KEY, Desk
from support.projects import mistakes

PROFILES = """\
project: acme
providers:
  alphaedge: {retry: {base_seconds: 0.001, cap_seconds: 0.01}}
  in-house: {dialect: openai, base_url: "https://llm.internal", api_key: {env: IN_HOUSE}, limits: {max_requests: 7}}
policy: {max_requests: 5, allowed_models: [m], allow_unknown: true}
profiles:
  dev:
    policy: {allowed_models: [m, n]}
    providers:
      in-house: {base_url: "https://dev.internal", api_key: {file: dev.key}}
  own:
    project: acme-own
    state: {url: "file:own"}
  none: {}
"""


@pytest.fixture
def shop(shop: Desk) -> Desk:
    shop.write("batchrunner.yaml", PROFILES)
    return shop


def keys_in(state: dict[str, Any]) -> set[str]:
    return {
        attempt["intent"]["idempotency_key"]
        for runs in state["batches"].values()
        for attempts in runs.values()
        for attempt in attempts
    }


def test_a_profile_marks_nothing_of_production_as_submitted(shop: Desk) -> None:
    assert shop.run("apply", "s.yaml", "--profile", "dev", "--run-key", "day-1").code == 0
    assert not (shop.folder / "s.state.json").exists()
    plan = shop.run("plan", "s.yaml", "--json", "--run-key", "day-1").document
    assert {change["action"] for change in plan["changes"]} == {"submit"}
    again = shop.run("plan", "s.yaml", "--json", "--run-key", "day-1", env={"BATCHRUNNER_PROFILE": "dev"}).document
    assert {change["action"] for change in again["changes"]} == {"unchanged"}


def test_the_keys_of_a_profile_are_its_own_but_where_it_says_whose(shop: Desk) -> None:
    for profile in ((), ("--profile", "dev"), ("--profile", "own")):
        assert shop.run("apply", "s.yaml", *profile, "--run-key", "day-1").code == 0
    states = [keys_in(shop.state(name)) for name in ("s.state.json", "s.dev.state.json", "own/s.state.json")]
    assert len(set().union(*states)) == sum(map(len, states)) == 6
    assert len(shop.ledger.batches()) == 6
    shop.write("batchrunner.yaml", PROFILES.replace("acme-own", "acme"))
    (shop.folder / "own" / "s.state.json").unlink()
    assert shop.run("apply", "s.yaml", "--profile", "own", "--run-key", "day-1").code == 0
    # The provider knows the key, and answers with the batch of production: one project, said on purpose.
    assert keys_in(shop.state("own/s.state.json")) == states[0]
    assert len(shop.ledger.batches()) == 6


def test_states_are_found_by_profile(shop: Desk) -> None:
    for flags in (("--profile", "dev"), ("--profile", "own"), ("--profile", "dev", "--sandbox")):
        assert shop.run("apply", "s.yaml", *flags).code == 0
    refused = shop.run("state", "list")
    assert (refused.code, "no state in specs/ and this folder" in refused.err) == (1, True), refused.err
    assert "ready" in shop.run("state", "list", "--profile", "dev").out
    assert "ready" in shop.run("status", "--profile", "own").out
    assert "ready" in shop.run("status", "s.yaml", "--profile", "dev").out
    assert (shop.folder / "s.dev.sandbox.state.json").exists()
    assert "ready" in shop.run("state", "list", "--profile", "dev", "--sandbox").out
    assert shop.run("apply", "s.yaml", "--run-key", "of-production").code == 0
    for where in ((), ("--state", ".")):
        assert "of-production" in (listed := shop.run("state", "list", *where).out)
        assert listed.count("s/ready") == 1
    refused = shop.run("state", "list", "--profile", "none")
    assert "no state of the profile none" in refused.err


def test_a_state_that_is_named_is_set_apart_too(shop: Desk) -> None:
    for flags in ((), ("--profile", "dev")):
        assert shop.run("apply", "s.yaml", *flags, "--state", "kept/one.state.json").code == 0
        assert shop.run("apply", "s.yaml", *flags, env={"BATCHRUNNER_STATE": "file:folder"}).code == 0
    assert sorted(path.name for path in shop.folder.glob("*/*.state.json")) == [
        "one.dev.state.json", "one.state.json", "s.dev.state.json", "s.state.json",
    ]  # fmt: skip
    # As advice names it: with the state as it is, and the profile.
    for named in ("kept/one.dev.state.json", "kept/one.state.json"):
        listed = shop.run("state", "list", "--state", named, "--profile", "dev", "--json").document
        ids = {attempt["batch_id"] for attempt in listed["attempts"]}
        assert ids
        assert all(each in shop.read("kept/one.dev.state.json") for each in ids)
    # What the environment says for all of CI is no state of the profile's, which has its own.
    assert shop.run("apply", "s.yaml", "--profile", "own", env={"BATCHRUNNER_STATE": "file:folder"}).code == 0
    assert (shop.folder / "folder" / "s.own.state.json").exists()


def test_advice_keeps_the_profile(shop: Desk) -> None:
    assert shop.run("apply", "s.yaml", "--profile", "dev", "--run-key", "a").code == 0
    shop.write("data/rows.jsonl", (shop.folder / "data/rows.jsonl").read_text().replace("words", "others"))
    blocked = shop.run("plan", "s.yaml", "--profile", "dev", "--run-key", "a")
    assert "apply s.yaml --profile dev" in blocked.out
    assert "--profile dev" in shop.run("state", "show", "s/nope", "--profile", "dev").err


def test_a_saved_plan_is_applied_with_its_profile(shop: Desk) -> None:
    assert shop.run("plan", "s.yaml", "--profile", "dev", "--out", "p.json").code == 0
    assert shop.run("plan", "s.yaml", "--out", "q.json").code == 0
    for plan, profile in (("p.json", "own"), ("q.json", "dev")):
        refused = shop.run("apply", plan, "--json", env={"BATCHRUNNER_PROFILE": profile})
        assert (refused.code, refused.error["code"]) == (64, "plan-is-fixed")
    assert shop.posts == 0
    assert shop.run("apply", "p.json").code == 0
    assert (shop.folder / "s.dev.state.json").exists()
    assert not (shop.folder / "s.state.json").exists()
    assert shop.run("apply", "p.json", "--profile", "dev").code == 0


def test_what_a_profile_says_is_laid_over_the_rest(shop: Desk) -> None:
    spec = "batches:\n  - {name: a, provider: in-house, endpoint: /v1/embeddings, input: data/rows.jsonl}\n"
    shop.write("t.yaml", spec)
    shop.write("data/rows.jsonl", (shop.folder / "data/rows.jsonl").read_text().replace('"m"', '"n"'))
    assert "model" in shop.run("plan", "t.yaml").err
    assert shop.run("plan", "t.yaml", "--profile", "dev").code == 0
    missing = shop.run("apply", "t.yaml", "--profile", "dev", env={"IN_HOUSE": KEY})
    assert (missing.code, "dev.key" in missing.err) == (1, True), missing.err


@pytest.mark.parametrize("command", ["plan s.yaml", "validate s.yaml", "status", "state list", "recover s.yaml", "gc"])
def test_an_unknown_profile_is_none(shop: Desk, command: str) -> None:
    refused = shop.run(*command.split(), "--json", "--profile", "dve")
    assert (refused.code, refused.error["code"]) == (64, "unknown-profile")
    assert "did you mean `dev`?" in refused.error["hint"]
    (shop.folder / "batchrunner.yaml").unlink()
    refused = shop.run(*command.split(), "--json", "--profile", "dev")
    assert (refused.code, refused.error["code"]) == (64, "unknown-profile")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("profiles: {sandbox: {}}", "cannot be called `sandbox`"),
        ("profiles: {Dev: {}}", "not a valid key of `profiles`"),
        ("profiles: {a.b: {}}", "not a valid key of `profiles`"),
        ("profiles: {dev: {version: 1}}", "unknown key `version`"),
        ("profiles: {dev: {profiles: {}}}", "unknown key `profiles`"),
        ("profiles: {dev: {providers: {new: {dialect: openai}}}}", "`base_url` is missing"),
        ("profiles: {dev: {providers: {openai: {base_url: 'http://x'}}}}", "must start with https://"),
        ("profiles: {dev: {state: {url: 's3://x/y'}}}", "not in this version"),
        ("profiles: [dev]", "must be a mapping"),
    ],
)
def test_profiles_are_checked_whichever_is_in_force(tmp_path: Path, text: str, words: str) -> None:
    assert [each for each in mistakes(tmp_path, text) if words in each.message]


def test_a_key_written_into_a_profile_is_shown_nowhere(shop: Desk) -> None:
    shop.write("project.key", f"profiles:\n  dev:\n    providers:\n      openai: {{api_key: {KEY}}}\n")
    refused = shop.run("validate", "s.yaml", "--project", "project.key")
    assert (refused.code, "literal-secret" in refused.err) == (1, True)


OTHER = "batches: [{name: other, input_file_id: file-xyz, endpoint: /v1/embeddings}]\n"


def test_no_state_is_that_of_two_specs(shop: Desk) -> None:
    """As it would be, were one spec called as the other is in a profile, or in the sandbox."""
    for name, flags in (("s.dev.yaml", ("--profile", "dev")), ("s.sandbox.yml", ("--sandbox",))):
        shop.write(name, OTHER)
        for words in ((name,), ("s.yaml", *flags)):
            refused = shop.run("apply", *words, "--json")
            assert (refused.code, refused.error["code"]) == (1, "state-of-two-specs")
        assert shop.run("plan", "s.yaml").code == 0
        assert shop.run("apply", name, "--state", f"{name}.json").code == 0
        (shop.folder / name).unlink()


def test_a_profile_with_a_state_of_its_own_is_in_nobodys_way(shop: Desk) -> None:
    shop.write("s.own.yaml", OTHER)
    for words in (("s.own.yaml",), ("s.yaml", "s.own.yaml", "--profile", "own")):
        assert shop.run("plan", *words).code == 0
    refused = shop.run("plan", "s.own.yaml", "--state", "states", "--json")
    assert (refused.code, refused.error["code"]) == (1, "state-of-two-specs")


def test_a_state_that_another_spec_has_already_is_not_shared(shop: Desk) -> None:
    states = ("--state", "states")
    shop.write("other/s.dev.yaml", OTHER)
    assert shop.run("apply", "other/s.dev.yaml", *states).code == 0
    refused = shop.run("apply", "s.yaml", "--profile", "dev", *states, "--json")
    assert (refused.code, refused.error["code"]) == (1, "state-of-two-specs")
    assert list(shop.state("states/s.dev.state.json")["batches"]) == ["s.dev/other"]


def test_what_is_paid_for_is_never_kept_as_a_trial(shop: Desk) -> None:
    """A state of the sandbox is thrown away, and no repository that `init` made has it in git."""
    shop.write("alone.sandbox.yaml", OTHER)
    refused = shop.run("apply", "alone.sandbox.yaml", "--json")
    assert (refused.code, refused.error["code"], shop.ledger.batches()) == (1, "state-of-two-specs", [])
    assert shop.run("apply", "alone.sandbox.yaml", "--sandbox").code == 0
