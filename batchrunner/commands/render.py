"""`batchrunner render`: the request lines that a batch sends. Offline, without state."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

import click

from batchrunner.address import whole_of
from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options, spec_options
from batchrunner.manifest import LocalFile
from batchrunner.printable import printable
from batchrunner.wiring import Choices, open_workspace
from batchrunner.wiring.rendering import lines_of, source_of


@click.command("render")
@click.argument("path", metavar="PATH")
@click.argument("address", metavar="ADDRESS")
@spec_options
@output_options()
def command(*, path: str, address: str, choices: Choices, output: Output) -> int:
    """Print the request lines that ADDRESS sends, exactly: of a batch in the spec at PATH, or of a shard of it.

    Rows of a table are rendered, lines of a file printed as they are. Everything is checked first; nothing is sent.
    """
    console = Console(output)
    # Only what is asked for is read: other inputs of the spec may be huge, or not there yet.
    workspace = open_workspace([path], replace(choices, targets=(whole_of(address),)), stdin=sys.stdin.buffer.read)
    found, source = source_of(workspace, address)
    lines = lines_of(workspace, source)
    if output.json:
        lines = _document(found, source, lines)
    console.stream(_shown(lines) if sys.stdout.isatty() else lines)
    return 0


def _document(address: str, source: LocalFile, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines as one JSON document, which is never in memory as a whole."""
    head = {"format_version": "1.0", "command": "render", "address": address,
            "requests": source.requests, "size": source.size, "sha256": source.sha256}  # fmt: skip
    yield json.dumps(head).encode().removesuffix(b"}") + b', "lines": ['
    comma = b"\n"
    for line in _split(blocks):
        if line.strip():
            yield comma + line.strip()
            comma = b",\n"
    yield b"\n]\n}\n"


def _shown(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """What a terminal may be given of lines that others wrote: no character that could steer it."""
    for line in _split(blocks):
        yield printable(line.rstrip(b"\r\n").decode(errors="replace")).encode() + b"\n"


def _split(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their ends."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest
