"""Values for tests, each with a default for everything a test does not care about."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from batchrunner.address import shard
from batchrunner.desired import Circumstances, Desired
from batchrunner.digest import fingerprint
from batchrunner.facts import ProviderFacts, SecretReference
from batchrunner.manifest import LocalFile, Part, ProviderFile, Source, Template
from batchrunner.planner import plan_changes
from batchrunner.plans import Plan, PlannedSpec, sealed
from batchrunner.records import converted, replace
from batchrunner.state import Attempt, Entry, Intent, State, Status

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
DAY = "day:2026-11-22"
ENDPOINT = "/v1/chat/completions"
ORIGIN = "https://batch.example"
LINEAGE = "11111111-1111-4111-8111-111111111111"


def facts(**changes: Any) -> ProviderFacts:
    """A provider that honours keys for a day."""
    known = {"origin": ORIGIN, "api_key": SecretReference(env="SOME_KEY"), "idempotency": "header"}
    return converted({**known, **changes}, ProviderFacts)


def sha256(text: str) -> str:
    """The digest of a file that holds `text`."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def local(content: str = "one", path: str = "data/a.jsonl") -> LocalFile:
    """A scanned local file that holds `content`."""
    return LocalFile(path=path, sha256=sha256(content), size=len(content), requests=1, models=("m",))


def table(
    content: str = "one", prompt: str = "${row.text}", path: str = "data/t.csv", url: str = ENDPOINT
) -> LocalFile:
    """A scanned table whose rows were rendered to `content`."""
    template = Template(custom_id="${row.id}", body={"model": "m", "input": prompt}, url=url)
    return replace(local(content, path), template=template)


def cut(content: str, at: int, path: str = "data/a.jsonl") -> list[LocalFile]:
    """The shards of a file that holds `content`, a request a character, `at` requests in each."""
    whole, size = sha256(content), len(content)
    return [
        replace(local(content[start : start + at], path), requests=min(at, size - start),
                part=Part(number=number, start=start, before=start, whole_sha256=whole, whole_size=size))
        for number, start in enumerate(range(0, size, at), 1)
    ]  # fmt: skip


def shards(
    content: str, at: int, address: str = "nightly/a", *, path: str = "data/a.jsonl", **changes: Any
) -> list[Desired]:
    """A declared batch whose input is cut into shards; keyed as `desired` is, `content` by all of its content."""
    if changes.get("run_key") == "content":
        changes["run_key"] = desired(address, local(content), **changes).run_key
    return [desired(shard(address, each.part.number), each, **changes) for each in cut(content, at, path) if each.part]


def remote(file_id: str = "file-1") -> ProviderFile:
    """A file the provider already has."""
    return ProviderFile(file_id=file_id)


def desired(address: str = "nightly/a", source: Source | None = None, **changes: Any) -> Desired:
    """A declared batch, keyed by day unless `run_key` says otherwise; `content` keys it by what is paid for."""
    source = source or remote()
    window = changes.get("completion_window", "24h")
    paid_for = fingerprint(changes.get("provider", "p"), changes.get("endpoint", ENDPOINT), window, source.content)
    known = {
        "run_key": DAY,
        "provider": "p",
        "endpoint": ENDPOINT,
        "completion_window": window,
        "metadata": {},
        "source": source,
        "fingerprint": paid_for,
    }
    if changes.get("run_key") == "content":
        changes["run_key"] = f"content:{paid_for.removeprefix('sha256:')[:12]}"
    return Desired(address=address, **{**known, **changes})


def around(**changes: Any) -> Circumstances:
    """One provider `p`, now."""
    return Circumstances(**{"project": "acme", "providers": {"p": facts()}, "now": NOW, **changes})


def intent(wanted: Desired | None = None, *, key: str = "br1-key", **changes: Any) -> Intent:
    """The stored intent of `wanted`."""
    wanted = wanted or desired()
    known = {
        "idempotency_key": key,
        "fingerprint": wanted.fingerprint,
        "provider": wanted.provider,
        "origin": ORIGIN,
        "endpoint": wanted.endpoint,
        "completion_window": wanted.completion_window,
        "source": wanted.source,
        "metadata": dict(wanted.metadata),
        "created_at": NOW.isoformat(),
    }
    return Intent(**{**known, **changes})


def attempt(status: Status = "submitted", wanted: Desired | None = None, **changes: Any) -> Attempt:
    """Attempt 1 of `wanted`, with the fields its status implies."""
    sent = NOW.isoformat()
    implied: Mapping[str, dict[str, Any]] = {
        "intended": {},
        "deferred": {},
        "uploaded": {"file_id": "file-1", "request": "{}", "sent_at": sent},
        "in-doubt": {"file_id": "file-1", "request": "{}", "sent_at": sent},
        "rejected": {"file_id": "file-1", "request": "{}"},
        "submitted": {"file_id": "file-1", "request": "{}", "sent_at": sent, "batch_id": "batch-1"},
    }
    stored = changes.pop("intent", None) or intent(wanted)
    known = {"number": 1, "status": status, "intent": stored, "updated_at": NOW.isoformat(), **implied[status]}
    return Attempt(**{**known, **changes})


def state_of(*attempts: Attempt, address: str = "nightly/a", run_key: str = DAY) -> State:
    """A state with the attempts of one address in one run."""
    state = State(LINEAGE, serial=len(attempts))
    state.record(Entry(address=address, run_key=run_key, attempt=each) for each in attempts)
    return state


def plan_of(wanted: Iterable[Desired], state: State | None = None, **changes: Any) -> Plan:
    """The sealed plan of the spec `nightly`; `changes` go into the circumstances."""
    state = state or State(LINEAGE)
    circumstances = around(**changes)
    return sealed(
        Plan(
            created_at=circumstances.now.isoformat(),
            tool_version="0",
            project=circumstances.project,
            targets=circumstances.targets,
            specs=(
                PlannedSpec(
                    name="nightly",
                    path="nightly.yaml",
                    sha256=sha256(""),
                    run="",
                    state="nightly.state.json",
                    lineage=state.lineage if state.serial else "",
                    serial=state.serial,
                ),
            ),
            changes=plan_changes("nightly", "nightly.yaml", wanted, state, circumstances),
        )
    )
