"""Any history of edits, crashes, lost replies, refusals, replacements, retries and saved plans pays for a request once.

Inputs grow, shrink, change and are cut into shards of another size between any two of these.

The planner, the applier and the staleness rules are real; the world around them keeps its own accounts.
"""

import asyncio
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.builders import around, desired, facts, local, remote, shards
from support.campaigns import examples
from support.world import FAULTS, Process, Weather, World, check_ground, file_of, look_up

from batchrunner.applier import Report
from batchrunner.desired import Circumstances, Desired
from batchrunner.errors import Refused, StaleError
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile
from batchrunner.planner import plan_changes
from batchrunner.plans import Blocked, Change, Plan, PlannedSpec, Submit, Unchanged, sealed
from batchrunner.retries import Rows, carried_on, retry, unfinished
from batchrunner.state import Attempt, Entry, newest_paid

NAMES = ("a", "b[lang=en]", "b[lang=fr]", "c")
PATHS = ("data/x.jsonl", "data/y.jsonl")


@dataclass(frozen=True)
class Wish:
    """A declared batch, as a person edits it. `at` is how many requests are in a shard, 0 for no shards."""

    file_id: str = ""
    at: int = 0
    path: str = "data/x.jsonl"
    endpoint: str = "/v1/embeddings"
    provider: str = "keyed"
    label: str = ""


wishes = st.builds(
    Wish,
    file_id=st.sampled_from(["", "", "file-1", "file-2"]),
    at=st.sampled_from([0, 0, 0, 1, 2, 3]),
    path=st.sampled_from(PATHS),
    endpoint=st.sampled_from(["/v1/embeddings", "/v1/responses"]),
    provider=st.sampled_from(["keyed", "keyed", "plain"]),
    label=st.sampled_from(["", "v2"]),
)
weathers = st.builds(
    Weather,
    faults=st.just(()) | st.lists(st.sampled_from(FAULTS), min_size=3, max_size=6),
    killed_after=st.none() | st.none() | st.integers(0, 30),
    seed=st.integers(0, 3),
)
addresses = st.sampled_from([f"nightly/{name}{number}" for name in NAMES for number in ("", "", "#1", "#2")])
contents = st.sampled_from(["abcd", "abcdef", "abXdef", "abc", "dcba"])


class History(RuleBasedStateMachine):
    """People edit, time passes, services misbehave, and somebody runs apply every now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = World()
        self.world.disk = {"data/x.jsonl": "abcd", "data/y.jsonl": "klmno"}
        self.spec: dict[str, Wish] = {}
        self.once_per_day = True
        self.origin = "https://one.example"
        self.configured = {"keyed", "plain"}
        self.saved: list[Plan] = []
        self.ids_ever: set[str] = set()

    def teardown(self) -> None:
        try:
            self.settle_everything()
        finally:
            self.loop.close()

    @initialize(wish=wishes, other=wishes)
    def begin(self, wish: Wish, other: Wish) -> None:
        self.spec = {NAMES[0]: wish, NAMES[1]: other}

    # What people do.

    @rule(name=st.sampled_from(NAMES), wish=st.none() | wishes)
    def edit(self, name: str, wish: Wish | None) -> None:
        if wish is None:
            self.spec.pop(name, None)
        else:
            self.spec[name] = wish

    @rule(path=st.sampled_from(PATHS), content=contents)
    def write(self, path: str, content: str) -> None:
        self.world.disk[path] = content

    @rule(hours=st.sampled_from([0.1, 1.0, 12.0, 23.9, 24.0, 36.0]))
    def wait(self, hours: float) -> None:
        self.world.pass_time(hours)

    @rule(
        daily=st.sampled_from([True, True, False]),
        origin=st.sampled_from(["https://one.example", "https://one.example", "https://two.example"]),
        names=st.sampled_from([{"keyed", "plain"}, {"keyed", "plain"}, {"keyed"}, {"plain"}]),
    )
    def configure(self, daily: bool, origin: str, names: set[str]) -> None:
        self.once_per_day, self.origin, self.configured = daily, origin, names

    # What the tool does.

    @rule(weather=weathers, concurrency=st.integers(1, 4), only=st.none() | addresses)
    def apply(self, weather: Weather, concurrency: int, only: str | None) -> None:
        self.run(self.plan(targets=(only,) if only else ()), weather, concurrency)

    @rule(first=weathers, second=weathers)
    def apply_twice(self, first: Weather, second: Weather) -> None:
        self.run(self.plan(), first, 2)
        self.run(self.plan(), second, 2)

    @rule(weather=weathers, address=addresses)
    def apply_replacing(self, weather: Weather, address: str) -> None:
        plan = self.plan_replacing(address)
        if plan is not None:
            self.run(plan, weather, 2)

    @rule(weather=weathers, which=st.integers(0, 20), rows=st.sampled_from([slice(1), slice(1), slice(1, None)]))
    def retry_rows(self, weather: Weather, which: int, rows: slice) -> None:
        change = self.plan_retry(which, rows)
        if change is not None:
            self.run(self.sealed((change,)), weather, 1)

    @rule(weather=weathers, which=st.integers(0, 20))
    def retry_rows_twice(self, weather: Weather, which: int) -> None:
        self.retry_rows(weather, which, slice(1))
        self.retry_rows(weather, which, slice(1))

    @rule(replaced=st.none() | addresses)
    def save_plan(self, replaced: str | None) -> None:
        plan = self.plan_replacing(replaced) if replaced else self.plan()
        if plan is not None and plan.sendable:
            self.saved.append(plan)

    @precondition(lambda self: self.saved)
    @rule(data=st.data(), weather=weathers)
    def apply_saved(self, data: st.DataObject, weather: Weather) -> None:
        plan = self.saved[data.draw(st.integers(0, len(self.saved) - 1))]
        try:
            check_ground(plan, self.world.memory.load(), self.providers(), self.world.disk)
        except StaleError as error:
            note(f"stale: {error}")
            return
        report = self.run(plan, weather, 2)
        if weather.is_fine and report is not None:
            self.assert_sends_nothing(plan)

    @rule(resolve=st.booleans())
    def settle(self, resolve: bool) -> None:
        """Undisturbed: what is not held ends in state, and there is nothing left to send."""
        if resolve:
            self.settle_held(self.plan())
        plan = self.plan()
        report = self.run(plan, Weather(), 3)
        assert report is not None
        assert not report.left
        # An input may be rejected for having changed since its intent was stored; then it is planned as it is now.
        assert len(self.plan().sendable) <= len(report.failed)
        self.assert_sends_nothing(plan)

    # What must hold.

    @invariant()
    def nothing_is_paid_for_twice(self) -> None:
        for run, made in self.world.at_providers().items():
            assert len(made) <= self.world.allowed(run), f"{run}: {made}"

    @invariant()
    def no_request_is_paid_for_twice(self) -> None:
        for family, paid in self.world.paid_requests().items():
            again = self.world.ordered_again(family)
            assert not [request for request, times in paid.items() if times > 1 + again[request]], family

    @invariant()
    def no_id_is_lost(self) -> None:
        ids = self.world.ids_in_state()
        assert self.ids_ever <= ids
        self.ids_ever = ids

    @invariant()
    def state_holds_no_id_that_no_service_gave(self) -> None:
        given = {made.batch_id for service in self.world.services.values() for made in service.made}
        assert self.world.ids_in_state() <= given

    @invariant()
    def what_state_calls_not_accepted_is_not_at_a_provider(self) -> None:
        # A key outlives refusals: what became of it is with the last attempt that has it.
        latest = {entry.attempt.intent.idempotency_key: entry for entry in self.world.memory.load().entries()}
        for key, entry in latest.items():
            if entry.attempt.status in {"deferred", "rejected"} or not entry.attempt.sent_at:
                assert not self.world.has(key), entry

    # How it is done.

    def providers(self) -> dict[str, ProviderFacts]:
        known = {
            "keyed": facts(origin=self.origin, idempotency="header", key_ttl_seconds=86_400, metadata="kept"),
            "plain": facts(origin="https://plain.example", idempotency="none"),
        }
        return {name: known[name] for name in sorted(self.configured)}

    def wanted(self) -> list[Desired]:
        wishes = [(name, wish) for name, wish in self.spec.items() if wish.provider in self.configured]
        return [each for name, wish in wishes for each in self.desired(f"nightly/{name}", wish)]

    def desired(self, address: str, wish: Wish) -> list[Desired]:
        more: dict[str, Any] = {
            "run_key": f"day:{self.world.now.date()}" if self.once_per_day else "content",
            "endpoint": wish.endpoint,
            "provider": wish.provider,
            "metadata": {"label": wish.label},
        }
        if wish.file_id:
            return [desired(address, remote(wish.file_id), **more)]
        content = self.world.disk[wish.path]
        if wish.at:
            return shards(content, wish.at, address, path=wish.path, **more)
        return [desired(address, local(content, wish.path), **more)]

    def plan(self, **choices: object) -> Plan:
        state = self.world.memory.load()
        circumstances: Circumstances = around(providers=self.providers(), now=self.world.now, **choices)
        changes = plan_changes("nightly", "nightly.yaml", self.wanted(), state, circumstances)
        self.check_changes(changes)
        return self.sealed(changes)

    def plan_retry(self, which: int, rows: slice) -> Change | None:
        """What a person does who wants some rows of a paid batch again, after looking at what became of it."""
        state = self.world.memory.load()
        runs = [(address, run_key, attempts) for address in sorted(state.batches)
                for run_key, attempts in state.batches[address].items() if self.may_be_retried(attempts)]  # fmt: skip
        if not runs:
            return None
        address, run_key, attempts = runs[which % len(runs)]
        circumstances: Circumstances = around(providers=self.providers(), now=self.world.now)
        waiting = unfinished(attempts)
        if waiting is not None:
            return carried_on(address, run_key, waiting, circumstances) if waiting.is_retry else None
        base = newest_paid(attempts)
        assert base is not None
        content = self.world.files[file_of(base.intent.source)][rows] or "a"
        path = f"retries/{content}.jsonl"
        self.world.disk[path] = content
        return retry(address, run_key, attempts, Rows(base, local(content, path)), circumstances)

    def may_be_retried(self, attempts: list[Attempt]) -> bool:
        base = newest_paid(attempts)
        return (
            base is not None
            and isinstance(base.intent.source, LocalFile)
            and file_of(base.intent.source) in self.world.files
            and base.intent.provider in self.configured
        )

    def sealed(self, changes: tuple[Change, ...]) -> Plan:
        state = self.world.memory.load()
        lineage = state.lineage if state.serial else ""
        head = PlannedSpec(name="nightly", path="", sha256="", run="", state="", lineage=lineage, serial=state.serial)
        created = self.world.now.isoformat()
        return sealed(Plan(created_at=created, tool_version="0", specs=(head,), changes=changes))

    def plan_replacing(self, address: str) -> Plan | None:
        try:
            return self.plan(replace=frozenset({address}))
        except Refused as error:
            assert error.code == "replace-unresolved"  # noqa: PT017 - the rule goes on either way
            return None

    def check_changes(self, changes: tuple[object, ...]) -> None:
        """A submission never stands beside one of its run that may be at the provider."""
        state = self.world.memory.load()
        for change in changes:
            if isinstance(change, Submit):
                earlier = state.batches.get(change.address, {}).get(change.run_key, [])
                assert not any(attempt.sent_at and attempt.unresolved for attempt in earlier)
                assert change.attempt == len(earlier) + 1
                paid = [attempt for attempt in earlier if attempt.status == "submitted"]
                assert not paid or change.__struct_config__.tag == "replace"

    def run(self, plan: Plan, weather: Weather, concurrency: int) -> Report | None:
        return Process(self.world, self.providers(), weather).apply(plan, self.loop, concurrency)

    def assert_sends_nothing(self, plan: Plan) -> None:
        before, serial = self.world.requests, self.world.memory.serial
        check_ground(plan, self.world.memory.load(), self.providers(), self.world.disk)
        report = self.run(plan, Weather(), 2)
        assert self.world.requests == before
        assert report is not None
        # What is held in doubt is recorded as held again; nothing else is written.
        assert self.world.memory.serial - serial <= report.outcomes["in-doubt"] * 2

    def settle_held(self, plan: Plan) -> None:
        state = self.world.memory.load()
        for change in plan.changes:
            if isinstance(change, Blocked) and change.reason != "changed-since-submitted":
                attempt = state.latest(change.address, change.run_key)
                assert attempt is not None
                assert attempt.sent_at, "only what may have been sent needs a person"
                entry = Entry(address=change.address, run_key=change.run_key, attempt=attempt)
                self.world.memory.append(look_up(self.world, entry))

    def settle_everything(self) -> None:
        """However bad it was: when it is over, state and providers tell the same story."""
        self.configured = {"keyed", "plain"}
        self.world.land()
        for _ in range(4):
            self.settle_held(self.plan())
            self.run(self.plan(), Weather(), 4)
        assert not self.plan().sendable
        made = {batch.batch_id for batches in self.world.at_providers().values() for batch in batches}
        assert made == self.world.ids_in_state()
        unchanged = {change.address for change in self.plan().changes if isinstance(change, Unchanged)}
        for family, wanted in groupby(self.wanted(), key=lambda each: each.family):
            paid = self.world.paid_requests()
            assert family in paid, "what is declared was submitted"
            members = list(wanted)
            if unchanged.issuperset(each.address for each in members):
                every = [request for each in members for request in self.world.requests_in(file_of(each.source))]
                assert paid[family].keys() >= set(every), "all of it"


class Cuts(History):
    """One batch within one day; what people change is how its input is cut, and what is in it."""

    @initialize(at=st.sampled_from([0, 1, 2, 3]))
    def begin(self, at: int) -> None:  # type: ignore[override]
        self.spec = {"a": Wish(at=at)}

    @rule(at=st.sampled_from([0, 1, 2, 3]))
    def edit(self, at: int) -> None:  # type: ignore[override]
        self.spec["a"] = Wish(at=at)

    @rule(content=st.sampled_from(["abcd", "abcd", "abcdef"]))
    def write(self, content: str) -> None:  # type: ignore[override]
        self.world.disk["data/x.jsonl"] = content

    @rule(origin=st.sampled_from(["https://one.example", "https://one.example", "https://two.example"]))
    def configure(self, origin: str) -> None:  # type: ignore[override]
        self.origin = origin

    @rule(hours=st.sampled_from([0.1, 1.0]))
    def wait(self, hours: float) -> None:
        self.world.pass_time(hours)

    @rule(weather=weathers, address=st.sampled_from(["nightly/a", "nightly/a", "nightly/a#1", "nightly/a#2"]))
    def apply_replacing(self, weather: Weather, address: str) -> None:
        super().apply_replacing(weather, address)

    @rule(weather=weathers, only=st.sampled_from(["a", "a", "a", "a#1", "a#2"]))
    def apply(self, weather: Weather, only: str) -> None:  # type: ignore[override]
        self.run(self.plan(targets=(only,)), weather, 2)


@pytest.mark.parametrize("kind", [History, Cuts])
def test_every_history_pays_once(kind: type[History]) -> None:
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=examples(200, campaign=1000),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
