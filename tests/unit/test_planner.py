"""What a plan does with what is wanted and what is known."""

from datetime import timedelta
from typing import Any

import pytest
from support.builders import (
    DAY,
    LINEAGE,
    NOW,
    ORIGIN,
    around,
    attempt,
    cut,
    desired,
    facts,
    intent,
    local,
    remote,
    state_of,
    table,
)

from batchrunner.digest import idempotency_key
from batchrunner.errors import Refused
from batchrunner.manifest import LocalFile
from batchrunner.planner import Desired, not_replaced, plan_changes
from batchrunner.plans import Blocked, Change, Orphan, Replace, Resume, Submit, Unchanged
from batchrunner.records import replace
from batchrunner.state import Attempt, Entry, State

OTHER_DAY = "day:2026-11-21"
A = "nightly/a"


def changes(wanted: list[Desired], state: State | None = None, **choices: Any) -> tuple[Change, ...]:
    return plan_changes("nightly", "specs/nightly.yaml", wanted, state or State(LINEAGE), around(**choices))


def only(wanted: list[Desired], state: State | None = None, **choices: Any) -> Change:
    (change,) = changes(wanted, state, **choices)
    return change


def verdict(*attempts: Attempt, wanted: Desired | None = None, **choices: Any) -> tuple[str, str]:
    change = only([wanted or desired()], state_of(*attempts), **choices)
    return type(change).__name__.lower(), change.reason


# What is new.


def test_a_new_batch_is_submitted() -> None:
    change = only([desired(source=local(), metadata={"team": "x"})])
    assert change == Submit(
        address=A,
        run_key=DAY,
        reason="new",
        attempt=1,
        idempotency_key=idempotency_key("acme", "nightly", A, DAY, 1),
        fingerprint=desired(source=local()).fingerprint,
        provider="p",
        origin=ORIGIN,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        source=local(),
        metadata={"team": "x"},
    )


def test_batches_keep_their_order() -> None:
    names = ["nightly/c", "nightly/a", "nightly/b"]
    assert [change.address for change in changes([desired(name) for name in names])] == names


def test_the_project_is_part_of_the_key() -> None:
    keys = {only([desired()], project=project).idempotency_key for project in ("", "acme", "other")}  # type: ignore[union-attr]
    assert len(keys) == 3


# What is submitted.


def test_a_submitted_batch_is_unchanged() -> None:
    assert only([desired()], state_of(attempt())) == Unchanged(
        address=A, run_key=DAY, reason="already-submitted", batch_id="batch-1", submitted_at=NOW.isoformat()
    )


def test_words_do_not_cost_money() -> None:
    assert verdict(attempt(), wanted=desired(metadata={"team": "new"})) == ("unchanged", "metadata-differs")


@pytest.mark.parametrize(
    ("before", "after", "explained"),
    [
        (table("one"), table("two"), "rows of data/t.csv changed (rendered lines {} -> {})"),
        (
            table("one"),
            table("two", "${row.title}"),
            "template for the rows of data/t.csv changed (rendered lines {} -> {})",
        ),
        (
            table("one"),
            table("two", path="data/u.csv"),
            "input rows of data/t.csv (rendered lines {}) -> rows of data/u.csv (rendered lines {})",
        ),
        (local("one"), table("two"), "input data/a.jsonl ({}) -> rows of data/t.csv (rendered lines {})"),
    ],
)
def test_of_a_table_the_template_is_told_from_the_rows(before: LocalFile, after: LocalFile, explained: str) -> None:
    change = only([desired(source=after)], state_of(attempt(wanted=desired(source=before))))
    assert isinstance(change, Blocked)
    assert change.explanation == explained.format(before.sha256[:19], after.sha256[:19])


def test_an_endpoint_is_not_told_as_another_template() -> None:
    elsewhere = desired(source=table("two", url="/v1/embeddings"), endpoint="/v1/embeddings")
    change = only([elsewhere], state_of(attempt(wanted=desired(source=table("one")))))
    assert isinstance(change, Blocked)
    assert change.explanation == "endpoint /v1/chat/completions -> /v1/embeddings"


@pytest.mark.parametrize(
    ("wanted", "explained"),
    [
        (desired(source=remote("file-2")), "input file-1 -> file-2"),
        (desired(endpoint="/v1/embeddings"), "endpoint /v1/chat/completions -> /v1/embeddings"),
        (desired(completion_window="1h"), "completion_window 24h -> 1h"),
        (desired(provider="q"), "provider p -> q"),
        (desired(source=local("new")), "input file-1 -> data/a.jsonl (sha256:"),
    ],
)
def test_what_is_paid_for_changes_only_on_demand(wanted: Desired, explained: str) -> None:
    providers = {"p": facts(), "q": facts(origin="https://q.example")}
    change = only([wanted], state_of(attempt()), providers=providers)
    assert isinstance(change, Blocked)
    assert (change.reason, change.batch_id) == ("changed-since-submitted", "batch-1")
    assert change.explanation.startswith(explained)
    assert change.hint == "batchrunner apply specs/nightly.yaml --replace nightly/a"
    replaced = only([wanted], state_of(attempt()), providers=providers, replace=frozenset({A}))
    assert isinstance(replaced, Replace)
    assert (replaced.attempt, replaced.replaces, replaced.reason) == (2, "batch-1", "replace-requested")
    assert replaced.base_version == attempt().version
    assert replaced.idempotency_key == idempotency_key("acme", "nightly", A, DAY, 2)


def test_the_hint_can_be_pasted() -> None:
    name = "nightly/a[lang=Île de France]"
    state = state_of(attempt(), address=name)
    (change,) = plan_changes("nightly", "my specs/n.yaml", [desired(name, remote("file-2"))], state, around())
    assert isinstance(change, Blocked)
    assert change.hint == f"batchrunner apply 'my specs/n.yaml' --replace '{name}'"


def test_an_unchanged_batch_is_replaced_on_demand_too() -> None:
    assert verdict(attempt(), replace=frozenset({A})) == ("replace", "replace-requested")


def test_a_replacement_that_was_refused_is_not_tried_again_by_itself() -> None:
    tried = (attempt(), attempt("rejected", number=2))
    assert verdict(*tried) == ("unchanged", "already-submitted")
    assert verdict(*tried, wanted=desired(source=remote("x"))) == ("blocked", "changed-since-submitted")
    again = only([desired()], state_of(*tried), replace=frozenset({A}))
    assert isinstance(again, Replace)
    assert again.attempt == 3


def test_after_a_replacement_it_is_the_replacement_that_counts() -> None:
    newer = desired(source=remote("file-2"))
    paid = (attempt(), attempt(wanted=newer, number=2, batch_id="batch-2"))
    change = only([newer], state_of(*paid))
    assert isinstance(change, Unchanged)
    assert change.batch_id == "batch-2"
    assert verdict(*paid, wanted=desired()) == ("blocked", "changed-since-submitted")


def test_what_was_refused_is_tried_again_under_another_key() -> None:
    change = only([desired()], state_of(attempt("rejected")))
    assert isinstance(change, Submit)
    assert (change.attempt, change.reason, change.base_version) == (2, "rejected-before", attempt("rejected").version)


def key(number: int) -> str:
    return idempotency_key(around().project, "nightly", A, DAY, number)


def test_a_key_outlives_refusals_and_changes_only_where_something_was_paid_for() -> None:
    """A refusal may be a gateway's, of what the provider has taken in: under the same key that comes to light."""
    refused = attempt("rejected", number=2)
    again = only([desired()], state_of(attempt("rejected"), refused))
    assert isinstance(again, Submit)
    assert (again.attempt, again.idempotency_key) == (3, key(1))
    replaced = only([desired()], state_of(attempt(), refused), replace=frozenset({A}))
    assert isinstance(replaced, Replace)
    assert (replaced.attempt, replaced.idempotency_key) == (3, key(2))
    twice = only([desired()], state_of(attempt(), attempt(number=2)), replace=frozenset({A}))
    assert isinstance(twice, Replace)
    assert twice.idempotency_key == key(3)


def test_replacing_what_was_never_submitted_is_a_submission() -> None:
    assert verdict(attempt("rejected"), replace=frozenset({A})) == ("submit", "rejected-before")


# Runs.


def test_another_day_is_another_submission() -> None:
    assert only([desired(run_key="day:2026-11-23")], state_of(attempt())).reason == "new"


def test_content_is_submitted_once_however_often_it_comes_back() -> None:
    one, two = (desired(source=remote(name), run_key="content") for name in ("file-1", "file-2"))
    state = state_of(attempt(wanted=one), run_key=one.run_key)
    assert isinstance(only([two], state), Submit)
    state.record([Entry(address=A, run_key=two.run_key, attempt=attempt(wanted=two, batch_id="batch-2"))])
    reverted = only([one], state)
    assert isinstance(reverted, Unchanged)
    assert reverted.batch_id == "batch-1"


def test_content_keys_follow_what_is_paid_for() -> None:
    keys = {desired(endpoint=end, run_key="content").run_key for end in ("/v1/a", "/v1/b")}
    assert len(keys) == 2
    assert desired(run_key="content", metadata={"a": "b"}).run_key == desired(run_key="content").run_key


# What is unresolved.


@pytest.mark.parametrize(
    ("open_attempt", "reason"),
    [
        (attempt("intended", sent_at=NOW.isoformat(), request="{}"), "interrupted"),
        (attempt("uploaded"), "interrupted"),
        (attempt("in-doubt"), "in-doubt"),
        (attempt("deferred", request="{}"), "deferred"),
    ],
)
def test_a_stored_intent_is_carried_on(open_attempt: Attempt, reason: str) -> None:
    change = only([desired()], state_of(open_attempt))
    assert isinstance(change, Resume)
    assert (change.reason, change.attempt, change.base_version) == (reason, 1, open_attempt.version)
    assert change.idempotency_key == open_attempt.intent.idempotency_key


def test_a_stored_intent_goes_first_as_it_stands_though_the_spec_was_edited() -> None:
    edited = desired(source=remote("file-2"), endpoint="/v1/embeddings")
    change = only([edited], state_of(attempt("uploaded")))
    assert isinstance(change, Resume)
    assert (change.reason, change.endpoint, change.source) == ("spec-changed-since", "/v1/chat/completions", remote())


def test_a_stored_intent_outlives_its_declaration() -> None:
    assert isinstance(only([], state_of(attempt("uploaded"))), Resume)


def test_what_is_unresolved_comes_before_what_is_new() -> None:
    state = state_of(attempt("in-doubt"), run_key=OTHER_DAY)
    assert [(type(c).__name__, c.run_key) for c in changes([desired()], state)] == [
        ("Resume", OTHER_DAY),
        ("Submit", DAY),
    ]


def test_only_the_own_spec_is_carried_on() -> None:
    state = state_of(attempt("uploaded"), address="weekly/a")
    state.record([Entry(address="weekly/b", run_key=DAY, attempt=attempt())])
    assert changes([], state) == ()


def test_a_replacement_waits_for_what_is_unresolved() -> None:
    for status in ("uploaded", "in-doubt"):
        with pytest.raises(Refused) as caught:
            changes([desired()], state_of(attempt(status)), replace=frozenset({A}))  # type: ignore[arg-type]
        assert caught.value.code == "replace-unresolved"


# What was never sent.


@pytest.mark.parametrize("status", ["intended", "deferred"])
def test_an_upload_that_was_interrupted_is_carried_on(status: Any) -> None:
    wanted = desired(source=local())
    assert verdict(attempt(status, wanted), wanted=wanted)[0] == "resume"


def test_what_else_was_found_in_an_input_changes_nothing() -> None:
    stored = attempt("intended", desired(source=local()))
    again = desired(source=replace(local(), blake3="blake3:0", models=("m", "n")))
    assert verdict(stored, wanted=again) == ("resume", "interrupted")


@pytest.mark.parametrize("source", [local("two"), local("one", "data/moved.jsonl"), cut("one", 9)[0], remote()])
def test_an_upload_whose_input_changed_gives_way(source: Any) -> None:
    stored = attempt("intended", desired(source=local()))
    change = only([desired(source=source)], state_of(stored))
    assert isinstance(change, Submit)
    assert (change.reason, change.attempt, change.base_version) == ("never-sent", 2, stored.version)


def test_an_unsent_replacement_whose_input_changed_is_not_ordered_again() -> None:
    stored = (attempt(), attempt("intended", desired(source=local()), number=2))
    assert verdict(*stored) == ("unchanged", "already-submitted")
    assert verdict(*stored, wanted=desired(source=local("two"))) == ("blocked", "changed-since-submitted")
    assert verdict(*stored, wanted=desired(source=local())) == ("resume", "interrupted")
    replaced = only([desired(source=local("two"))], state_of(*stored), replace=frozenset({A}))
    assert isinstance(replaced, Replace)
    assert (replaced.attempt, replaced.replaces) == (3, "batch-1")


def test_an_upload_of_a_day_that_is_over_goes_on_while_its_input_is_there() -> None:
    state = state_of(attempt("intended", desired(source=local())), run_key=OTHER_DAY)
    assert [type(change).__name__ for change in changes([desired(source=local())], state)] == ["Resume", "Submit"]


def test_an_upload_of_a_day_that_is_over_is_left_when_its_input_is_gone() -> None:
    state = state_of(attempt("intended", desired(source=local())), run_key=OTHER_DAY)
    edited = replace(local(), sha256="sha256:" + "e" * 64)
    assert [type(change).__name__ for change in changes([desired(source=edited)], state)] == ["Submit"]
    assert changes([], state) == ()


def test_an_upload_that_content_no_longer_asks_for_is_left() -> None:
    state = state_of(attempt("intended", desired(source=local())), run_key="content:0123456789ab")
    wanted = desired(source=local(), run_key="content:ba9876543210")
    assert [type(change).__name__ for change in changes([wanted], state)] == ["Submit"]


@pytest.mark.parametrize("providers", [{"q": facts()}, {"p": facts(origin="https://new.example"), "q": facts()}])
@pytest.mark.parametrize("status", ["intended", "deferred"])
def test_what_no_provider_can_have_follows_a_moved_provider(status: Any, providers: Any) -> None:
    """Nobody needs to look anything up: it was never accepted, and its file lies where nothing is sent any more."""
    stored = attempt(status, request="{}", file_id="file-1")
    wanted = desired(provider="p" if "p" in providers else "q")
    assert verdict(stored, wanted=wanted, providers=providers) == ("submit", "never-sent")


# What is held.


@pytest.mark.parametrize(
    ("providers", "reason", "explained"),
    [
        ({}, "provider-unknown", "provider p is no longer configured"),
        ({"p": facts(origin="https://new.example")}, "origin-changed", f"it may have been sent to {ORIGIN}"),
        ({"p": facts(idempotency="none")}, "in-doubt-held", "does not honour idempotency keys"),
        (
            {"p": facts(key_ttl_seconds=3600, timeouts={"create_seconds": 3600.0}, metadata="kept")},
            "key-expired",
            "honours a key for 1 hours",
        ),
    ],
)
@pytest.mark.parametrize("status", ["uploaded", "in-doubt"])
def test_what_may_be_at_a_provider_is_held_where_sending_again_could_pay_twice(
    status: Any, providers: Any, reason: str, explained: str
) -> None:
    change = only([], state_of(attempt(status)), providers=providers)
    assert isinstance(change, Blocked)
    assert change.reason == reason
    assert explained in change.explanation
    assert change.hint == "batchrunner resolve nightly/a --adopt BATCH_ID"


def test_nothing_new_is_submitted_beside_what_is_held() -> None:
    assert verdict(attempt("in-doubt"), providers={"p": facts(idempotency="none")})[0] == "blocked"


def test_a_provider_without_keys_is_sent_what_it_cannot_have() -> None:
    stored = attempt("deferred", request="{}")
    assert verdict(stored, providers={"p": facts(idempotency="none")}) == ("resume", "deferred")


@pytest.mark.parametrize(
    ("hours", "alive"), [(-0.02, False), (0, True), (1, True), (23.9, True), (23.97, False), (24, False), (999, False)]
)
def test_a_key_lives_for_a_day_less_the_time_a_send_may_take(hours: float, alive: bool) -> None:
    now = NOW + timedelta(hours=hours)
    providers = {"p": facts(metadata="kept")}
    assert verdict(attempt("in-doubt"), now=now, providers=providers)[0] == ("resume" if alive else "blocked")


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({"idempotency": "list-match"}, False),
        ({"idempotency": "list-match", "metadata": "kept"}, False),
        ({"metadata": "sent"}, False),
        ({"metadata": "kept"}, True),
        ({"metadata": "sent", "paths": {"list_batches": None}}, True),
        ({"idempotency": "none", "metadata": "sent"}, True),
    ],
)
def test_what_a_list_of_batches_can_tell_is_not_held_for_a_person(changes: dict[str, Any], held: bool) -> None:
    later = NOW + timedelta(days=9)
    change = verdict(attempt("in-doubt"), now=later, providers={"p": facts(**changes)})[0]
    assert change == ("blocked" if held else "resume")


# Orphans and targets.


def test_what_left_the_specs_is_left_alone() -> None:
    assert only([], state_of(attempt())) == Orphan(address=A, run_key=DAY, reason="not-in-specs", batch_id="batch-1")


def test_an_orphan_shows_its_newest_batch() -> None:
    state = state_of(attempt(updated_at="2026-11-22T02:00:00+00:00", batch_id="newest"), run_key="content:fff")
    older = attempt(updated_at="2026-11-21T02:00:00+00:00", batch_id="older")
    state.record([Entry(address=A, run_key="content:zzz", attempt=older)])
    refused = attempt("rejected", updated_at="2026-11-22T09:00:00+00:00")
    state.record([Entry(address=A, run_key="content:zzzz", attempt=refused)])
    change = only([], state)
    assert isinstance(change, Orphan)
    assert (change.batch_id, change.run_key) == ("newest", "content:fff")


def test_nothing_is_an_orphan_that_never_was_a_batch() -> None:
    assert changes([], state_of(attempt("rejected"))) == ()


def test_a_batch_of_another_run_is_no_orphan() -> None:
    assert [type(c).__name__ for c in changes([desired()], state_of(attempt(), run_key=OTHER_DAY))] == ["Submit"]


def test_a_plan_with_targets_is_about_nothing_else() -> None:
    state = State(LINEAGE)
    for name, status in (("open", "in-doubt"), ("gone", "submitted")):
        state.record([Entry(address=f"nightly/{name}", run_key=DAY, attempt=attempt(status))])  # type: ignore[arg-type]
    wanted = [desired("nightly/a"), desired("nightly/b[lang=en]"), desired("nightly/b[lang=fr]")]
    found = {
        targets: [change.address for change in changes(wanted, state, targets=targets)]
        for targets in ((), ("b",), ("b[lang=fr]", "open"), ("gone",), ("nope",))
    }
    assert found[("b",)] == ["nightly/b[lang=en]", "nightly/b[lang=fr]"]
    assert found[("b[lang=fr]", "open")] == ["nightly/open", "nightly/b[lang=fr]"]
    assert found[("gone",)] == ["nightly/gone"]
    assert found[("nope",)] == []
    assert sorted(found[()]) == [
        "nightly/a",
        "nightly/b[lang=en]",
        "nightly/b[lang=fr]",
        "nightly/gone",
        "nightly/open",
    ]


def test_planning_is_pure() -> None:
    state = state_of(attempt("in-doubt"), attempt(number=2))
    before = list(state.entries())
    wanted = [desired(source=local()), desired("nightly/b")]
    assert changes(wanted, state) == changes(wanted, state)
    assert list(state.entries()) == before


def test_the_stored_key_is_resumed_whatever_the_project_is_called_now() -> None:
    stored = attempt("in-doubt", intent=intent(key="br1-stored"))
    change = only([desired()], state_of(stored), project="renamed")
    assert isinstance(change, Resume)
    assert change.idempotency_key == "br1-stored"


def test_a_replacement_of_what_was_never_submitted_is_told_of() -> None:
    wanted, asked = [desired(), desired("nightly/b")], around(replace=frozenset({"nightly/a", "nightly/b"}))
    changes = plan_changes("nightly", "n.yaml", wanted, state_of(attempt("submitted", wanted[0])), asked)
    assert [type(change) for change in changes] == [Replace, Submit]
    assert [(each.code, each.where) for each in not_replaced(changes, asked)] == [("nothing-to-replace", "nightly/b")]
