"""From an input file to an output file and an error file, line by line, in flat memory."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from batchrunner.sandbox.fates import PLAIN, Chances, Failure, Fate, fate_of
from batchrunner.sandbox.lines import Asked, FileKind, LineRefused, Lines, OpenAILines, Unasked, Written
from batchrunner.sandbox.records import Batch, LineProblem, Result, new_id
from batchrunner.sandbox.responder import Answer, answer

PROBLEMS_SHOWN = 20
SHUFFLED_TOGETHER = 64


class Tries(Protocol):
    """Remembers which lines of which batches failed by a fate that may be another next time."""

    def earlier(self, custom_id: str) -> int:
        """In how many batches before this one the line failed."""
        ...

    def note(self, custom_id: str) -> None:
        """The line failed in this batch."""
        ...


class FirstTries:
    """Nothing was ever tried before."""

    def earlier(self, custom_id: str) -> int:
        """None."""
        return 0

    def note(self, custom_id: str) -> None:
        """Forgotten at once."""


@dataclass(frozen=True, slots=True)
class Task:
    """How lines are answered: `done` of them, all where None; the others were not reached, for the reason `unasked`.

    With `all_fail` none is answered with a success. Without `in_order` lines change places with their neighbours, the
    same way for the same ids.
    """

    shape: Lines = field(default_factory=OpenAILines)
    tries: Tries = field(default_factory=FirstTries)
    chances: Chances = field(default_factory=Chances)
    done: int | None = None
    unasked: Unasked = "batch_expired"
    all_fail: bool = False
    in_order: bool = False


PLAIN_TASK = Task()


class _Made(NamedTuple):
    lines: tuple[Written, ...]
    is_ok: bool
    tokens: tuple[int, int] = (0, 0)
    is_unasked: bool = False


def process(batch: Batch, lines: Iterable[bytes], folder: Path, task: Task = PLAIN_TASK) -> Result:
    """Answer every line of `lines` into `folder`, under the batch's output and error file ids.

    Each file appears whole, and only where there is a line for it. An unusable line fails the batch as a whole, as the
    real service does, and then neither file is left.
    """
    parts: dict[FileKind, Path] = {"output": folder / new_id("output-"), "error": folder / new_id("error-")}
    try:
        with ExitStack() as stack:
            sinks = {kind: stack.enter_context(part.open("wb")) for kind, part in parts.items()}
            result = _Press(batch, task, sinks).run(lines)
        if not result.problems:
            _publish(parts["output"], folder / batch.output_file_id)
            _publish(parts["error"], folder / batch.error_file_id)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return result


def _publish(part: Path, target: Path) -> None:
    if part.stat().st_size:
        part.replace(target)
    else:
        target.unlink(missing_ok=True)


class _Press:
    """Makes the lines of one batch, and counts them."""

    def __init__(self, batch: Batch, task: Task, sinks: Mapping[FileKind, BinaryIO]) -> None:
        self._batch = batch
        self._task = task
        self._sinks = sinks
        self._result = Result()
        self._problems: list[LineProblem] = []
        self._waiting: list[tuple[bytes, Written]] = []

    def run(self, lines: Iterable[bytes]) -> Result:
        """Everything that came of `lines`."""
        for asked in self._read(lines):
            made = self._make(asked)
            self._count(made)
            for written in made.lines:
                self._write(written, asked.custom_id)
        self._flush()
        if not self._problems and not self._result.total:
            self._problems.append(LineProblem("empty_file", "The input file has no requests."))
        return Result(problems=tuple(self._problems)) if self._problems else self._result

    def _read(self, lines: Iterable[bytes]) -> Iterator[Asked]:
        for number, raw in enumerate(lines, 1):
            try:
                if raw.strip():
                    yield self._task.shape.read(raw, self._batch.endpoint)
            except LineRefused as refused:
                self._problems.append(LineProblem(refused.code, str(refused), number))
                if len(self._problems) == PROBLEMS_SHOWN:
                    return

    def _make(self, asked: Asked) -> _Made:
        task = self._task
        if task.done is not None and self._result.total >= task.done:
            return _Made((task.shape.unasked(asked.custom_id, task.unasked),), is_ok=False, is_unasked=True)
        body = {**asked.body, "model": self._batch.model} if self._batch.model else asked.body
        fate = self._fate(asked._replace(body=body))
        said = answer(self._batch.endpoint, asked.custom_id, body, fate.failure)
        lines = tuple(task.shape.answered(one) for one in _with_company(said, fate))
        return _Made(lines, said.is_ok, said.tokens if said.is_ok else (0, 0))

    def _fate(self, asked: Asked) -> Fate:
        task = self._task
        fate = fate_of(asked.custom_id, asked.body, task.chances, lambda: task.tries.earlier(asked.custom_id))
        if fate.failure is not None and fate.failure.is_counted:
            task.tries.note(asked.custom_id)
        return ALL_FAIL if task.all_fail and fate == PLAIN else fate

    def _count(self, made: _Made) -> None:
        before = self._result
        self._result = replace(
            before,
            total=before.total + 1,
            completed=before.completed + made.is_ok,
            failed=before.failed + (not made.is_ok),
            unasked=before.unasked + made.is_unasked,
            input_tokens=before.input_tokens + made.tokens[0],
            output_tokens=before.output_tokens + made.tokens[1],
        )

    def _write(self, written: Written, custom_id: str) -> None:
        place = hashlib.sha256(custom_id.encode("utf-8", "surrogatepass")).digest()
        self._waiting.append((place, written))
        if len(self._waiting) == SHUFFLED_TOGETHER:
            self._flush()

    def _flush(self) -> None:
        if not self._task.in_order:
            self._waiting.sort(key=lambda waiting: waiting[0])
        for _, written in self._waiting:
            self._sinks[written.file].write(json.dumps(written.line).encode() + b"\n")
        self._waiting.clear()


ALL_FAIL = Fate(failure=Failure(400, "Nothing here was answered."))


def _with_company(said: Answer, fate: Fate) -> tuple[Answer, ...]:
    if fate.kind == "drop":
        return ()
    if fate.kind == "duplicate":
        return (said, said)
    if fate.kind == "stranger":
        return (said, replace(said, custom_id=f"stranger-{said.digest[:8]}"))
    return (said,)
