"""Files of requests that are asked for again: written once, named by their content, checked as any input is."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from batchrunner import durable
from batchrunner.digest import sha256
from batchrunner.errors import InvalidFiles, Refused
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile
from batchrunner.records import replace
from batchrunner.retries import FOLDER
from batchrunner.state import Attempt
from batchrunner.wiring.estimates import Asked
from batchrunner.wiring.places import hide_from_git

BLOCK = 1 << 20


def write_requests(root: str, lines: Iterable[bytes]) -> str | None:
    """Write `lines` to a file that is named by their content; its path beneath `root`, None where there are none.

    Readable by its owner alone, and there whole or not at all. Raises `Refused` `retry-not-written`.
    """
    folder = Path(root, FOLDER)
    try:
        _make(folder)
        # In containers that share the folder each may be process 1.
        temporary = folder / f".{os.getpid()}.{time.time_ns()}.tmp"
        digest, size = sha256(), 0
        with durable.created(temporary, 0o600) as descriptor:
            with open(descriptor, "wb", buffering=BLOCK, closefd=False) as file:
                for line in lines:
                    digest.update(line)
                    size += file.write(line)
            name = f"{digest.hexdigest()[:32]}.jsonl"
            if size:
                durable.sync(descriptor)
                durable.rename(temporary, folder / name)
            else:
                temporary.unlink()
    except OSError as error:
        raise Refused("retry-not-written", "the requests to ask again cannot be written", where=str(folder),
                      why=error.strerror or str(error),
                      hint="make room there, and run the same command again") from None  # fmt: skip
    return f"{FOLDER}/{name}" if size else None


def _make(folder: Path) -> None:
    top = folder.parent
    for each in (top, folder):
        each.mkdir(mode=0o700, exist_ok=True)
        if each.is_symlink():
            raise Refused("retry-not-written", "requests are not written through a symbolic link", where=str(each),
                          hint="remove it, and run the same command again")  # fmt: skip
    hide_from_git(top)


def scanned_requests(root: str, path: str, base: Attempt, facts: ProviderFacts) -> tuple[LocalFile, Asked]:
    """The file at `path` as a source, and what it asks for. Raises `InvalidFiles` for what may not be sent any more."""
    from batchrunner.estimating import token_counter
    from batchrunner.inputs import SteadyFile, scan_file
    from batchrunner.linerules import LineRules
    from batchrunner.sharder import Sharding

    descriptor = os.open(Path(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        scan = scan_file(
            SteadyFile(descriptor, os.fstat(descriptor)),
            path=path,
            shown=os.path.relpath(Path(root, path)),
            rules=LineRules.of(base.intent.endpoint, facts),
            sharding=Sharding.of(facts.limits, None),
            template=None,
            counter=token_counter(),
        )
    finally:
        os.close(descriptor)
    if scan.diagnostics:
        raise InvalidFiles(scan.diagnostics, unlisted=scan.unlisted)
    if len(scan.parts) > 1:
        raise Refused("retry-too-large", "the rows to ask again are more than one batch takes now", where=path,
                      hint="ask for less at a time: --only-expired, --only-missing, --only-errors")  # fmt: skip
    return replace(scan.parts[0].file, part=None), Asked(scan.parts[0].demands, scan.counted_by, facts)
