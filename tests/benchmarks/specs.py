"""Specs of any size, as files."""

from pathlib import Path

_BATCH = """\
  - name: tickets-{number:06d}
    input_file_id: file-{number:016d}
    endpoint: /v1/chat/completions
"""
_DETAILS = """\
    completion_window: 24h
    metadata:
      team: support
      source: tickets-{number:06d}
      owner: data-platform
"""


def written(folder: Path, batches: int, name: str = "nightly", *, detailed: bool = False) -> Path:
    """A spec of so many batches in `folder`; detailed ones are some 205 bytes each."""
    folder.mkdir(parents=True, exist_ok=True)
    batch = _BATCH + (_DETAILS if detailed else "")
    path = folder / f"{name}.yaml"
    path.write_text("batches:\n" + "".join(batch.format(number=number) for number in range(batches)))
    return path
