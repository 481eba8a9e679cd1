"""The built-in sandbox: a batch provider that runs on this machine.

It speaks AlphaEdge's and OpenAI's calls over loopback HTTP, or another dialect's, keeps everything in one SQLite file,
honours idempotency keys, answers each request line with a deterministic responder, and misbehaves on request. It exists
for `apply --sandbox`, for users' continuous integration and for our own tests.

    with running(SandboxSettings(database=Path("sandbox.db"))) as sandbox:
        httpx.post(f"{sandbox.base_url}/v1/batch", ...)
    Ledger(Path("sandbox.db")).batches()

Importing this package loads neither the HTTP server nor SQLite; using it does.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from batchrunner.sandbox.faults import Faults
from batchrunner.sandbox.ledger import Ledger
from batchrunner.sandbox.settings import Dialect, Running, SandboxSettings, Timings

__all__ = ["Dialect", "Faults", "Ledger", "Running", "SandboxSettings", "Timings", "running", "serve"]


def running(settings: SandboxSettings) -> AbstractContextManager[Running]:
    """Run a sandbox in a daemon thread for the length of a `with` block; yields where it listens.

    No signal handler is installed. Leaving the block drops open connections, commits what was still late (see the
    `late-commit` fault) and joins the thread. Raises Refused where the address or the database cannot be used.
    """
    from batchrunner.sandbox.server import running as run

    return run(settings)


def serve(settings: SandboxSettings, on_ready: Callable[[str], None]) -> None:
    """Run a sandbox in the foreground of the main thread until SIGINT or SIGTERM, then return.

    `on_ready` is called once with the base URL ("http://127.0.0.1:43121") when requests are being accepted. Raises
    Refused where the address or the database cannot be used.
    """
    from batchrunner.sandbox.server import serve as run

    run(settings, on_ready)
