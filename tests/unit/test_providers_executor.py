"""Jobs and outcomes travel; the local executor takes each job to its provider."""

import asyncio
import pickle

import pytest

from batchrunner.errors import Refused
from batchrunner.executors import LocalExecutor
from batchrunner.jobs import Accepted, Create, Deferred, Denied, InDoubt, Rejected, Upload, Uploaded
from batchrunner.manifest import LocalFile
from batchrunner.records import Raw

SOURCE = LocalFile(path="in.jsonl", sha256="sha256:00", size=3, requests=1)
UPLOAD = Upload(address="s/b", provider="one", idempotency_key="k", source=SOURCE)
CREATE = Create(address="s/b", provider="two", idempotency_key="k", request="{}", input_file_id="f", sent_at="t")


@pytest.mark.parametrize(
    "record",
    [
        UPLOAD,
        CREATE,
        Rejected(code="bad-request", status=400, words="no"),
        Denied(code="unauthorized", status=401, in_doubt=True),
        Deferred(code="rate-limited", status=429, retry_after=3600.0),
        InDoubt(code="timeout"),
    ],
)
def test_jobs_and_outcomes_pickle(record):
    assert pickle.loads(pickle.dumps(record)) == record


@pytest.mark.parametrize(
    "record", [Accepted(batch_id="b", reply=Raw(b'{"id":"b"}')), Uploaded(file_id="f", reply=Raw(b'{"id":"f"}'))]
)
def test_replies_pickle_with_their_bytes(record):
    again = pickle.loads(pickle.dumps(record))
    assert type(again) is type(record)
    assert bytes(again.reply) == bytes(record.reply)


class Recorder:
    def __init__(self, name):
        self.name = name

    is_inline = False

    def create_request(self, intent, file_id, tags):
        return ""

    async def follow(self, job):
        return Deferred(code=f"{self.name}-follow")

    async def upload(self, job):
        return Deferred(code=f"{self.name}-upload")

    async def create(self, job):
        return Deferred(code=f"{self.name}-create")


def test_each_job_goes_to_its_provider():
    executor = LocalExecutor({"one": Recorder("one"), "two": Recorder("two")})
    assert asyncio.run(executor.run(UPLOAD)).code == "one-upload"
    assert asyncio.run(executor.run(CREATE)).code == "two-create"


def test_an_undeclared_provider_is_refused():
    with pytest.raises(Refused) as caught:
        asyncio.run(LocalExecutor({}).run(UPLOAD))
    assert caught.value.code == "unknown-provider"
