"""Where a credential may be sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.errors import Refused
from batchrunner.origins import checked_origin, is_loopback


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.alphaedge-ai.com", "https://api.alphaedge-ai.com"),
        ("https://api.example.com/", "https://api.example.com"),
        ("https://api.example.com/v1", "https://api.example.com"),
        ("https://api.example.com/v1/", "https://api.example.com"),
        ("HTTPS://API.Example.COM:443/v1", "https://api.example.com"),
        ("https://llm_server.internal:8443", "https://llm_server.internal:8443"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        ("https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert checked_origin(url, "it") == origin
    assert checked_origin(origin, "it") == origin


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "no usable host"),
        ("api.example.com", "no usable host"),
        ("https://", "no usable host"),
        ("https:///v1", "no usable host"),
        ("https:api.example.com", "no usable host"),
        ("https://user@api.example.com", "user name"),
        ("https://user:secret@api.example.com", "user name"),
        ("https://@api.example.com", "user name"),
        ("https://good.example\\@evil.example", "user name"),
        ("https://evil.example\\.good.example", "no usable host"),
        ("https://good.example\\", "no usable host"),
        ("https://a,b", "no usable host"),
        ("https://a%2eb", "no usable host"),
        ("https://bücher.example", "no usable host"),
        ("https://\uff45xample.com", "no usable host"),
        ("https://good.example\u3002evil.example", "no usable host"),
        ("https://api.example.com\u2100evil", "cannot be read"),
        ("https://api.example.com\n", "no usable host"),
        ("https://api\t.example.com", "no usable host"),
        ("https://api.example.com\x00", "no usable host"),
        ("\x1bhttps://api.example.com", "no usable host"),
        (" https://api.example.com", "no usable host"),
        ("https://api.example.com ", "no usable host"),
        ("https://-x.example", "no usable host"),
        ("https://x.example.", "no usable host"),
        ("https://api.example.com:", "no usable host"),
        ("https://api.example.com:0", "no usable host"),
        ("https://api.example.com:65536", "cannot be read"),
        ("https://api.example.com:x", "no usable host"),
        ("https://api.example.com:-1", "no usable host"),
        ("https://[::1", "cannot be read"),
        ("https://[::1]evil.example", "no usable host"),
        ("https://[::1%25eth0]", "no usable host"),
        ("https://[12345::]", "cannot be read"),
        ("https://[127.0.0.1]", "cannot be read"),
        ("https://api.example.com/v2", "a path"),
        ("https://api.example.com/v1/batch", "a path"),
        ("https://api.example.com/../v1", "a path"),
        ("https://api.example.com/v1?key=x", "a query"),
        ("https://api.example.com/#x", "a fragment"),
        ("http://api.example.com", "https://"),
        ("http://10.0.0.1", "https://"),
        ("http://localhost.example.com", "https://"),
        ("http://127.0.0.1.example.com", "https://"),
        ("http://0.0.0.0:8080", "https://"),
        ("http://2130706433", "https://"),
        ("http://[::]", "https://"),
        ("ftp://localhost", "https://"),
        ("file:///etc/passwd", "no usable host"),
        ("//localhost", "https://"),
        ("javascript:alert(1)", "no usable host"),
    ],
)
def test_what_is_no_origin(url: str, why: str) -> None:
    with pytest.raises(Refused) as caught:
        checked_origin(url, "BASE_URL (provider p)")
    error = caught.value
    assert error.code == "bad-base-url"
    assert why in error.why
    assert error.message.startswith("BASE_URL (provider p)")


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(Refused) as caught:
        checked_origin("https://user:canary@api.example.com", "BASE_URL")
    assert "canary" not in f"{caught.value.message} {caught.value.why} {caught.value.hint} {caught.value.where}"


@given(st.text() | st.text(alphabet="htps:/@[]\\.1a%?#v \t", max_size=30).map(lambda rest: f"https://{rest}"))
def test_any_text_is_an_origin_or_refused(url: str) -> None:
    try:
        origin = checked_origin(url, "it")
    except Refused:
        return
    assert origin.isascii()
    assert origin.startswith(("https://", "http://"))
    assert checked_origin(origin, "it") == origin


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.255.254", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "localhost.", "LOCALHOST", "127.1", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1.nip.io"]
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
