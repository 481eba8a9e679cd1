"""Test data that others wrote. It is fetched, not kept in the repository: `python .ci/corpora`."""

from pathlib import Path

import pytest

_CORPORA = Path(__file__).parents[1] / "corpora"


def json_suite() -> dict[str, bytes]:
    """The JSON parsing test suite by file name: `y_…` must be accepted, `n_…` refused, `i_…` may be either."""
    return {path.name: path.read_bytes() for path in sorted(_needed("json").glob("*.json"))}


def naughty_strings() -> list[str]:
    """Strings that break programs."""
    lines = _needed("naughty-strings.txt").read_text(encoding="utf-8", errors="surrogatepass").split("\n")
    return [line for line in lines if line and not line.startswith("#")]


def _needed(name: str) -> Path:
    path = _CORPORA / name
    if not path.exists():
        pytest.skip(f"tests/corpora/{name} is missing: run .ci/corpora")
    return path
