"""Looks at a setup before money depends on it: versions, project, specs, keys, providers. Sends nothing that is paid.

Every check is made whatever became of the others, and none of them may hang: a provider has its seconds.
"""

import asyncio
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from batchrunner._version import __version__
from batchrunner.checkups import Check, Facts, failure, ok, skipped, warning
from batchrunner.errors import BatchrunnerError, InvalidFiles
from batchrunner.facts import CLOCK_TOLERANCE, ProviderFacts
from batchrunner.loader import load_project
from batchrunner.project import Project
from batchrunner.settings import Settings, environment, github_job, read_secret, read_workload_token, remember_secret
from batchrunner.wiring.credentials import key_of
from batchrunner.wiring.typed import typed_validate
from batchrunner.wiring.workspace import SANDBOX, Choices, Workspace, open_workspace

OLDEST_PYTHON = (3, 11)
EXTRAS: Mapping[str, tuple[str, str]] = {
    "cost": ("genai_prices", "plans show no cost from price lists"),
    "parquet": ("pyarrow", "tables in Parquet are neither read nor written"),
    "tokens": ("rs_bpe", "tokens are estimated as a quarter of the bytes"),
    "otel": ("opentelemetry", "no traces are sent"),
}
SECONDS = 15.0
NEVER = (
    "Key life and deadlines are counted by the clock: one that is wrong makes a resend late, or a run another day's."
)


@dataclass(slots=True)
class Patient:
    """What is known of a setup while it is looked at. `workspace` is None where the specs cannot be read."""

    paths: Sequence[str]
    choices: Choices
    offline: bool
    checks: list[Check] = field(default_factory=list)
    project: Project | None = None
    workspace: Workspace | None = None
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> dict[str, ProviderFacts]:
        """The providers that specs name, by name."""
        if self.workspace is None:
            return {}
        names = {batch.declaration.provider for spec in self.workspace.specs for batch in spec.batches}
        names = {SANDBOX} if self.choices.sandbox else names
        return {name: self.workspace.providers[name] for name in sorted(names)}


def examine(patient: Patient) -> None:
    """Make all checks that need neither state nor disk, adding them to `patient`."""
    patient.checks += _versions()
    _look_at_project(patient)
    _look_at_specs(patient)
    _look_at_keys(patient)
    _look_at_providers(patient)


def _versions() -> Iterator[Check]:
    version = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield failure("python", f"Python {version} is too old", "use Python 3.11 or newer")
    else:
        yield ok("python", f"Python {version}")
    there = [name for name, (module, _) in EXTRAS.items() if find_spec(module)]
    yield ok("batchrunner", f"batchrunner {__version__}, with {', '.join(there) or 'no extras'}")
    absent = {name: why for name, (_, why) in EXTRAS.items() if name not in there}
    for name, why in absent.items():
        yield Check(id="extra", status="skipped", subject=name, message=f"not installed: {why}",
                    hint=f"pip install 'batchrunner[{name}]'")  # fmt: skip


def _look_at_project(patient: Patient) -> None:
    settings = Settings.read(environment())
    named = patient.choices.project or settings.project
    try:
        start = _start(patient.paths)
        patient.project = load_project(named or None, start, patient.choices.profile or settings.profile)
    except BatchrunnerError as error:
        patient.checks.append(failed("project-file", error, named, typed_validate(patient.paths, patient.choices)))
        return
    where = patient.project.path
    message = f"{where} is valid" if where else f"none, which is fine: the root is {patient.project.root}"
    patient.checks.append(ok("project-file", message))


def _start(paths: Sequence[str]) -> Path:
    first = Path(paths[0]) if paths else Path()
    return first if first.is_dir() else first.parent


def _look_at_specs(patient: Patient) -> None:
    if not patient.paths:
        patient.checks.append(skipped("specs", "there is no folder specs/ and no PATH was given"))
        return
    try:
        patient.workspace = open_workspace(patient.paths, patient.choices, stdin=bytes, expand=False)
    except BatchrunnerError as error:
        if patient.project is not None or not isinstance(error, InvalidFiles):
            patient.checks.append(failed("specs", error, again=typed_validate(patient.paths, patient.choices)))
        return
    batches = sum(len(spec.batches) for spec in patient.workspace.specs)
    patient.checks.append(
        ok("specs", f"{_count(len(patient.workspace.specs), 'spec')} valid, with {_count(batches, 'batch', 'batches')}")
    )


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def failed(id: str, error: BatchrunnerError, subject: str = "", again: str = "") -> Check:
    """The check that found `error`; `again` is the command that lists all of what is wrong, empty for none."""
    code = error.diagnostics[0].code if isinstance(error, InvalidFiles) else error.code
    message = ". ".join(filter(None, [error.message, error.why.rstrip(".")]))
    return failure(id, message, error.hint or again or f"batchrunner explain {code}", subject)


# Keys.


def _look_at_keys(patient: Patient) -> None:
    for name, facts in patient.used.items():
        if name == SANDBOX:
            patient.checks.append(ok("credentials", "the sandbox needs no key", name))
            continue
        try:
            patient.checks.append(_present(name, facts, patient))
        except BatchrunnerError as error:
            patient.checks.append(failed("credentials", error, name))


def _present(name: str, facts: ProviderFacts, patient: Patient) -> Check:
    exchange = facts.api_key.oidc
    if exchange is None:
        key = read_secret(facts.api_key, name, environment())
        remember_secret(key)
        patient.keys[name] = key
        source = f"the file {facts.api_key.file}" if facts.api_key.file else f"${facts.api_key.env}"
        return ok("credentials", f"there is a key, in {source}", name)
    token = exchange.token
    if token.env or token.file:
        _, where = read_workload_token(token, name, environment())
    else:
        github_job(name, environment())
        where = "GitHub Actions"
    if patient.offline:
        return ok("credentials", f"there is a workload's token, from {where}; not exchanged", name)
    patient.keys[name] = key_of(name, facts, environment())
    return ok("credentials", f"a workload's token, from {where}, was exchanged for a key", name)


# Providers.


def _look_at_providers(patient: Patient) -> None:
    providers = {name: facts for name, facts in patient.used.items() if name != SANDBOX}
    if patient.offline:
        patient.checks += [skipped("reachable", "not looked at: --offline", name) for name in providers]
        return
    if not providers:
        return
    for name, found in asyncio.run(_probed(providers, patient.keys)).items():
        if isinstance(found, BatchrunnerError):
            patient.checks.append(failed("reachable", found, name))
        else:
            patient.checks += _of_provider(name, providers[name], found)


async def _probed(
    providers: Mapping[str, ProviderFacts], keys: Mapping[str, str]
) -> Mapping[str, Facts | BatchrunnerError]:
    from batchrunner.providers.probing import probe

    async def each(name: str, facts: ProviderFacts) -> Facts | BatchrunnerError:
        try:
            return await probe(name, facts, keys.get(name, ""), SECONDS)
        except BatchrunnerError as error:
            return error

    found = await asyncio.gather(*(each(name, facts) for name, facts in providers.items()))
    return dict(zip(providers, found, strict=True))


def _of_provider(name: str, facts: ProviderFacts, found: Facts) -> Iterator[Check]:
    checks: Iterable[Callable[[str, ProviderFacts, Facts], Check]] = (_reachable, _accepted, _clock, _offers)
    for check in checks if found.reached else (_reachable,):
        yield check(name, facts, found)


def _reachable(name: str, facts: ProviderFacts, found: Facts) -> Check:
    if found.reached:
        return ok("reachable", f"{facts.origin} answers", name)
    return failure("reachable", f"{facts.origin} was not reached: {found.words or found.code}", _why(found), name)


def _why(found: Facts) -> str:
    words = found.words.lower()
    if "certificate" in words or "ssl" in words or "tls" in words:
        return "its certificate is not trusted here, or it speaks no TLS: check base_url and the system's certificates"
    if "name or service" in words or "name resolution" in words or "getaddrinfo" in words or "nodename" in words:
        return "its name was not found: check the host in base_url, and DNS"
    if found.code in {"timeout", "connect-timeout"}:
        return "something swallows the connection: check firewall and network, or run with --offline"
    return "check base_url, network and firewall; batchrunner applies the same way, and ends with 75 there"


def _accepted(name: str, facts: ProviderFacts, found: Facts) -> Check:
    if found.accepts_key:
        return ok("key-accepted", "the key is accepted", name)
    if found.accepts_key is False:
        words = f"the key is refused: HTTP {found.status} {found.words}".strip()
        return failure("key-accepted", words, "check that it is whole, not revoked, and of this account", name)
    if not found.status:
        return skipped("key-accepted", "there is no key to try", name)
    if found.status >= 400 and found.words:
        words = f"it answered HTTP {found.status}: {found.words}"
        return warning("key-accepted", words, "wait, and look again; or see the provider's status page", name)
    return skipped("key-accepted", f"it offers no list to try the key with (HTTP {found.status})", name)


def _clock(name: str, facts: ProviderFacts, found: Facts) -> Check:
    if found.skew is None:
        return skipped("clock", "the provider does not say what time it is", name)
    off = abs(found.skew)
    if off <= CLOCK_TOLERANCE.total_seconds():
        return ok("clock", f"the clocks agree ({off:.0f} s apart)", name)
    which = "ahead of" if found.skew > 0 else "behind"
    return warning("clock", f"the clock here is {off:,.0f} s {which} the provider's. {NEVER}",
                   "set the clock of this machine, as with NTP", name)  # fmt: skip


def _offers(name: str, facts: ProviderFacts, found: Facts) -> Check:
    lists = {None: "not known whether it lists batches", True: "lists batches", False: "lists no batches"}
    said = [lists[found.lists_batches], "lists files" if found.lists_files else "lists no files"]
    if not found.accepts_key:
        said = []
    if facts.idempotency in {"header", "body"}:
        said.insert(0, f"honours idempotency keys for {facts.key_ttl_seconds / 3600:g} h, as configured")
    else:
        said.insert(0, "honours no idempotency keys, as configured")
    needs_list = facts.idempotency == "list-match" and found.accepts_key and found.lists_batches is False
    if needs_list:
        return warning(
            "offers", "; ".join(said), "what is in doubt cannot be looked up: see `batchrunner resolve`", name
        )
    return ok("offers", "; ".join(said), name)
