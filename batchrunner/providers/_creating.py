"""One create on its way: what to send next, what a result means for it, and what is true when it is given up."""

import asyncio
from datetime import datetime

from batchrunner.facts import ProviderFacts, key_is_alive
from batchrunner.jobs import Accepted, Create, Deferred, Denied, InDoubt, Rejected, Settling
from batchrunner.moments import time_of
from batchrunner.ports import Clock
from batchrunner.providers._calls import Call, Result
from batchrunner.providers._dialect import Dialect
from batchrunner.providers._finding import Ask
from batchrunner.providers._inline import InlineBodies, InlineBody
from batchrunner.providers._verdicts import Again, Redact, Unusable, judge
from batchrunner.records import replace


class Creating:
    """A create. In doubt from the moment that a send of its key may have been acted on, in this run or before.

    `since` is when the first send of all may have left. `bodies` are what is sent where the requests travel in it.
    """

    is_patient = False

    def __init__(
        self,
        job: Create,
        dialect: Dialect,
        *,
        facts: ProviderFacts,
        clock: Clock,
        redact: Redact,
        bodies: InlineBodies | None = None,
    ) -> None:
        self.address = job.address
        self._job = job
        self._call = dialect.create_call(job)
        self._dialect = dialect
        self._facts = facts
        self._clock = clock
        self._redact = redact
        self._bodies = bodies
        self._body: InlineBody | None = None
        self._in_doubt = bool(job.sent_at)
        self._first_send = time_of(job.sent_at)
        self.since = self._first_send

    async def look(self, ask: Ask) -> Settling | None:
        """Why the requests that travel in it cannot be read; a create itself is not looked for here."""
        if self._bodies is None or (self._in_doubt and not self._honours_keys):
            return None
        problem = await asyncio.to_thread(self._bodies.measure)
        return problem and self._unsendable(problem)

    def next(self, server_time: datetime | None) -> Call | Settling:
        """The create, or why it must not be sent (again). `server_time` is the latest Date the provider gave."""
        now = self._clock.now()
        if self._in_doubt and (refusal := self._refusal(now, server_time)):
            return refusal
        if self._bodies is not None:
            body = self._bodies.body()
            if not isinstance(body, InlineBody):
                return self._unsendable(body)
            self._body = body
            self._call = self._call._replace(body=body, deadline=self._facts.timeouts.upload_seconds)
        self._first_send = self._first_send or now
        self.since = self.since or now
        return self._call

    def judge(self, result: Result) -> Settling | Again:
        """What `result` settles; `Again` only where sending the same bytes again is safe."""
        if self._body is not None and self._body.problem is not None:
            return self._unsendable(self._body.problem)
        verdict = judge(result, in_doubt=self._in_doubt, read=self._read, redact=self._redact, now=self._clock.now())
        if isinstance(verdict, Again):
            self._in_doubt = self._in_doubt or verdict.ambiguous
            return verdict if self._honours_keys or not self._in_doubt else self.give_up(verdict)
        if isinstance(verdict, Denied) and self._in_doubt:
            return replace(verdict, in_doubt=True)
        return verdict

    def give_up(self, again: Again) -> Settling:
        """What is true when nothing more is sent."""
        if self._in_doubt:
            return InDoubt(code=again.code, status=again.status, words=again.words)
        return Deferred(code=again.code, status=again.status, words=again.words, retry_after=again.retry_after or 0.0)

    def absolve(self) -> None:
        """No send so far was acted on: the next is a first one."""
        self._in_doubt = False
        self._first_send = None

    @property
    def _honours_keys(self) -> bool:
        return self._facts.idempotency in {"header", "body"}

    def _unsendable(self, problem: Rejected) -> Settling:
        """A body that was cut short made no batch; an earlier one may have."""
        return InDoubt(code=problem.code, words=problem.words) if self._in_doubt else problem

    def _read(self, body: bytes) -> Accepted | Unusable:
        if self._body is not None and not self._body.is_verified:
            return Unusable("the reply came before the requests were all sent")
        return self._dialect.read_created(body, self._job.input_file_id)

    def _refusal(self, now: datetime, server_time: datetime | None) -> InDoubt | None:
        if self._facts.idempotency == "list-match":
            return InDoubt(code="unanswered", words="an earlier create was never answered")
        if not self._honours_keys:
            return InDoubt(code="no-idempotency", words="this provider would take a second send for a second batch")
        if self._first_send is None or not key_is_alive(self._facts, self._first_send, now, server_time):
            return InDoubt(code="key-expired", words="the provider may have forgotten the key of the earlier send")
        return None
