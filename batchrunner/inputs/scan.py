"""One pass over an input: lines checked, ids compared, bytes digested and cut, in memory that lines do not fill."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

from batchrunner.errors import Diagnostic
from batchrunner.inputs.blocks import BLOCK, Digester, Lines, blocks_of
from batchrunner.inputs.checking import Checker
from batchrunner.inputs.ledger import ScannedPart
from batchrunner.linerules import LineRules
from batchrunner.plans import Notice
from batchrunner.ports import TokenCounter
from batchrunner.pricing import BY_BYTES
from batchrunner.sharder import Sharding

__all__ = ["Scan", "ScannedPart", "digest_input", "scan_lines"]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass found: the content's parts, in order, or what is wrong with it.

    Where there are `diagnostics`, parts mean nothing; `unlisted` problems were only counted. `notices` stop nothing.
    `counted_by` is how input tokens were counted: `bytes/4`, or the names of tokenizers joined by `+`.
    """

    parts: tuple[ScannedPart, ...]
    notices: tuple[Notice, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    unlisted: int = 0
    counted_by: str = BY_BYTES

    @property
    def requests(self) -> int:
        """The requests of all parts."""
        return sum(part.file.requests for part in self.parts)


def digest_input(stream: BinaryIO) -> str:
    """`sha256:` and the hex digest of all that `stream` holds."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK):
        digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def scan_lines(
    stream: Lines,
    *,
    path: str,
    shown: str,
    rules: LineRules,
    sharding: Sharding,
    counter: TokenCounter | None = None,
    place_of: Callable[[int], str] = "line {}".format,
) -> Scan:
    """Check `stream` to its end and cut it. `path` is relative to the project root, `shown` how messages name the file,
    `place_of` how the text of a message names a line.

    Whoever opened the file sees to it that it did not change meanwhile.
    """
    with closing(Checker(shown, rules, sharding, counter)) as checker, Digester() as digester:
        for block in blocks_of(stream, rules.max_line_bytes):
            digester.add(block.data, checker.take(block))
        digests = digester.finish()
        checker.conclude(stream, place_of)
    findings = checker.findings
    return Scan(
        checker.ledger.parts(path, digests, checker.sample.estimator()),
        tuple(findings.notices),
        tuple(findings.diagnostics),
        findings.unlisted,
        checker.sample.counted_by(checker.ledger.models),
    )
