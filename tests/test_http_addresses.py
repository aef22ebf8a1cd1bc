"""An id stays one segment of a path, and every library reads an address in the same way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.errors import InvalidRequestError
from gateway_core.http import endpoint, is_loopback, origin, split

BASE = "https://api.example.com/v1"


@pytest.mark.parametrize(
    "segment, expected",
    [
        ("inv-7", "inv-7"),
        (7, "7"),
        (-7, "-7"),
        (2**63 - 1, "9223372036854775807"),
        ("a/b", "a%2Fb"),
        ("../admin", "..%2Fadmin"),
        ("a/../../b", "a%2F..%2F..%2Fb"),
        ("%2e%2e", "%252e%252e"),
        ("%2e%2e%2fadmin", "%252e%252e%252fadmin"),
        ("..;", "..%3B"),
        ("...", "..."),
        ("1?x=y", "1%3Fx%3Dy"),
        ("1#f", "1%23f"),
        ("a b+c", "a%20b%2Bc"),
        ("\\..\\", "%5C..%5C"),
        ("@evil.example", "%40evil.example"),
        ("заказ", "%D0%B7%D0%B0%D0%BA%D0%B0%D0%B7"),
        ("\uff0e\uff0e", "%EF%BC%8E%EF%BC%8E"),
    ],
)
def test_an_id_is_one_segment(segment: str | int, expected: str) -> None:
    """S8: whatever an id holds, it is one segment of the path, and the HTTP library sends it unchanged."""
    address = endpoint(BASE, "invoices", segment, "cancel")

    actual = requests.Request("GET", address).prepare().url

    assert (address, actual) == (f"{BASE}/invoices/{expected}/cancel", address)


@given(st.text(min_size=1))
def test_any_id_is_one_segment_or_refused(segment: str) -> None:
    """S8: no id leaves its place."""
    try:
        address = endpoint(BASE, "invoices", segment)
    except InvalidRequestError:
        return

    sent = urlsplit(requests.Request("GET", address).prepare().url or "")

    assert (sent.path.count("/"), unquote(sent.path), sent.query, sent.fragment) == (
        3,
        f"/v1/invoices/{segment}",
        "",
        "",
    )


@pytest.mark.parametrize(
    "segment",
    [
        "",
        ".",
        "..",
        "a\r\nb",
        "\n",
        "a\x00",
        "\x1f",
        "\x7f",
        "\ud800",
        None,
        True,
        1.5,
        Decimal(1),
        b"7",
        2**63,
        -(2**63),
    ],
    ids=ascii,
)
def test_what_is_no_id_is_refused(segment: Any) -> None:
    """S8: empty, a dot or two, control characters, half characters, what is no text and endless ints are refused."""
    with pytest.raises(InvalidRequestError):
        endpoint(BASE, "invoices", segment)


@pytest.mark.parametrize(
    "base, segments, expected",
    [
        (BASE, (), BASE),
        (f"{BASE}/", (), BASE),
        (f"{BASE}//", ("a",), f"{BASE}/a"),
        ("https://api.example.com", ("a", "b"), "https://api.example.com/a/b"),
    ],
)
def test_slashes_stand_between_segments(base: str, segments: tuple[str, ...], expected: str) -> None:
    """The base may end in a slash or not."""
    actual = endpoint(base, *segments)

    assert actual == expected


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_queries_are_read_back(query: dict[str, str]) -> None:
    """A query holds its names and values exactly, whatever stands in them."""
    actual = parse_qs(urlsplit(endpoint(BASE, query=query)).query, keep_blank_values=True)

    assert actual == {name: [value] for name, value in query.items()}


def test_what_is_none_is_left_out_of_the_query() -> None:
    """An optional filter needs no condition in the plugin."""
    actual = endpoint(BASE, "payments", query={"limit": 100, "since": None, "q": "a b&c", "empty": ""})

    assert actual == f"{BASE}/payments?limit=100&q=a%20b%26c&empty="


@pytest.mark.parametrize(
    "query", [{"a": True}, {"a": 1.5}, {"a": Decimal(1)}, {"a": "\ud800"}, {1: "a"}, {"a": ["b"]}], ids=ascii
)
def test_queries_hold_text_and_ints(query: Any) -> None:
    """A query holds nothing whose text is Python's own."""
    with pytest.raises(InvalidRequestError):
        endpoint(BASE, query=query)


@pytest.mark.parametrize(
    "url, expected",
    [
        ("http://localhost:8000/x", True),
        ("http://LOCALHOST", True),
        ("http://127.0.0.1", True),
        ("http://127.0.0.2:80", True),
        ("http://127.255.255.254", True),
        ("http://[::1]:8000", True),
        ("http://[::ffff:127.0.0.1]", True),
        ("http://user:pass@127.0.0.1", True),
        ("http://localhost.evil.example", False),
        ("http://localhost.", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("http://evil.example#@127.0.0.1", False),
        ("http://evil.example?@127.0.0.1", False),
        ("http://evil.example\\@127.0.0.1", False),
        ("http://127.0.0.1\\@evil.example", False),
        ("http://evil.example/127.0.0.1", False),
        ("http://127.0.0.1%318", False),
        ("http://127.0.0%2E1", False),
        ("http://[::1%25lo]", False),
        ("http://127.1", False),
        ("http://2130706433", False),
        ("http://0x7f.1", False),
        ("http://0177.0.0.1", False),
        ("http://0.0.0.0", False),
        ("http://[::]", False),
        ("http://[::ffff:10.0.0.1]", False),
        ("http://10.0.0.1", False),
        ("http://169.254.169.254", False),
        ("http://１27.0.0.1", False),
        ("http://127.0.0.1\n.evil.example", False),
        ("http://127.0.0.1:99999", False),
        ("http://[::1", False),
        ("http://", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(url: str, expected: bool) -> None:
    """S4: an address that any library could read as another host is not loopback."""
    actual = is_loopback(url)

    assert actual is expected


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://api.example.com", "https://api.example.com:443"),
        ("HTTPS://API.example.com/v1?a#b", "https://api.example.com:443"),
        ("http://api.example.com", "http://api.example.com:80"),
        ("https://api.example.com:8443", "https://api.example.com:8443"),
        ("https://user@api.example.com", "https://api.example.com:443"),
        ("https://[::1]/", "https://[::1]:443"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, expected: str) -> None:
    """S5: two addresses of one origin are told by these three."""
    actual = origin(url)

    assert actual == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "//api.example.com",
        "https://",
        "ftp://api.example.com",
        "https://a:0",
        "https://a:99999",
        "https://a:b",
        "https://[::1",
        "https://a b",
        "https://a\\b",
        "https://ä",
        "https://a\n",
    ],
    ids=ascii,
)
def test_what_has_no_origin_is_refused(url: str) -> None:
    """S4: an address that is none has no origin."""
    with pytest.raises(ValueError):
        origin(url)


@given(st.lists(st.sampled_from([*"ab.8:@/\\?#[]%\t ä", "127.0.0.1", "::1", "localhost", "%31"]), max_size=7))
def test_splitting_agrees_with_the_http_library(pieces: list[str]) -> None:
    """S4: where an address is split, the HTTP library would go to the same host."""
    url = f"http://{''.join(pieces)}"
    try:
        actual = split(url).hostname
        sent = requests.Request("GET", url).prepare().url
    except ValueError:
        return

    assert actual == str(urllib3.util.parse_url(str(sent)).host).strip("[]")
