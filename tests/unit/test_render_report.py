"""The end of an apply: counts, failures in words, and the command that goes on."""

import json

import pytest

from batchrunner.events import Failed
from batchrunner.plans import Plan
from batchrunner.render.json import dumps
from batchrunner.render.report import ApplySummary, apply_document, apply_text

COMMAND = "batchrunner apply specs/nightly.yaml"


def failed(outcome: str, address: str = "nightly/a[lang=en]", **fields: str | int) -> Failed:
    return Failed(address=address, run_key="day:2026-11-22", outcome=outcome, code="some-code", **fields)  # type: ignore[arg-type]


def summary(*failures: Failed, **fields: object) -> ApplySummary:
    known = {"submitted": 6, "unchanged": 1, "states": (("specs/nightly.state.json", 18),), "command": COMMAND}
    return ApplySummary(failed=failures, **{**known, **fields})  # type: ignore[arg-type]


def test_a_clean_end_is_one_line() -> None:
    assert apply_text(summary()) == ("Applied: 6 submitted, 1 unchanged, 0 failed. State specs/nightly.state.json #18.")


def test_in_doubt_names_both_ways_out_with_the_address_quoted() -> None:
    text = apply_text(summary(failed("in-doubt")))
    assert "nobody knows whether the provider has it (some-code)" in " ".join(text.split())
    assert "The next apply settles what is in doubt" in text
    assert "      batchrunner resolve 'nightly/a[lang=en]' --adopt BATCH_ID" in text.split("\n")


def test_what_another_apply_would_only_hold_is_looked_for_at_the_provider() -> None:
    resolve = "batchrunner resolve a --state s.json --adopt BATCH_ID"
    held = {"resolve": {"nightly/a": resolve}, "held": {"nightly/a": "file-9a"}}
    known = summary(failed("in-doubt", "nightly/a"), **held)
    text = apply_text(known)
    assert "    look at the provider for a batch of the input file-9a\n      " + resolve in text
    assert "only held by the next apply" in " ".join(text.split())
    assert COMMAND not in text
    assert apply_document(Plan(created_at="", tool_version="", specs=(), changes=()), known)["next"] == resolve
    both = apply_text(summary(failed("in-doubt", "nightly/a"), failed("deferred", "nightly/b"), **held))
    assert both.endswith(f"To go on:\n  {COMMAND}")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("rejected", "Fix what the provider says"),
        ("denied", "Check the provider's API key"),
        ("deferred", "put off, nothing was created"),
        ("of-tomorrow", "of-tomorrow"),
    ],
)
def test_every_outcome_says_what_to_do_and_how_to_go_on(outcome: str, said: str) -> None:
    text = apply_text(summary(failed(outcome)))
    assert said in " ".join(text.split())
    assert all(len(line) <= 80 for line in text.split("\n"))
    assert text.endswith(f"To go on:\n  {COMMAND}")


def test_the_providers_words_are_shown_cut_and_harmless() -> None:
    words = "no\x1b[2J such\n::error::file " + "x" * 10_000
    text = apply_text(summary(failed("rejected", words=words, status=400)))
    assert "(some-code, HTTP 400)" in text
    assert "\x1b" not in text
    assert not [line for line in text.split("\n") if line.lstrip().startswith("::")]
    assert len(text) < 1200


def test_what_was_not_started_is_counted() -> None:
    text = apply_text(summary(left=3, interrupted=True))
    assert text.startswith("Interrupted: 6 submitted, 1 unchanged, 0 failed, 3 not started.")
    assert text.endswith(COMMAND)


def test_who_interrupted_when_all_was_done_has_nothing_to_go_on_with() -> None:
    done = summary(interrupted=True)
    assert apply_text(done) == "Interrupted: 6 submitted, 1 unchanged, 0 failed.\n  State specs/nightly.state.json #18."
    assert apply_document(Plan(created_at="", tool_version="", specs=(), changes=()), done)["next"] == ""
    assert apply_text(summary(interrupted=True, stranded=True)).endswith(f"To go on:\n  {COMMAND}")


def test_thousands_of_failures_are_fifty_lines() -> None:
    text = apply_text(summary(*(failed("deferred", f"nightly/b{i}") for i in range(5000))))
    assert text.count("nightly/b") == 50
    assert "… and 4,950 more failed" in text
    assert "5,000 failed" in text.split("\n")[0]


def test_many_states_are_not_all_named() -> None:
    states = tuple((f"s{i}.state.json", i) for i in range(9))
    assert apply_text(summary(states=states)).endswith(
        "State s0.state.json #0, s1.state.json #1, s2.state.json #2 and 6 more."
    )


def test_the_document_has_it_all() -> None:
    plan = Plan(created_at="", tool_version="", plan_id="sha256:1", specs=(), changes=())
    document = json.loads(
        dumps(apply_document(plan, summary(failed("rejected", words="\u202eno", status=400), left=2)))
    )
    assert document["format_version"] == "1.0"
    assert document["command"] == "apply"
    assert (document["plan_id"], document["submitted"], document["left"]) == ("sha256:1", 6, 2)
    assert document["states"] == [{"state": "specs/nightly.state.json", "serial": 18}]
    assert document["failed"] == [
        {
            "address": "nightly/a[lang=en]",
            "run_key": "day:2026-11-22",
            "outcome": "rejected",
            "code": "some-code",
            "status": 400,
            "words": "\u202eno",
        }
    ]
    assert document["next"] == COMMAND
    assert apply_document(plan, summary())["next"] == ""


def test_only_an_answer_is_what_the_provider_said() -> None:
    assert '    provider: "bad model"\n' in apply_text(summary(failed("rejected", words="bad model", status=400)))
    assert "\n    no connection to h\n" in apply_text(summary(failed("deferred", words="no connection to h")))
