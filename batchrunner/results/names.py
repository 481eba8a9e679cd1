"""Where the results of a run lie: names that every file system takes, that cannot collide, and that lead nowhere else.

Addresses and run keys are data: members of a matrix may hold slashes, capitals that some file systems do not tell
apart, and letters that others write in two ways.
"""

import hashlib
import re

from batchrunner.address import spec_of, whole_of

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_.,=@+-]{0,99}(?<!\.)\Z", re.ASCII)
_UNUSUAL = re.compile(r"[^A-Za-z0-9_.,=@+-]", re.ASCII)
_INTERVAL = re.compile(r"(?:content|hour|day|week|month):[0-9a-zTW+:-]{1,60}\Z", re.ASCII)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)")
_KEPT, _DIGITS = 80, 12


def safe_name(text: str) -> str:
    """`text` as the name of one file or folder; two texts never share one, even where capitals are not told apart.

    What is plain stays as it is. Of anything else the strange characters become `-`, and a digest follows a `~`.
    """
    if _PLAIN.match(text) and not _RESERVED.match(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{_UNUSUAL.sub('-', text)[:_KEPT].strip('.-') or 'x'}~{digest}"


def run_name(run_key: str) -> str:
    """The folder of a run: `day:2026-11-22` as `day-2026-11-22`."""
    if _INTERVAL.match(run_key):
        return run_key.replace(":", "-")
    kind, colon, word = run_key.partition(":")
    return safe_name(f"{kind}-{word}" if colon and "-" not in kind else run_key or "run")


def batch_name(address: str) -> str:
    """The folder of a batch, of all its shards: `nightly/tickets[lang=en]#2` as `tickets@lang=en`."""
    batch = whole_of(address).partition("/")[2]
    name, bracket, members = batch.partition("[")
    return safe_name(f"{name}@{members.removesuffix(']')}" if bracket else batch)


def folder_of(address: str, run_key: str) -> tuple[str, str, str]:
    """The folders that lead to the results of a run of a batch, from the folder of all results."""
    return safe_name(spec_of(address)), run_name(run_key), batch_name(address)


def raw_name(identity: str, kind: str) -> str:
    """The name of a file as it was downloaded; `identity` is the id of the batch or the file at the provider."""
    plain = re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}", identity, re.ASCII)
    return f"{identity if plain else safe_name(identity)}.{kind}.jsonl"
