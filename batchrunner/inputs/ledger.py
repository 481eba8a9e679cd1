"""Adds up what the lines of an input ask for, part by part, and cuts the parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from batchrunner.inputs.blocks import Digests
from batchrunner.inputs.findings import Findings
from batchrunner.linerules import LineProblem
from batchrunner.manifest import LocalFile, Part
from batchrunner.pricing import Demand
from batchrunner.sharder import MAX_SHARDS, Excess, Load, Partition, Sharding, excess

MAX_MODELS = 256
_FILL = "write one request object a line into it, or take the batch out of the spec"
_MOST_TOKENS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ScannedPart:
    """A shard, or the whole where nothing was cut, and what it asks for, by model in order of name."""

    file: LocalFile
    demands: tuple[Demand, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that follow each other and ask the same of the same `model`, which is empty for lines that are not sound.

    There are so many `requests`, in bytes `start` to before `stop` of some block. `ends` tells where each of them ends,
    line end included. `embedding_inputs` says how many each has, and is empty where these are not counted;
    `output_tokens` the most one can be answered with.
    """

    model: str
    output_tokens: int | None
    requests: int
    start: int
    stop: int
    ends: Callable[[], Sequence[int]]
    embedding_inputs: Sequence[int] = ()

    @property
    def size(self) -> int:
        """The bytes of all lines."""
        return self.stop - self.start

    def bounds(self) -> Sequence[int]:
        """Where each of the lines begins, and where the last one ends."""
        return (self.start, *self.ends())


@dataclass(slots=True)
class _Tally:
    requests: int = 0
    size: int = 0
    output_tokens: int | None = 0

    def add(self, requests: int, size: int, output_tokens: int | None) -> None:
        self.requests += requests
        self.size += size
        if self.output_tokens is None or output_tokens is None:
            self.output_tokens = None
        else:
            self.output_tokens += output_tokens * requests


@dataclass(slots=True)
class _Part:
    start: int
    before: int
    requests: int = 0
    tallies: dict[str, _Tally] = field(default_factory=dict)


class Ledger:
    """The parts of an input, its `size` in bytes and the `models` it names, up to the line that was added last."""

    def __init__(self, sharding: Sharding, findings: Findings) -> None:
        self._sharding = sharding
        self._findings = findings
        self._partition = Partition(sharding)
        self._parts = [_Part(0, 0)]
        self.models: set[str] = set()
        self.size = 0
        self._requests = 0
        self._overflow: tuple[Excess, ...] = ()

    def add(self, run: Run, line: int) -> tuple[int, ...]:
        """Add `run`, which begins at number `line` of the file; where in the file parts begin within it, in bytes."""
        load = self._partition.load(run.requests, run.size, run.bounds, run.embedding_inputs)
        if self._partition.has_room(load):
            self._partition.add(load)
            self._tally(run, run.requests, run.size, line)
            return ()
        return self._add_apart(run, line)

    def add_blank(self, size: int) -> None:
        """Add bytes that are no request: they stay with the part before them."""
        is_over = bool(self._partition.excess)
        self.add_rest(size)
        if self._sharding.is_allowed and not is_over:
            self._overflow = self._partition.excess

    def add_rest(self, size: int) -> None:
        """Add bytes of a line that is too long, and was added as far as it had been read."""
        self._partition.add(Load(size=size))
        self.size += size

    def _add_apart(self, run: Run, line: int) -> tuple[int, ...]:
        """Add `run` in pieces, a new part beginning where there is no room for the next line."""
        sums, first, cuts = self._partition.sums(run.bounds(), run.embedding_inputs), 0, []
        while first < run.requests:
            last = self._partition.reach(sums, first)
            if first == last:
                if self._begin():
                    cuts.append(self.size)
                last = max(first + 1, self._partition.reach(sums, first))
                self._check_fits(excess(sums.between(first, first + 1), self._sharding), line + first)
            load = sums.between(first, last)
            self._partition.add(load)
            self._tally(run, last - first, load.size, line + first)
            first = last
        return tuple(cuts)

    def _begin(self) -> bool:
        """Begin a part; whether there is one before it."""
        self._partition.begin()
        if not self._parts[-1].requests or len(self._parts) > MAX_SHARDS:
            return False
        self._parts.append(_Part(self.size, self._requests))
        return True

    def _check_fits(self, too_much: Sequence[Excess], line: int) -> None:
        for what, found, limit in too_much:
            words = f"the request alone has {found:,} {what}; a batch takes {limit:,}"
            self._findings.problem(line, LineProblem("request-too-large", words, "make it smaller"))

    def _tally(self, run: Run, requests: int, size: int, line: int) -> None:
        self.size += size
        self._requests += requests
        part = self._parts[-1]
        part.requests += requests
        if run.model and requests and self._has_place(run.model, line):
            part.tallies.setdefault(run.model, _Tally()).add(requests, size, run.output_tokens)

    def _has_place(self, model: str, line: int) -> bool:
        if model not in self.models and len(self.models) <= MAX_MODELS:
            self.models.add(model)
            if len(self.models) > MAX_MODELS:
                words = f"the file names more than {MAX_MODELS} models"
                self._findings.problem(line, LineProblem("too-many-models", words, "make several files of it"))
        return model in self.models

    def conclude(self) -> None:
        """Tell what only the whole file can show."""
        if not self._requests:
            self._findings.problem(0, LineProblem("empty-file", "the file holds no request", _FILL))
        if len(self._parts) > MAX_SHARDS:
            words = f"the file would make more than {MAX_SHARDS:,} shards"
            self._findings.problem(
                0, LineProblem("too-many-shards", words, "let `shard` hold more, or make several files")
            )
        for each in self._overflow if self._sharding.is_allowed else self._partition.excess:
            self._findings.problem(0, self._too_much(*each))

    def _too_much(self, what: str, found: int, limit: int) -> LineProblem:
        code = "too-many-tasks" if what == "requests" else f"too-many-{what.replace(' ', '-')}"
        if self._sharding.is_allowed:
            words = f"with the blank lines at the end, there are {found:,} {what}; a batch takes {limit:,}"
            return LineProblem(code, words, "delete the blank lines")
        words = f"the file holds {found:,} {what}; the provider takes {limit:,} in a batch"
        return LineProblem(code, words, "leave `shard: false` out to have it split, or make several batches of it")

    def parts(
        self, path: str, digests: tuple[str, tuple[Digests, ...]], input_tokens: Callable[[str, int], int]
    ) -> tuple[ScannedPart, ...]:
        """The parts of the file at `path` with their `digests`, those of the whole first."""
        whole, of_parts = digests
        is_cut = self._sharding.is_numbered or len(self._parts) > 1
        ends = (*(part.start for part in self._parts[1:]), self.size)
        scanned = []
        for number, (part, end, digest) in enumerate(zip(self._parts, ends, of_parts, strict=True), 1):
            shard = Part(number=number, start=part.start, before=part.before, whole_sha256=whole, whole_size=self.size)
            file = LocalFile(
                path=path,
                sha256=digest.sha256,
                blake3=digest.blake3,
                size=end - part.start,
                requests=part.requests,
                models=tuple(sorted(part.tallies)),
                part=shard if is_cut else None,
            )
            demands = (_demand(model, tally, input_tokens) for model, tally in sorted(part.tallies.items()))
            scanned.append(ScannedPart(file=file, demands=tuple(demands)))
        return tuple(scanned)


def _demand(model: str, tally: _Tally, input_tokens: Callable[[str, int], int]) -> Demand:
    return Demand(
        model=model,
        requests=tally.requests,
        size=tally.size,
        input_tokens=input_tokens(model, tally.size),
        output_tokens=None if tally.output_tokens is None else min(tally.output_tokens, _MOST_TOKENS),
    )
