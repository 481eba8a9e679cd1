"""Digests and keys: what goes in, and that nothing else does."""

import hashlib
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.digest import canonical_json, digest_of, fingerprint, idempotency_key

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
texts = st.text(max_size=8)


@given(documents)
def test_canonical_json_is_ascii_json_of_the_same_value(document: object) -> None:
    encoded = canonical_json(document)  # type: ignore[arg-type]
    assert encoded.isascii()
    assert json.loads(encoded) == document


@given(st.dictionaries(texts, texts))
def test_equal_mappings_give_equal_bytes(mapping: dict[str, str]) -> None:
    assert canonical_json(dict(reversed(mapping.items()))) == canonical_json(mapping)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json([number])


def test_a_digest_is_sha256() -> None:
    assert digest_of({"b": 1, "a": "é"}) == "sha256:" + hashlib.sha256(b'{"a":"\\u00e9","b":1}').hexdigest()


@given(st.lists(texts, min_size=4, max_size=4), st.lists(texts, min_size=4, max_size=4))
def test_fingerprints_are_equal_only_for_equal_purchases(one: list[str], other: list[str]) -> None:
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


def test_known_fingerprint_and_key() -> None:
    """These are in people's states and at providers: they may never change."""
    assert fingerprint("alphaedge", "/v1/chat/completions", "24h", "file:file-abc123") == (
        "sha256:06f57dc0b9e6779bcb3f7c19aeab5d7793935fc58909b2fb8715565acfc4e44e"
    )
    assert idempotency_key("acme", "nightly", "nightly/a", "day:2026-11-22", 1) == (
        "br1-m3d5gsqrpxpou3rlge3rnndd3nidv6mo"
    )


keys = st.tuples(texts, texts, texts, texts, st.integers(1, 99))


@given(keys, keys)
def test_keys_are_equal_only_for_equal_submissions(
    one: tuple[str, str, str, str, int], other: tuple[str, str, str, str, int]
) -> None:
    assert (idempotency_key(*one) == idempotency_key(*other)) == (one == other)


@given(keys)
def test_a_key_fits_into_a_header(key: tuple[str, str, str, str, int]) -> None:
    assert re.fullmatch(r"br1-[a-z2-7]{32}", idempotency_key(*key))


def test_a_key_is_the_same_in_every_process() -> None:
    program = "from batchrunner.digest import idempotency_key; print(idempotency_key('a', 'b', 'c', 'd', 2))"
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert found == {idempotency_key("a", "b", "c", "d", 2)}
