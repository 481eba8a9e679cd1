"""The sandbox as a process of its own: signals, SIGKILL, two on one database, memory, silence."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from batchrunner.sandbox import Ledger

SERVE = """
import sys
from pathlib import Path
from batchrunner.sandbox import Faults, SandboxSettings, serve
settings = SandboxSettings(Path(sys.argv[1]), faults=Faults.parse(sys.argv[2:]))
serve(settings, lambda url: print(url, flush=True))
print("stopped", flush=True)
"""
HEADERS = {"Authorization": "Bearer sandbox"}
MEBIBYTE = 1_048_576


@contextmanager
def served(database: Path, *faults: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-W", "error", "-c", SERVE, str(database), *faults]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def create(client: httpx.Client, key: str) -> httpx.Response:
    body = {"input_file_id": f"file-{key}", "endpoint": "/v1/embeddings"}
    return client.post("/v1/batch", json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_and_in_silence(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path / "sandbox.db", "stall=1:86400") as (process, base_url):
        with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=base_url, headers=HEADERS, timeout=60) as client:
            waiting = pool.submit(create, client, "k")
            while not Ledger(tmp_path / "sandbox.db").batches():
                pass
            process.send_signal(number)
            assert isinstance(waiting.exception(), httpx.TransportError)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "stopped\n", "")
    assert len(Ledger(tmp_path / "sandbox.db").batches()) == 1


def test_what_was_answered_is_there_after_sigkill(tmp_path: Path) -> None:
    database = tmp_path / "sandbox.db"
    answered: list[str] = []

    def storm(base_url: str, prefix: str) -> None:
        with httpx.Client(base_url=base_url, headers=HEADERS, verify=False) as client:
            for number in range(100_000):
                try:
                    answered.append(create(client, f"{prefix}-{number}").json()["id"])
                except httpx.TransportError:
                    return

    for life in range(3):
        with served(database) as (process, base_url):
            threads = [threading.Thread(target=storm, args=(base_url, f"{life}-{n}")) for n in range(3)]
            for thread in threads:
                thread.start()
            with httpx.Client(base_url=base_url, headers=HEADERS, verify=False) as client:
                while len(answered) < 100 * (life + 1):
                    client.get("/v1/batches", params={"limit": 1})
            process.kill()
            for thread in threads:
                thread.join()
    batches = Ledger(database).batches()
    assert set(answered) <= {batch["id"] for batch in batches}
    assert len(batches) <= len(answered) + 3 * 3, "each client had one request in flight at each kill"
    assert len({batch["idempotency_key"] for batch in batches}) == len(batches)


def test_several_processes_may_share_a_database(tmp_path: Path) -> None:
    database = tmp_path / "sandbox.db"
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(4))
        starting = [pool.submit(stack.enter_context, served(database)) for _ in range(3)]
        servers = [future.result()[1] for future in starting]
        clients = [stack.enter_context(httpx.Client(base_url=url, headers=HEADERS, verify=False)) for url in servers]
        for key in range(40):
            replies = [future.result() for future in [pool.submit(create, client, str(key)) for client in clients]]
            assert {reply.status_code for reply in replies} == {200}
            assert len({reply.json()["id"] for reply in replies}) == 1
    assert len(Ledger(database).batches()) == 40
    assert Ledger(database).requests()["replays"] == 80


RACE = """
import sys
from pathlib import Path
from batchrunner.sandbox.records import Batch, new_id
from batchrunner.sandbox.storage import Claim, Storage
storage = Storage(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(1000):
    batch = Batch(new_id("batch_"), 1.0, "file-1", "/v1/embeddings", "24h")
    claim = Claim("create", str(number), b"digest", 1.0, 0.0)
    print(storage.add_batch(batch, batch.id.encode(), claim).body.decode())
storage.close()
"""


def test_racing_processes_commit_each_key_once(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", RACE, str(tmp_path / "sandbox.db")]
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        racers = [stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)) for _ in range(4)]
        assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["ready\n"] * 4
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        told = [racer.communicate()[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert told == [[batch["id"] for batch in Ledger(tmp_path / "sandbox.db").batches()]] * 4


def peak_memory(pid: int) -> int:
    """The most resident memory the process ever had, in bytes (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_uploading_and_processing_a_large_file_takes_no_memory(tmp_path: Path) -> None:
    row = json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"input": "x" * 60_000}})
    piece = row.encode() + b"\n"
    head = (
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.jsonl"\r\n\r\n'
    )

    def body(pieces: int) -> Iterator[bytes]:
        yield head
        for _ in range(pieces):
            yield piece
        yield b"\r\n--x--\r\n"

    with (
        served(tmp_path / "sandbox.db") as (process, base_url),
        httpx.Client(base_url=base_url, headers=HEADERS, verify=False) as client,
    ):

        def whole(pieces: int) -> dict[str, object]:
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            file = client.post("/v1/files", content=body(pieces), headers=headers).json()
            assert file["bytes"] == len(piece) * pieces
            order = {"input_file_id": file["id"], "endpoint": "/v1/embeddings"}
            url = f"/v1/batches/{client.post('/v1/batches', json=order).json()['id']}"
            while (batch := client.get(url).json())["status"] != "completed":
                pass
            counts: dict[str, object] = batch["request_counts"]
            return counts

        whole(10)
        before = peak_memory(process.pid)
        assert whole(1500) == {"total": 1500, "completed": 1500, "failed": 0}
        grown = peak_memory(process.pid) - before
    assert len(piece) * 1500 > 80 * MEBIBYTE
    assert grown < 16 * MEBIBYTE


def test_whatever_clients_do_nothing_is_printed(tmp_path: Path) -> None:
    faults = (
        "drop-before=0.15",
        "drop-after-commit=0.15",
        "truncated=0.2",
        "huge=0.1:20",
        "stall=0.2:0",
        "late-commit=0.2",
    )
    with served(tmp_path / "sandbox.db", *faults) as (process, base_url):
        with httpx.Client(base_url=base_url, headers=HEADERS, verify=False) as client:
            for number in range(60):
                try:
                    create(client, str(number))
                    client.post("/v1/files", data={"purpose": "batch"}, files={"file": b"x" * 400_000})
                except httpx.TransportError:
                    continue
        host, port = base_url.removeprefix("http://").split(":")
        for rubbish in (
            b"",
            b"\x16\x03\x01\x02",
            b"POST /v1/batch HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
            b"GET /\x00 HTTP/9\r\n\r\n",
        ):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(rubbish)
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox\r\nContent-Length: 99\r\n\r\n{"
            )
        process.terminate()
        out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "stopped\n", "")
