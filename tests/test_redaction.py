"""Text from outside becomes one line, and no secret stays in it."""

from __future__ import annotations

import base64
import json
import time
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core._redaction import one_line, scrub

KEY = 'sk-live_9f/x+Q=8s7D6%&"\\k2'
visible = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*")
secrets = st.text(visible, min_size=8, max_size=60)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("plain", "plain"),
        ("", ""),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("a\x00\x1b[31mb\x7f", "a\\x00\\x1b[31mb\\x7f"),
        ("a\x85b\u2028c\u2029d", "a\\x85b\\u2028c\\u2029d"),
        ("\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"),
        ("a\u200bb\u00adc\ufeff", "a\\u200bb\\xadc\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\ue000\u0378\U000e0041", "\\ue000\\u0378\\U000e0041"),
        ("Grüße, заказ 日本", "Grüße, заказ 日本"),
    ],
    ids=ascii,
)
def test_control_and_bidi_characters_are_escaped(text: str, expected: str) -> None:
    """S8: one record is one line, and nothing in it moves the cursor, reorders the line or hides."""
    actual = one_line(text)

    assert actual == expected


@given(st.text())
def test_a_line_is_a_line(text: str) -> None:
    """S8: whatever comes in, one line comes out, and escaping it again changes nothing."""
    actual = one_line(text, 10_000)

    assert (len(actual.splitlines()) <= 1, one_line(actual, 100_000)) == (True, actual)


@given(st.text())
def test_a_line_can_be_written(text: str) -> None:
    """S8: what comes out can be encoded, and holds no character that is not seen."""
    actual = {unicodedata.category(char) for char in one_line(text).encode("utf-8").decode("utf-8")}

    assert actual.isdisjoint({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@pytest.mark.parametrize(
    "length, expected", [(9, "a" * 9), (10, "a" * 10), (11, "a" * 10 + "..."), (1000, "a" * 10 + "...")]
)
def test_long_text_is_cut(length: int, expected: str) -> None:
    """S2: nobody's text fills a log."""
    actual = one_line("a" * length, 10)

    assert actual == expected


@pytest.mark.parametrize(
    "form, expected",
    [
        (KEY, "***"),
        (quote(KEY, safe=""), "***"),
        (json.dumps(KEY), '"***"'),
        (KEY.encode().hex(), "***"),
        (KEY.encode().hex().upper(), "***"),
        (base64.b64encode(KEY.encode()).decode(), "***I="),
        (base64.urlsafe_b64encode(KEY.encode()).decode(), "***I="),
        (base64.b64encode(f"user:{KEY}".encode()).decode(), "dXNlcjp***g=="),
        (base64.b64encode(f"me:{KEY}:x".encode()).decode(), "bWU6***I6eA=="),
        (base64.urlsafe_b64encode(f"a:{KEY}".encode()).decode(), "YTp***g=="),
        (KEY[:12], "***"),
        (KEY[5:20], "***"),
        (KEY[-12:], "***"),
        (quote(KEY, safe="")[3:20], "***"),
        (KEY.encode().hex()[7:30], "***"),
        (base64.b64encode(f"user:{KEY}".encode()).decode()[10:30], "***"),
    ],
    ids=range(16),
)
def test_secrets_are_masked_in_every_form(form: str, expected: str) -> None:
    """S1: plain, URL, JSON, hex and base64 forms, also inside of longer base64, whole or 12 characters of them."""
    actual = scrub(f"refused: {form}.", [KEY])

    assert actual == f"refused: {expected}."


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase, str.title], ids=lambda change: change.__name__)
@pytest.mark.parametrize("form", [str, lambda key: quote(key, safe=""), lambda key: key.encode().hex()], ids=range(3))
@pytest.mark.parametrize("part", [slice(None), slice(3, 17), slice(-14, None)], ids=range(3))
def test_secrets_are_masked_in_any_case(part: slice, form: Callable[[str], str], change: Callable[[str], str]) -> None:
    """S1: a key that comes back in capitals or small letters is the key, for who guesses the rest."""
    shown = change(form(KEY[part]))

    actual = scrub(f"İ REFUSED: {shown}.", [KEY])

    assert actual == "İ REFUSED: ***."


@pytest.mark.parametrize("form", [bytes.hex, repr, lambda key: key.decode("latin-1"), base64.b64encode], ids=range(4))
@pytest.mark.parametrize("key", [b"a key of words, not bytes", b"\xff\xfe9a7c\x00e51-b03d44"], ids=["text", "bytes"])
def test_key_inside_of_a_standard_secret_is_masked(key: bytes, form: Callable[[bytes], object]) -> None:
    """S1: what ``whsec_`` is followed by is the base64 of the key itself, which is secret as well."""
    actual = scrub(f"the key {form(key)}", ["whsec_" + base64.b64encode(key).decode()])

    assert "***" in actual
    assert key.decode("latin-1")[5:17] not in actual
    assert key.hex()[5:17] not in actual


@given(secrets, st.text(visible, max_size=20), st.text(visible, max_size=20))
def test_no_part_of_a_secret_is_left(secret: str, before: str, after: str) -> None:
    """S1: no 12 characters of a secret are left, wherever it stands."""
    parts = {secret[i : i + 12] for i in range(max(len(secret) - 11, 1))}

    actual = scrub(f"{before}{secret}{after}", [secret])

    assert [part for part in parts if part in actual] == []


@given(secrets, st.binary(max_size=5), st.binary(max_size=5))
def test_no_base64_of_a_secret_is_left(secret: str, before: bytes, after: bytes) -> None:
    """S1: base64 of any text that a secret stands in cannot be read back to it."""
    text = base64.b64encode(before + secret.encode() + after).decode()

    actual = scrub(text, [secret])

    assert len(actual.replace("***", "")) <= len(text) - (len(secret) - 1) * 4 // 3 + 2


@given(st.data(), st.text(visible, min_size=12, max_size=60))
def test_a_part_is_masked_as_a_whole(data: st.DataObject, secret: str) -> None:
    """S1: of a part that is masked, no character is left over at its end."""
    start = data.draw(st.integers(0, len(secret) - 12))
    part = secret[start : data.draw(st.integers(start + 12, len(secret)))]

    actual = scrub(f" {part} ", [secret])

    assert actual == " *** "


@pytest.mark.parametrize(
    "text, secrets, expected",
    [
        ("nothing to hide", ["sk-1234567890"], "nothing to hide"),
        ("nothing to hide", [], "nothing to hide"),
        ("nothing -- to hide", [""], "nothing -- to hide"),
        ("a cat sat at a mat", ["a"], "*** cat sat at *** mat"),
        ("key=demo, demonstration", ["demo"], "key=***, demonstration"),
        ("demo:demo demo1 1demo", ["demo"], "***:*** demo1 1demo"),
        ("DEMO Demo ßdemo", ["demo"], "*** *** ß***"),
        ("password1", ["password"], "***1"),
        ("sk-12345 and sk-1234567890", ["sk-12345", "sk-1234567890"], "*** and ***"),
        ("[a.c] abc", ["a.c"], "[***] abc"),
        ("eleven char", ["xeleven chary"], "eleven char"),
    ],
)
def test_unrelated_text_is_left(text: str, secrets: list[str], expected: str) -> None:
    """A short secret is masked where it stands alone only; a longer one anywhere, the longest first."""
    actual = scrub(text, secrets)

    assert actual == expected


def test_scrubbing_costs_linear_time() -> None:
    """A text of 250 kB and ten secrets of 100 characters take seconds at most."""
    text = ("a" * 99 + "b" + KEY) * 2000
    start = time.process_time()

    actual = scrub(text, [KEY, *(f"{digit}" * 100 for digit in range(9))])

    assert (KEY in actual, time.process_time() - start < 10) == (False, True)
