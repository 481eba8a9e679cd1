"""What every provider must do, as checks that need no test framework: a dialect, at a server that speaks it.

    def test_my_dialect():
        check_provider(ProviderUnderTest(
            lambda open_input: aclosing(open_provider("mine", FACTS, KEY, open_input=open_input, ...)),
            facts=FACTS, read_line=result_reader(FACTS)))

With pytest, `@pytest.mark.parametrize("check", PROVIDER_CHECKS)` names the one that failed. A check of something that
the facts say is not offered does nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from batchrunner.jobs import (
    Accepted,
    Cancel,
    FilesSurveyed,
    Look,
    NotFound,
    Rejected,
    Removed,
    RemoveFile,
    Seen,
    Survey,
    Surveyed,
    SurveyFiles,
)
from batchrunner.ports import Provider
from batchrunner.records import replace
from batchrunner.testing.following import ended, is_known, lines_of
from batchrunner.testing.submitting import ProviderUnderTest, Submitter, must

KEYED = frozenset({"header", "body"})
AT_ONCE = 8
NOTHING_LIKE_IT = "/v1/nothing-like-it"


def check_provider(subject: ProviderUnderTest) -> None:
    """Run every check. Raises `AssertionError` naming the duty not done."""
    for check in PROVIDER_CHECKS:
        check(subject)


def takes_a_batch_to_its_end(subject: ProviderUnderTest) -> None:
    """C1, L1, F1: uploaded, created, looked at until it is done, downloaded: an answer for each request."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        submission, batch_id = await submitter.submitted(provider)
        batch = await ended(provider, subject, batch_id)
        must(batch.status == "completed", "a batch of good requests must be completed", batch)
        must(batch.batch_id == batch_id, "a look must be at the batch that was asked for", batch)
        rows = [subject.read_line(line) for line in (await lines_of(provider, batch)).splitlines()]
        found = sorted(row.custom_id for row in rows if row is not None)
        must(found == sorted(submission.custom_ids), "every request must have one line of results", rows)
        must(all(row and row.outcome == "ok" for row in rows), "good requests must be answered", rows)

    _run(subject, scenario)


def gives_one_batch_for_a_key(subject: ProviderUnderTest) -> None:
    """C3: a create that is sent again under its key is answered with the batch that it made."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        submission, batch_id = await submitter.submitted(provider)
        again = await submitter.created(provider, submission.job)
        must(again == batch_id, "the same create under the same key must be the same batch", again)

    _run(subject, scenario, subject.facts.idempotency in KEYED)


def refuses_another_create_under_a_key(subject: ProviderUnderTest) -> None:
    """C4: another create under a key that was used makes no batch."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        submission, _ = await submitter.submitted(provider)
        other = await submitter.prepared(provider, 2)
        key = submission.job.idempotency_key
        request = other.job.request.replace(other.job.idempotency_key, key)
        outcome = await provider.create(replace(other.job, idempotency_key=key, request=request))
        must(not isinstance(outcome, Accepted), "a used key must not be taken for another create", outcome)

    _run(subject, scenario, subject.facts.idempotency in KEYED)


def gives_one_batch_for_a_key_sent_at_once(subject: ProviderUnderTest) -> None:
    """C5: of creates under one key that are sent at once there is one batch."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        job = (await submitter.prepared(provider)).job
        ids = await asyncio.gather(*(submitter.created(provider, job) for _ in range(AT_ONCE)))
        must(len(set(ids)) == 1, "creates under one key must be one batch, also at once", ids)

    _run(subject, scenario, subject.facts.idempotency in KEYED)


def refuses_what_it_cannot_do(subject: ProviderUnderTest) -> None:
    """C13: a create that makes no sense is refused for good, in the provider's words."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        wrong = await submitter.prepared(provider, endpoint=NOTHING_LIKE_IT)
        outcome = await provider.create(wrong.job)
        must(isinstance(outcome, Rejected) and bool(outcome.words), "nonsense must be refused, with words", outcome)

    _run(subject, scenario, subject.facts.paths.upload_file is not None)


def stops_a_batch(subject: ProviderUnderTest) -> None:
    """L7, L9: a batch that was stopped comes to an end, and may be stopped again."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        _, batch_id = await submitter.submitted(provider)
        for _ in range(2):
            stopped = await provider.follow(Cancel(address="", provider="", batch_id=batch_id))
            must(isinstance(stopped, Seen), "a batch must be stopped, and once more without harm", stopped)
        await ended(provider, subject, batch_id)

    _run(subject, scenario, subject.facts.paths.cancel_batch is not None)


def leaves_what_has_ended(subject: ProviderUnderTest) -> None:
    """L8: stopping a batch that has ended is no error, and changes nothing."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        _, batch_id = await submitter.submitted(provider)
        last = await ended(provider, subject, batch_id)
        stopped = await provider.follow(Cancel(address="", provider="", batch_id=batch_id))
        is_same = isinstance(stopped, Seen) and stopped.batch.status == last.status
        must(is_same, "what has ended must stay as it is when it is stopped", stopped)

    _run(subject, scenario, subject.facts.paths.cancel_batch is not None)


def knows_what_is_not_there(subject: ProviderUnderTest) -> None:
    """L11: a batch that does not exist is not found, which is no failure."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        _, batch_id = await submitter.submitted(provider)
        other = batch_id[:-4] + ("0000" if not batch_id.endswith("0000") else "1111")
        outcome = await provider.follow(Look(address="", provider="", batch_id=other))
        must(isinstance(outcome, NotFound), "what does not exist must be said not to be found", outcome)

    _run(subject, scenario, subject.facts.paths.batch is not None)


def lists_what_it_has(subject: ProviderUnderTest) -> None:
    """L13, L14: the list has every batch once, by which a create that was never answered is found."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        made = [await submitter.submitted(provider, 1) for _ in range(3)]
        outcome = await provider.follow(Survey(provider=""))
        must(isinstance(outcome, Surveyed) and outcome.is_complete, "the list must be walked to its end", outcome)
        found = outcome.batches if isinstance(outcome, Surveyed) else ()
        for submission, batch_id in made:
            ours = [batch for batch in found if batch.batch_id == batch_id]
            must(len(ours) == 1, "every batch must be in the list once", found)
            must(is_known(ours[0], submission, subject), "a listed batch must say whose it is", ours[0])

    _run(subject, scenario, subject.facts.paths.list_batches is not None)


def lists_files(subject: ProviderUnderTest) -> None:
    """F2: an uploaded file is found by its name, which holds the key that it was uploaded under."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        submission = await submitter.prepared(provider)
        outcome = await provider.follow(SurveyFiles(provider=""))
        found = outcome.files if isinstance(outcome, FilesSurveyed) else ()
        ours = [file for file in found if submission.job.idempotency_key in file.name]
        is_ours = [file.file_id for file in ours] == [submission.job.input_file_id]
        must(is_ours, "an uploaded file must be in the list of files, under its name", outcome)

    paths = subject.facts.paths
    _run(subject, scenario, paths.upload_file is not None and paths.list_files is not None)


def goes_on_with_a_download(subject: ProviderUnderTest) -> None:
    """F3: a download goes on where it broke off, or begins again, and is the same in the end."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        _, batch_id = await submitter.submitted(provider)
        batch = await ended(provider, subject, batch_id)
        whole = await lines_of(provider, batch)
        half = await lines_of(provider, batch, whole[: len(whole) // 2])
        must(half == whole, "half a download that goes on must be the whole of it")

    _run(subject, scenario)


def removes_files(subject: ProviderUnderTest) -> None:
    """An uploaded file is deleted on request, and then is no longer found."""

    async def scenario(provider: Provider, submitter: Submitter) -> None:
        job = RemoveFile(provider="", file_id=(await submitter.prepared(provider)).job.input_file_id)
        removed, again = await provider.follow(job), await provider.follow(job)
        must(isinstance(removed, Removed), "an uploaded file must be deleted on request", removed)
        must(isinstance(again, NotFound | Removed), "a deleted file must not be there any more", again)

    _run(subject, scenario, subject.facts.paths.file is not None)


PROVIDER_CHECKS: Sequence[Callable[[ProviderUnderTest], None]] = (
    takes_a_batch_to_its_end,
    gives_one_batch_for_a_key,
    refuses_another_create_under_a_key,
    gives_one_batch_for_a_key_sent_at_once,
    refuses_what_it_cannot_do,
    stops_a_batch,
    leaves_what_has_ended,
    knows_what_is_not_there,
    lists_what_it_has,
    lists_files,
    goes_on_with_a_download,
    removes_files,
)
"""Every check, each with a docstring that says which duty it holds a provider to, by the cases of `CASES`."""


def _run(
    subject: ProviderUnderTest,
    scenario: Callable[[Provider, Submitter], Awaitable[None]],
    is_offered: bool = True,
) -> None:
    async def opened() -> None:
        submitter = Submitter(subject)
        async with subject.open(submitter.open_input) as provider:
            await scenario(provider, submitter)

    if is_offered:
        asyncio.run(opened())
