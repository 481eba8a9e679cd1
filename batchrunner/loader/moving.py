"""The blocks `moved` and `imports` of a spec: what was submitted under other names, and what was made elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from batchrunner.address import FILE, GRAMMAR, NAME, declaration_of, is_address, members_of, spec_of, whole_of
from batchrunner.errors import Refused, UsageError
from batchrunner.loader.explaining import kind_of
from batchrunner.loader.findings import Finding, Findings
from batchrunner.printable import brief
from batchrunner.records import MALFORMED, converted
from batchrunner.references import refers
from batchrunner.renaming import ALL, Rename, Renaming
from batchrunner.runkeys import EXAMPLES, resolve_run
from batchrunner.spec import Adoption, Batch, Imported, Moved, Run, Spec
from batchrunner.suggestions import did_you_mean

T = TypeVar("T")
_FORM = "a batch of this spec, one member like `name[lang=en]`, or `*` for all of a renamed spec"


class Blocks(NamedTuple):
    """What a spec says of other names and other batches."""

    moved: tuple[Rename, ...] = ()
    imports: tuple[Adoption, ...] = ()


class BlockReader:
    """Reads both blocks of the spec named `spec`, noting in `findings` everything that is wrong with them."""

    def __init__(self, spec: str, run: Run, now: datetime, findings: Findings) -> None:
        self._spec = spec
        self._run = run
        self._now = now
        self._findings = findings

    def read(self, document: Mapping[str, Any], batches: Sequence[Batch]) -> Blocks:
        """What is in order; `batches` are those that the spec declares, as far as these are in order."""
        findings = self._findings
        moved = [self._rule(*each) for each in _entries(document, "moved", Moved, findings)]
        imports = [self._adoption(*each) for each in _entries(document, "imports", Imported, findings)]
        blocks = Blocks(tuple(filter(None, moved)), tuple(filter(None, imports)))
        # Beside what is wrong with the batches, nothing is known of what they are called.
        if any(blocks) and not findings:
            for finding in contradictions(blocks, batches):
                findings.add(finding)
        return blocks

    def _rule(self, index: int, entry: Moved) -> Rename | None:
        pointer, spec = ("moved", index), self._spec
        previous, address = _in_full(entry.previous, spec), _in_full(entry.to, spec)
        for key, written, meant in (("from", entry.previous, previous), ("to", entry.to, address)):
            if why := _why_unfit(meant, key, spec):
                self._findings.add(Finding("bad-address", f"`{brief(written)}` {why}", (*pointer, key), GRAMMAR))
                return None
        if previous.endswith(f"/{ALL}") != address.endswith(f"/{ALL}"):
            message = "all of a spec becomes all of this one: `*` stands on both sides or on none"
            self._findings.add(Finding("bad-move", message, pointer, 'write it like {from: nightly/*, to: "*"}'))
            return None
        if previous == address:
            message = f"`{brief(entry.previous)}` is moved to where it is"
            self._findings.add(Finding("bad-move", message, pointer, "name what it was called before under `from`"))
            return None
        return Rename(previous, address, pointer)

    def _adoption(self, index: int, entry: Imported) -> Adoption | None:
        pointer, address = ("imports", index), _in_full(entry.to, self._spec)
        if not is_address(address) or spec_of(address) != self._spec:
            message = f"`{brief(entry.to)}` can be no batch of this spec, `{self._spec}`"
            self._findings.add(Finding("bad-address", message, (*pointer, "to"), GRAMMAR))
            return None
        if (entry.run_key is None) != (self._run.once_per == "content"):
            self._findings.add(_about_run(entry, self._run, pointer))
            return None
        try:
            return Adoption(address, entry.id, self._run_key(entry.run_key), pointer)
        except (UsageError, Refused) as error:
            hint = " ".join(filter(None, [error.why, error.hint]))
            self._findings.add(Finding(error.code, error.message, (*pointer, "run_key"), hint))
            return None

    def _run_key(self, word: str | None) -> str:
        if word is None:
            return ""
        return resolve_run(self._run.once_per, self._run.timezone, self._now, word).key


def _in_full(name: str, spec: str) -> str:
    return name if "/" in declaration_of(name) else f"{spec}/{name}"


def _entries(document: Mapping[str, Any], section: str, kind: type[T], findings: Findings) -> Iterator[tuple[int, T]]:
    declared = document.get(section)
    if declared is None:
        return
    if not isinstance(declared, list):
        message = f"`{section}` must be a list, not {kind_of(declared)}"
        findings.add(Finding("wrong-type", message, (section,), "start each entry with `- `"))
        return
    for index, entry in enumerate(declared):
        if _refuse_references(entry, (section, index), findings):
            continue
        try:
            yield index, converted(entry, kind)
        except MALFORMED:
            from batchrunner.loader.refusing import refusals_of_entry

            for finding in refusals_of_entry(section, entry, index):
                findings.add(finding)


def _refuse_references(entry: Any, pointer: tuple[str | int, ...], findings: Findings) -> bool:
    texts = entry.items() if isinstance(entry, dict) else ()
    referring = [key for key, value in texts if isinstance(value, str) and refers(value)]
    for key in referring:
        message = f"`{pointer[0]}` holds no references"
        findings.add(Finding("reference-not-allowed", message, (*pointer, key), "write the value out"))
    return bool(referring)


def _why_unfit(address: str, key: str, spec: str) -> str:
    """Why `address` cannot be moved from or to; empty where it can."""
    if address.endswith(f"/{ALL}"):
        return "" if NAME.match(spec_of(address)) and (key == "from" or spec_of(address) == spec) else f"is not {_FORM}"
    if not is_address(address):
        return "can be no address of a batch"
    if "#" in address:
        return "is a shard, and shards move with their batch"
    return f"is not of this spec, `{spec}`" if key == "to" and spec_of(address) != spec else ""


def _about_run(entry: Imported, run: Run, pointer: tuple[str | int, ...]) -> Finding:
    if entry.run_key is not None:
        message = "`run_key` has no place here: this spec is keyed by content, and what is imported is its content"
        return Finding("import-run-key", message, (*pointer, "run_key"), "leave it out", "key")
    message = f"the import of `{brief(entry.to)}` does not say which {run.once_per} it is"
    return Finding("import-run-key", message, pointer, f"add `run_key: {EXAMPLES[run.once_per]}`")


def contradictions(blocks: Blocks, batches: Sequence[Batch]) -> Iterator[Finding]:
    """What is wrong with entries that are in order by themselves, beside each other and the declared `batches`."""
    moved, imports = blocks
    yield from _twice(moved)
    renaming = Renaming(moved)
    for rule in moved:
        yield from _about_declared(rule, moved, batches)
        if _leads_back(rule, renaming):
            message = f"`{brief(rule.previous)}` is moved in a circle"
            yield Finding("move-circle", message, (*rule.pointer, "from"), "take one of its moves out")
    yield from _imported_twice(imports)
    for each in imports:
        if not any(_declares(batch, whole_of(each.address)) for batch in batches):
            yield _undeclared("import-to-undeclared", each.address, (*each.pointer, "to"), batches)


def _twice(moved: Sequence[Rename]) -> Iterator[Finding]:
    for key, word in (("previous", "from"), ("address", "to")):
        first: dict[str, Rename] = {}
        for rule in moved:
            name = getattr(rule, key)
            if first.setdefault(name, rule) is not rule:
                message = f"`{brief(name)}` is moved {word} twice"
                hint = f"the first is entry {first[name].pointer[1] + 1} of `moved`"  # type: ignore[operator]
                yield Finding("moved-twice", message, (*rule.pointer, word), hint)


def _about_declared(rule: Rename, moved: Sequence[Rename], batches: Sequence[Batch]) -> Iterator[Finding]:
    if any(rule.applied(batch.address) is not None for batch in batches):
        yield still_declared(rule)
    leads_on = any(other is not rule and _overlaps(other, rule.address) for other in moved)
    if not (rule.is_of_spec or leads_on or any(_declares(batch, rule.address) for batch in batches)):
        yield _undeclared("move-to-undeclared", rule.address, (*rule.pointer, "to"), batches)


def moved_files(spec: Spec) -> Iterator[Finding]:
    """What is moved from a file that a pattern of `spec`, which is expanded, still names."""
    for rule in spec.moved:
        if FILE in members_of(rule.previous) and any(batch.address == rule.previous for batch in spec.batches):
            yield still_declared(rule)


def still_declared(rule: Rename, where: str = "") -> Finding:
    """What is said of a rule whose `from` is declared, in another file where one is named."""
    message = f"`{brief(rule.previous)}` is moved, and is still declared{f' in {where}' if where else ''}"
    hint = "take the entry out, or rename the batch: what was submitted belongs to one name"
    return Finding("move-from-declared", message, (*rule.pointer, "from"), hint)


def _overlaps(rule: Rename, address: str) -> bool:
    return not rule.is_of_spec and declaration_of(rule.previous) == declaration_of(address)


def _undeclared(code: str, address: str, pointer: tuple[str | int, ...], batches: Sequence[Batch]) -> Finding:
    known = [batch.address.partition("/")[2] for batch in batches]
    name = address.partition("/")[2]
    hint = did_you_mean(name, [*known, *(declaration_of(each) for each in known)])
    return Finding(code, f"this spec declares no batch `{brief(name)}`", pointer, hint)


def _declares(batch: Batch, whole: str) -> bool:
    """Whether `batch` is `whole`, one of its members, or a pattern for files of which that may be one."""
    if whole in {batch.address, declaration_of(batch.address)}:
        return True
    members = {key: value for key, value in members_of(whole).items() if key != FILE}
    same = declaration_of(whole) == declaration_of(batch.address) and members == members_of(batch.address)
    return batch.declaration.is_pattern and FILE in members_of(whole) and same


def _leads_back(rule: Rename, renaming: Renaming) -> bool:
    """Whether what is moved by `rule` comes to be moved by it again."""
    address = rule.address
    for _ in renaming.rules:
        following = renaming.step(address)
        if following in {address, rule.address}:
            return following != address
        address = following
    return True


def _imported_twice(imports: Sequence[Adoption]) -> Iterator[Finding]:
    ids: dict[str, Adoption] = {}
    places: dict[tuple[str, str], Adoption] = {}
    for each in imports:
        if ids.setdefault(each.batch_id, each) is not each:
            message = f"`{brief(each.batch_id)}` is imported twice"
            yield Finding("imported-twice", message, (*each.pointer, "id"), "one batch stands for one declaration")
        if places.setdefault((each.address, each.run_key), each) is not each:
            message = f"`{brief(each.address)}` is imported twice{f' for {each.run_key}' if each.run_key else ''}"
            yield Finding("imported-twice", message, (*each.pointer, "to"), "one batch stands for one declaration")
