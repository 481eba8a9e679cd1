"""Answering the lines of batches: when a batch is first looked at after validating, and again when it ends early."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from batchrunner.sandbox import lifecycle
from batchrunner.sandbox.fates import Chances
from batchrunner.sandbox.lines import Unasked
from batchrunner.sandbox.processing import Task, process
from batchrunner.sandbox.records import Batch, LineProblem, Result, StoredFile
from batchrunner.sandbox.responder import invented_lines
from batchrunner.sandbox.settings import SandboxSettings
from batchrunner.sandbox.speech import Speech
from batchrunner.sandbox.standing import has_error_file, lines_done
from batchrunner.sandbox.storage import Storage
from batchrunner.sandbox.tries import FailedLines

FILE_GONE = Result(problems=(LineProblem("file_not_found", "The input file was deleted."),), is_final=True)
WHY: dict[str, Unasked] = {"expired": "batch_expired", "cancelled": "batch_cancelled"}
BEFORE = 0.001
LITTLE = 4096


class Settler:
    """Brings what is known of batches up to the present.

    One batch is worked on at a time, and each by one task alone: whoever looks meanwhile waits for that, and when his
    patience ends is shown the batch as it was before.
    """

    def __init__(self, settings: SandboxSettings, storage: Storage, speech: Speech) -> None:
        self._speech = speech
        self._settings = settings
        self._storage = storage
        self._turn = asyncio.Semaphore(1)
        self._tasks: dict[str, asyncio.Task[Batch]] = {}

    async def settled(self, batches: Sequence[Batch], now: float) -> list[tuple[Batch, float]]:
        """The same batches, in order, with the moment up to `now` that each can be shown as of."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._settings.patience
        known = {batch.id: batch for batch in batches}
        while due := [batch for batch in known.values() if self._is_due(batch, now)]:
            tasks = [self._task_for(batch) for batch in due]
            done, _ = await asyncio.wait(tasks, timeout=max(0.0, deadline - clock()))
            if not done:
                break
            known |= {task.result().id: task.result() for task in done}
        return [(known[batch.id], self._shown_as_of(known[batch.id], now)) for batch in batches]

    def _task_for(self, batch: Batch) -> "asyncio.Task[Batch]":
        task = self._tasks.get(batch.id)
        if task is None:
            task = self._tasks[batch.id] = asyncio.create_task(self._work_on(batch))
            task.add_done_callback(lambda _: self._tasks.pop(batch.id, None))
        return task

    async def _work_on(self, batch: Batch) -> Batch:
        """Its lines answered as far as they are now: more may have become due while that was done."""
        async with self._turn:
            while self._is_due(batch, now := self._settings.clock()):
                lines = self._input(batch, now)
                if _is_little(lines):
                    result = self._process(batch, lines, now)
                else:
                    result = await asyncio.to_thread(self._process, batch, lines, now)
                found = replace(batch, result=result)
                self._storage.finish([(found, tuple(self._made(found, now)))])
                batch = self._storage.batch(batch.id) or found
            return batch

    def _shown_as_of(self, batch: Batch, now: float) -> float:
        if not self._is_due(batch, now):
            return now
        if batch.result is None:
            return batch.created_at - BEFORE
        return lifecycle.steps(batch, self._settings.pace)[-1].at - BEFORE

    def _is_due(self, batch: Batch, now: float) -> bool:
        timings = self._settings.pace
        if lifecycle.is_due(batch, timings, now):
            return True
        return batch.result is not None and not batch.result.is_final and self._is_over(batch, now)

    def _is_over(self, batch: Batch, now: float) -> bool:
        return lifecycle.status(batch, self._settings.pace, now) in lifecycle.TERMINAL

    def _input(self, batch: Batch, now: float) -> "Path | Iterable[bytes] | None":
        file_id = batch.input_file_id
        if self._storage.file(file_id, now):
            return self._storage.path(file_id)
        if not self._storage.is_gone(file_id, now):
            return invented_lines(file_id, batch.endpoint)
        kept = self._storage.path(file_id)
        return kept if batch.result is not None and kept.exists() else None

    def _process(self, batch: Batch, lines: "Path | Iterable[bytes] | None", now: float) -> Result:
        """Its lines answered as far as they are, or will be."""
        if lines is None:
            return replace(batch.result, is_final=True) if batch.result else FILE_GONE
        result = batch.result or self._answer(batch, lines, None, now)
        if not self._is_over(replace(batch, result=result), now):
            return result
        done = lines_done(replace(batch, result=result), self._settings.pace, now)
        if not result.problems and done < result.total:
            again = lines if isinstance(lines, Path) else invented_lines(batch.input_file_id, batch.endpoint)
            result = self._answer(batch, again, done, now)
        return replace(result, is_final=True)

    def _answer(self, batch: Batch, lines: "Path | Iterable[bytes]", done: int | None, now: float) -> Result:
        with ExitStack() as stack:
            tries = stack.enter_context(FailedLines(self._settings.database, batch.id, is_again=done is not None))
            task = self._task(tries, done, lifecycle.status(batch, self._settings.pace, now))
            source = stack.enter_context(lines.open("rb")) if isinstance(lines, Path) else lines
            return process(batch, source, self._storage.folder, task)

    def _task(self, tries: FailedLines, done: int | None, status: str) -> Task:
        settings = self._settings
        return Task(
            shape=self._speech.lines,
            tries=tries,
            chances=Chances(settings.row_failures, settings.faults.seed),
            done=done,
            unasked=WHY.get(status, "batch_expired"),
            all_fail="errors-only" in settings.habits,
            in_order="in-order" in settings.habits,
        )

    def _made(self, batch: Batch, now: float) -> Iterator[StoredFile]:
        result = batch.result
        if result is None or result.problems or not result.is_final:
            return
        if result.completed or self._speech.is_inline:
            yield self._file(batch.output_file_id, f"{batch.id}_output.jsonl", now)
        if has_error_file(result, self._settings.habits):
            yield self._file(batch.error_file_id, f"{batch.id}_error.jsonl", now)

    def _file(self, file_id: str, filename: str, now: float) -> StoredFile:
        path = self._storage.path(file_id)
        path.touch()
        return StoredFile(file_id, now, path.stat().st_size, filename, "batch_output", "output")


def _is_little(lines: "Path | Iterable[bytes] | None") -> bool:
    """Whether answering takes no longer than asking a thread to do it."""
    return not isinstance(lines, Path) or (lines.is_file() and lines.stat().st_size < LITTLE)
