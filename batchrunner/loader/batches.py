"""Declarations to batches: defaults merged in, the matrix expanded, references resolved, every field checked."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from batchrunner.address import address
from batchrunner.loader.explaining import OF_PROVIDERS, belonging, kind_of
from batchrunner.loader.findings import Finding, Findings, Target
from batchrunner.loader.matrix import MatrixReader, Member
from batchrunner.loader.merging import merged
from batchrunner.loader.offers import Asked, Offers
from batchrunner.loader.places import Pointer
from batchrunner.loader.resolving import MOST, Allowance, Exhausted, Plain, Resolver
from batchrunner.printable import brief
from batchrunner.records import MALFORMED, converted
from batchrunner.references import Scope, as_text, refers
from batchrunner.spec import Batch, BatchDeclaration, BatchDefaults, Shard, Table

MAX_BATCHES = 100_000
MAX_REFUSED = 1_000
"""Batches whose mistakes are explained, which takes a hundred times as long as reading them. Fewer are ever listed."""

_EXPLAINING = 50
"""What an entry costs where something is wrong with it, or beside it, in those that are only copied."""

_EXPANDED = ("matrix", "exclude")
_ASKED = ("provider", "endpoint", "completion_window")
_UNLESS_SAID = BatchDefaults()
_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(
        ("version", "description", "run", "vars", "defaults", "batches", "moved", "imports"), "at the top of the file"
    ),
    **OF_PROVIDERS,
    **dict.fromkeys(Table.__struct_fields__, "under `input`"),
    **dict.fromkeys(Shard.__struct_fields__, "under `shard`"),
}
_BESIDE: Mapping[str, str] = {
    "url": "beside `input`, as `endpoint`",
    **dict.fromkeys(BatchDeclaration.__struct_fields__, "in the batch itself"),
}
"""What is looked for one level further down than it belongs."""

_DISPLACED: Mapping[str, Sequence[str]] = {"input": ("input_file_id",), "input_file_id": ("input", "shard")}
_GIVE_INPUT = "write `input: data/requests.jsonl` for a file here, or `input_file_id: file-…` for one at the provider"
_TABLES = (".csv", ".tsv", ".parquet")
_SINGLE: Sequence[Member] = ({},)


class BatchReader:
    """Reads the batches of the spec named `spec`, noting in `findings` everything that is wrong with them.

    `scope` holds what references may stand for outside of a batch; None where the text has no `${` at all.
    """

    def __init__(
        self,
        spec: str,
        *,
        defaults: Mapping[str, Any],
        scope: Scope | None,
        offers: Offers,
        findings: Findings,
        allowance: Allowance,
    ) -> None:
        self._spec = spec
        self._defaults = defaults
        self._scope = scope
        self._offers = offers
        self._findings = findings
        self._names: dict[str, int] = {}
        self._allowance = allowance
        self._refused = 0

    def read(self, declarations: Sequence[Any]) -> tuple[Batch, ...]:
        """The batches that are in order, as declared."""
        batches: list[Batch] = []
        for index, declared in enumerate(declarations):
            try:
                self._read_one(declared, index, batches)
            except Exhausted:
                message = f"with defaults and references put in, there are more than {MOST:,} bytes of specs"
                hint = "refer to shorter values, or name fewer specs"
                self._findings.add(Finding("too-long", message, ("batches", index), hint))
                break
            if self._refused > MAX_REFUSED:
                message = f"more than {MAX_REFUSED:,} batches are wrong; what comes after this one was not looked at"
                self._findings.add(Finding("too-many-problems", message, ("batches", index), "mend the first ones"))
                break
            if len(batches) > MAX_BATCHES:
                message = f"the spec declares more than {MAX_BATCHES:,} batches"
                self._findings.add(Finding("too-many-batches", message, ("batches", index), "split the spec"))
                break
        return tuple(batches)

    def _read_one(self, declared: Any, index: int, batches: list[Batch]) -> None:
        pointer = ("batches", index)
        if type(declared) is not dict:
            message = f"a batch must be a mapping, not {kind_of(declared)}"
            self._findings.add(Finding("wrong-type", message, pointer, "write `- name: …`"))
            return
        self._check_name(declared.get("name"), index)
        members = _SINGLE
        fields = declared
        if "matrix" in declared or "exclude" in declared:
            members = MatrixReader(pointer, self._findings).members(declared)
            fields = {key: value for key, value in declared.items() if key not in _EXPANDED}
        if self._defaults:
            fields = merged(self._base(declared), fields, self._allowance.take_entries)
        plain: Plain = set()
        for member in members:
            batch = self._member(fields, member, pointer, plain)
            if batch is not None:
                batches.append(batch)

    def _check_name(self, name: Any, index: int) -> None:
        if type(name) is str and self._names.setdefault(name, index) != index:
            hint = f"the first is batch {self._names[name] + 1} of the list; names are parts of addresses"
            pointer = ("batches", index, "name")
            self._findings.add(Finding("duplicate-name", f"two batches are named `{name}`", pointer, hint))

    def _base(self, declared: Mapping[str, Any]) -> dict[str, Any]:
        """The defaults under a declaration: its own kind of input displaces a default one of the other kind."""
        gone = {key for said in _DISPLACED if declared.get(said) is not None for key in _DISPLACED[said]}
        return {key: value for key, value in self._defaults.items() if key not in gone}

    def _member(self, fields: dict[str, Any], member: Member, pointer: Pointer, plain: Plain) -> Batch | None:
        written = fields
        unresolved: AbstractSet[Pointer] = frozenset()
        if self._scope is not None:
            fields, unresolved = self._resolved(fields, self._scope._replace(matrix=member), pointer, plain)
        declaration = _declaration(fields)
        if declaration is None:
            self._refuse(_Fields(written, fields, unresolved), pointer)
            return None
        if isinstance(declaration.input, str) and declaration.input.lower().endswith(_TABLES):
            self._findings.add(_table_alone(str(written["input"]), (*pointer, "input")))
        asked = (declaration.provider, declaration.endpoint, declaration.completion_window)
        if self._offers.refusals(asked):
            self._note_refusals(asked, pointer, unresolved)
        if declaration.metadata or declaration.input_file_id is not None:
            self._note_misfits(declaration, pointer)
        texts = {key: as_text(value) for key, value in member.items()} if member else None
        return Batch(address(self._spec, declaration.name, texts), declaration, pointer)

    def _resolved(
        self, fields: dict[str, Any], scope: Scope, pointer: Pointer, plain: Plain
    ) -> tuple[dict[str, Any], AbstractSet[Pointer]]:
        """`fields` with their references replaced, and where that was not possible."""
        name = fields.get("name")
        scope = scope._replace(batch={"name": name if isinstance(name, str) else ""})
        resolver = Resolver(scope, self._allowance, plain)
        resolved = resolver.resolved(fields)
        for where, problem in resolver.problems:
            self._findings.add(Finding(problem.code, problem.message, (*pointer, *where), problem.hint))
        return resolved, {where for where, _ in resolver.problems}

    def _refuse(self, fields: "_Fields", pointer: Pointer) -> None:
        from batchrunner.loader.refusing import refusals_of_batch

        self._refused += 1
        self._allowance.take_entries(_EXPLAINING * _entries_in(fields.resolved))
        known = set(fields.unresolved)
        for finding in refusals_of_batch(fields.resolved):
            where = finding.pointer
            known.add(where)
            if where not in fields.unresolved:
                elsewhere = _BESIDE if len(where) > 1 else _ELSEWHERE
                told = belonging(_blaming(finding, fields.written), elsewhere)
                self._findings.add(told._replace(pointer=(*pointer, *where)))
        # Where a field is wrong the rules between fields are not come to, and everything wrong is to be said at once.
        is_sound = self._has_one_input(fields.resolved, pointer) and not self._cuts_nothing(fields.resolved, pointer)
        if is_sound and not known:
            raise AssertionError(f"{pointer} breaks a rule, and nothing is wrong with it")
        provider, endpoint, window = (str(fields.resolved.get(name, getattr(_UNLESS_SAID, name))) for name in _ASKED)
        self._note_refusals((provider, endpoint, window), pointer, known)

    def _has_one_input(self, fields: Mapping[str, Any], pointer: Pointer) -> bool:
        given = [name for name in ("input_file_id", "input") if fields.get(name) is not None]
        if not given:
            self._findings.add(
                Finding("input-missing", "a batch needs `input_file_id` or `input`", pointer, _GIVE_INPUT)
            )
        elif len(given) == 2:
            message = "a batch has either `input_file_id` or `input`, not both"
            self._findings.add(Finding("input-twice", message, (*pointer, "input"), "delete one of the two", "key"))
        return len(given) == 1

    def _cuts_nothing(self, fields: Mapping[str, Any], pointer: Pointer) -> bool:
        nothing = fields.get("shard") is not None and fields.get("input_file_id") is not None
        if nothing:
            message = "`shard` cuts a local `input`, and this file is at the provider already"
            self._findings.add(Finding("nothing-to-shard", message, (*pointer, "shard"), "delete it", "key"))
        return nothing

    def _note_refusals(self, asked: Asked, pointer: Pointer, known: AbstractSet[Pointer]) -> None:
        for refusal in self._offers.refusals(asked):
            if (refusal.field,) not in known:
                self._findings.add(Finding(refusal.code, refusal.message, (*pointer, refusal.field), refusal.hint))

    def _note_misfits(self, declaration: BatchDeclaration, pointer: Pointer) -> None:
        for misfit in self._offers.misfits(declaration):
            way = (*pointer, misfit.field, misfit.entry) if misfit.entry else (*pointer, misfit.field)
            target: Target = "key" if misfit.entry else "value"
            self._findings.add(Finding(misfit.code, misfit.message, way, misfit.hint, target))


def _entries_in(fields: Mapping[str, Any]) -> int:
    return sum(len(value) for value in fields.values() if isinstance(value, dict | list))


def _declaration(fields: Mapping[str, Any]) -> BatchDeclaration | None:
    """The declaration that `fields` make, or None where they break a rule."""
    try:
        declaration = converted(fields, BatchDeclaration)
    except MALFORMED:
        return None
    remote, local = declaration.input_file_id is not None, declaration.input is not None
    return declaration if remote != local and (local or declaration.shard is None) else None


def _table_alone(path: str, pointer: Pointer) -> Finding:
    """That a table was given for a file of requests, at the `path` that is written in the spec."""
    quoted = f'"{path}"' if refers(path) else path
    hint = f"write `input: {{rows: {brief(quoted)}, custom_id: …, body: …}}`: the request that each row makes"
    return Finding("input-is-a-table", f"`{brief(path)}` is a table, not a file of requests", pointer, hint)


class _Fields(NamedTuple):
    """The fields of a declaration before and after its references were resolved, and where that was not possible."""

    written: Mapping[str, Any]
    resolved: Mapping[str, Any]
    unresolved: AbstractSet[Pointer]


def _blaming(finding: Finding, written: Any) -> Finding:
    """`finding`, with a hint that leads to what a reference stands for where the value is one."""
    for part in finding.pointer:
        written = written.get(part) if isinstance(written, dict) else None
    if finding.code != "wrong-type" or not isinstance(written, str) or not refers(written):
        return finding
    way = "quote the value there" if " must be text, " in finding.message else "change the value there"
    return finding._replace(hint=f"`{brief(written)}` keeps the type of what it stands for; {way}")
