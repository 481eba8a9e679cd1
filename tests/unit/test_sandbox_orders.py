"""What a create and a list may ask for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.sandbox.dialects.openai import ENDPOINTS
from batchrunner.sandbox.objects import ApiError, encode, error_object
from batchrunner.sandbox.orders import Cursor, Order, read_cursor, read_order

GOOD = {"input_file_id": "file-1", "endpoint": "/v1/embeddings"}


def test_the_window_is_a_day_where_not_given() -> None:
    assert read_order(json.dumps(GOOD).encode(), ENDPOINTS) == Order("file-1", "/v1/embeddings", "24h", None)


def test_unknown_fields_are_tolerated() -> None:
    order = read_order(json.dumps({**GOOD, "metadata": {"team": "a"}, "priority": 3}).encode(), ENDPOINTS)
    assert order.metadata == {"team": "a"}


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"input_file_id": None}, "input_file_id", "missing_required_parameter"),
        ({"endpoint": None}, "endpoint", "missing_required_parameter"),
        ({"input_file_id": 7}, "input_file_id", "invalid_type"),
        ({"input_file_id": ""}, "input_file_id", "invalid_type"),
        ({"input_file_id": "f" * 257}, "input_file_id", "invalid_type"),
        ({"endpoint": "/v1/chat/completion"}, "endpoint", "invalid_value"),
        ({"completion_window": "soon"}, "completion_window", "invalid_value"),
        ({"completion_window": 24}, "completion_window", "invalid_value"),
        ({"metadata": []}, "metadata", "invalid_value"),
        ({"metadata": {"a": 1}}, "metadata", "invalid_value"),
        ({"metadata": {"k" * 65: "v"}}, "metadata", "invalid_value"),
        ({"metadata": {"k": "v" * 513}}, "metadata", "invalid_value"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "invalid_value"),
    ],
)
def test_a_bad_create_is_refused_naming_the_parameter(change: dict[str, object], param: str, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_order(json.dumps({**GOOD, **change}).encode(), ENDPOINTS)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


@given(st.binary() | st.just(b"[" * 25_000))
def test_any_bytes_are_an_order_or_a_refusal(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        read_order(body, ENDPOINTS)
    assert caught.value.status == 400
    assert set(json.loads(encode(error_object(caught.value)))["error"]) == {"message", "type", "param", "code"}


def test_cursors() -> None:
    assert read_cursor({}, 20, 100) == Cursor(None, 20)
    assert read_cursor({"after": "batch_1", "limit": "100"}, 20, 100) == Cursor("batch_1", 100)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", "", "1.5", "²", "9" * 5000])
def test_a_limit_out_of_range_is_refused(limit: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_cursor({"limit": limit}, 20, 100)
    assert caught.value.param == "limit"
