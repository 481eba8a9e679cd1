"""Carries out a plan: each change from durable intent to recorded outcome, many at a time, one writer of state.

The order is the promise. An intent is durable before its first byte is sent; an upload's result is durable before the
create that names it; a create's outcome is durable before it is reported. What a crash leaves behind is therefore
always one of the states that the planner knows how to carry on from.
"""

import asyncio
from collections.abc import Iterator, Mapping

from batchrunner.address import spec_of
from batchrunner.attempts import settle, tags_of
from batchrunner.brake import Brake
from batchrunner.errors import StateError
from batchrunner.events import Event, Failed, Finished, Imported, Started, Stopping, Submitted
from batchrunner.events import Uploaded as UploadedEvent
from batchrunner.importing import attempt_of, is_recorded, not_imported
from batchrunner.jobs import Accepted, Create, Denied, Look, Outcome, Seen, Settling, Upload, Uploaded
from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.moments import text_of
from batchrunner.plans import Import, Plan, Resume, Sendable
from batchrunner.queues import FULL
from batchrunner.state import Attempt, Entry, Intent, Problem, State, Status, moved
from batchrunner.tools import Report, Tools

__all__ = ["Brake", "Report", "Tools", "apply_plan"]


async def apply_plan(plan: Plan, states: Mapping[str, State], tools: Tools) -> Report:
    """Apply every sendable change of a checked plan; `states` are by spec name, as loaded under their locks.

    Never raises for one change's sake: failures are in the report, and the rest goes on. A defect, which is anything
    that a port promised not to raise, stops the run; it is raised once all that was in flight is finished and saved.
    """
    return await _Apply(plan, states, tools).run()


class _Apply:
    def __init__(self, plan: Plan, states: Mapping[str, State], tools: Tools) -> None:
        self.plan = plan
        self.states = states
        self.tools = tools
        self.report = Report()
        self.in_flight = 0

    async def run(self) -> Report:
        # What is taken from its provider is in state before anything beside it is paid for.
        changes = (*self.plan.imports, *self.plan.sendable)
        self._tell(Started(total=len(changes)))
        waiting = iter(changes)
        senders = min(self.tools.concurrency, len(changes))
        ends = await asyncio.gather(*(self._send_in_turn(waiting) for _ in range(senders)), return_exceptions=True)
        for defect in filter(None, ends):
            raise defect
        report = self.report
        done = report.submitted + report.imported + report.already + len(report.failed) + len(report.unsaved)
        report.left = len(changes) - done
        self._tell(Finished(submitted=report.submitted, failed=len(report.failed), left=report.left))
        return report

    async def _send_in_turn(self, waiting: Iterator[Sendable | Import]) -> None:
        while not self.tools.brake.pulled:
            change = next(waiting, None)
            if change is None:
                return
            self.in_flight += 1
            try:
                await (self._import(change) if isinstance(change, Import) else self._send(change))
            except BaseException:
                self._stop("defect")
                raise
            finally:
                self.in_flight -= 1

    async def _import(self, change: Import) -> None:
        if is_recorded(change, self.states[spec_of(change.address)]):
            self.report.already += 1
            return
        job = Look(address=change.address, provider=change.provider, batch_id=change.batch_id)
        outcome = await self.tools.executor.run(job)
        failure = not_imported(change, outcome)
        if failure is not None:
            self.report.failed.append(failure)
            self._tell(failure)
            if isinstance(outcome, Denied):
                self._stop("authentication-refused")
        elif isinstance(outcome, Seen):
            await self._record(change, attempt_of(change, outcome.batch, self._now(), self.plan.plan_id))

    async def _record(self, change: Import, attempt: Attempt) -> None:
        try:
            await self._keep(change, attempt)
        except StateError as error:
            self.report.state_error = self.report.state_error or error
            self._stop("state-not-written")
            return
        self.report.imported += 1
        self._tell(Imported(address=change.address, run_key=change.run_key, batch_id=change.batch_id))

    async def _send(self, change: Sendable) -> None:
        latest = self.states[spec_of(change.address)].latest(change.address, change.run_key)
        if not self._has_room(change, latest):
            return
        try:
            if latest is None or latest.number != change.attempt:
                await self._begin(change)
            elif latest.status == "submitted":
                self.report.already += 1
            elif latest.status == "rejected":
                self._failed(change, latest, "rejected")
            else:
                await self._resume(change, latest)
        except StateError as error:
            self.report.state_error = self.report.state_error or error
            self._stop("state-not-written")

    def _has_room(self, change: Sendable, latest: Attempt | None) -> bool:
        """Whether the provider's queue takes what no create has left for yet; it is put off otherwise."""
        if latest is not None and latest.number == change.attempt and (latest.sent_at or not latest.unresolved):
            return True
        if self.tools.room.take(change):
            return True
        failure = Failed(address=change.address, run_key=change.run_key, outcome="deferred", code=FULL)
        self.report.failed.append(failure)
        self._tell(failure)
        return False

    async def _begin(self, change: Sendable) -> None:
        if isinstance(change, Resume):
            raise StateError("intent-missing", f"the stored intent of {change.address} is gone")
        at = self._now()
        intent = Intent(**change.as_fields(), plan_id=self.plan.plan_id, created_at=at)
        attempt = Attempt(number=change.attempt, status="intended", intent=intent, updated_at=at)
        if isinstance(intent.source, ProviderFile):
            attempt = self._addressed(change, attempt, "intended", intent.source.file_id)
        elif self.tools.providers[intent.provider].is_inline:
            attempt = self._addressed(change, attempt, "intended", "")
        await self._commit(change, attempt)
        await self._carry_on(change, attempt, "", "")

    async def _resume(self, change: Sendable, attempt: Attempt) -> None:
        earlier = attempt.sent_at
        if attempt.request and not earlier:
            attempt = moved(attempt, "uploaded" if attempt.file_id else "intended", self._now(), sent_at=self._now())
            await self._commit(change, attempt)
        await self._carry_on(change, attempt, attempt.intent.created_at, earlier)

    async def _carry_on(self, change: Sendable, attempt: Attempt, begun: str, earlier: str) -> None:
        """`begun` is when an earlier upload of this attempt may have begun, `earlier` when a create may have left."""
        if not attempt.request:
            attempt = await self._upload(change, attempt, begun)
        if attempt.request:
            await self._create(change, attempt, earlier)

    async def _upload(self, change: Sendable, attempt: Attempt, begun: str) -> Attempt:
        intent = attempt.intent
        assert isinstance(intent.source, LocalFile)  # noqa: S101 - a provider's file makes its request at once
        job = Upload(
            address=change.address,
            provider=intent.provider,
            idempotency_key=intent.idempotency_key,
            source=intent.source,
            since=begun,
        )
        outcome = await self.tools.executor.run(job)
        if not isinstance(outcome, Uploaded):
            await self._settle(change, attempt, outcome)
            return attempt
        uploaded = self._addressed(change, attempt, "uploaded", outcome.file_id, upload_reply=outcome.reply)
        await self._keep(change, uploaded)
        self._tell(UploadedEvent(address=change.address, run_key=change.run_key, file_id=outcome.file_id))
        return uploaded

    async def _create(self, change: Sendable, attempt: Attempt, earlier: str) -> None:
        job = Create(
            address=change.address,
            provider=attempt.intent.provider,
            idempotency_key=attempt.intent.idempotency_key,
            request=attempt.request,
            input_file_id=attempt.file_id,
            sent_at=earlier,
            source=self._inline_source(attempt),
            is_own_file=bool(attempt.file_id) and isinstance(attempt.intent.source, LocalFile),
        )
        await self._settle(change, attempt, await self.tools.executor.run(job))

    def _inline_source(self, attempt: Attempt) -> LocalFile | None:
        source = attempt.intent.source
        is_inline = self.tools.providers[attempt.intent.provider].is_inline
        return source if is_inline and isinstance(source, LocalFile) else None

    async def _settle(self, change: Sendable, attempt: Attempt, outcome: Outcome) -> None:
        assert isinstance(outcome, Settling)  # noqa: S101 - what an upload or a create comes to
        settled = settle(attempt, outcome, self._now())
        await self._keep(change, settled)
        if isinstance(outcome, Accepted):
            self.report.submitted += 1
            self._tell(Submitted(address=change.address, run_key=change.run_key, batch_id=outcome.batch_id))
            return
        self._failed(change, settled, "denied" if isinstance(outcome, Denied) else settled.status)
        if isinstance(outcome, Denied):
            self._stop("authentication-refused")

    def _addressed(
        self, change: Sendable, attempt: Attempt, status: Status, file_id: str, **changes: object
    ) -> Attempt:
        """`attempt` with the exact create body, now that its file is known: from here on it may have been sent."""
        at, intent = self._now(), attempt.intent
        tags = tags_of(change.address, change.run_key, attempt)
        request = self.tools.providers[intent.provider].create_request(intent, file_id, tags)
        return moved(attempt, status, at, file_id=file_id, request=request, sent_at=at, **changes)

    async def _keep(self, change: Sendable | Import, attempt: Attempt) -> None:
        """Commit what a provider answered; where that fails, it is still in the report."""
        try:
            await self._commit(change, attempt)
        except StateError:
            self.report.unsaved.append(Entry(address=change.address, run_key=change.run_key, attempt=attempt))
            raise

    async def _commit(self, change: Sendable | Import, attempt: Attempt) -> None:
        await self.tools.committer.commit(Entry(address=change.address, run_key=change.run_key, attempt=attempt))

    def _failed(self, change: Sendable, attempt: Attempt, outcome: str) -> None:
        problem = attempt.problem or Problem(code=attempt.status)
        failure = Failed(
            address=change.address,
            run_key=change.run_key,
            outcome=outcome,
            code=problem.code,
            words=problem.words,
            status=problem.status,
        )
        self.report.failed.append(failure)
        self._tell(failure)

    def _stop(self, reason: str) -> None:
        if not self.tools.brake.pulled:
            self.tools.brake.pull(reason)
            self._tell(Stopping(reason=reason, in_flight=self.in_flight - 1))

    def _tell(self, event: Event) -> None:
        self.tools.reporter.report(event)

    def _now(self) -> str:
        return text_of(self.tools.clock.now())
