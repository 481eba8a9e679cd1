"""Completion windows: their lengths, and which of them a provider offers."""

import pytest

from batchrunner.windows import hours, is_offered


@pytest.mark.parametrize(
    ("window", "length"),
    [("24h", 24), ("1h", 1), ("7d", 168), ("0h", None), ("", None), ("24", None), ("1.5h", None), ("²h", None)],
)
def test_a_window_has_a_length(window: str, length: int | None) -> None:
    assert hours(window) == length


@pytest.mark.parametrize(
    ("window", "offered", "expected"),
    [
        ("24h", ("24h",), True),
        ("1d", ("24h",), True),
        ("48h", ("24h",), False),
        ("24h", ("24h..7d",), True),
        ("168h", ("24h..7d",), True),
        ("169h", ("24h..7d",), False),
        ("1h", ("24h..7d",), False),
        ("1h", ("24h..7d", "1h"), True),
        ("soon", ("24h..7d",), False),
        ("soon", ("soon",), True),
        ("24h", ("soon..later",), False),
        ("24h", ("..48h",), False),
        ("24h", (), False),
    ],
)
def test_a_provider_offers_windows_and_ranges_of_them(window: str, offered: tuple[str, ...], expected: bool) -> None:
    assert is_offered(window, offered) is expected
