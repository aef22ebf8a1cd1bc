"""Only what was signed with an active secret is believed, byte for byte; everything else is refused alike."""

from __future__ import annotations

import base64
import hashlib
import hmac
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import Money, WebhookRequest, wire
from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookError, WebhookReason
from gateway_core.webhooks import (
    check_signature,
    check_timestamp,
    parse,
    sign,
    single_header,
)
from tests.messages import BODY, NOW, SECONDS, flipped, refusal

KEY, OTHER_KEY = b"an active secret", b"another secret"
CANARY = b"canary"
encodings: st.SearchStrategy[Literal["hex", "base64"]] = st.sampled_from(["hex", "base64"])


@given(st.binary(), st.binary(min_size=2), encodings)
def test_what_is_signed_is_accepted(message: bytes, key: bytes, encoding: Literal["hex", "base64"]) -> None:
    """W1: the HMAC of the exact bytes under an active secret is accepted."""
    candidate = sign(key, message, encoding).decode()

    check_signature(message, [candidate], [key], encoding)


@pytest.mark.parametrize(
    "encoding, expected",
    [
        ("hex", b"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"),
        ("base64", b"97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="),
    ],
)
def test_signatures_are_hmac_sha256(encoding: Literal["hex", "base64"], expected: bytes) -> None:
    """W5: the digest is the published one of ``key`` and the quick brown fox."""
    actual = sign(b"key", b"The quick brown fox jumps over the lazy dog", encoding)

    assert actual == expected


@given(st.binary(min_size=1), st.integers(0), encodings)
def test_one_bit_of_the_message_refuses_it(message: bytes, bit: int, encoding: Literal["hex", "base64"]) -> None:
    """W1: any change of one bit is refused."""
    candidate = sign(KEY, message, encoding).decode()

    actual = refusal(lambda: check_signature(flipped(message, bit), [candidate], [KEY], encoding))

    assert actual is WebhookReason.WRONG_SIGNATURE


@given(st.integers(0), encodings)
def test_one_bit_of_the_signature_refuses_it(bit: int, encoding: Literal["hex", "base64"]) -> None:
    """W1, W4: a signature is compared as it stands: no other case, no other padding, no other alphabet."""
    candidate = flipped(sign(KEY, BODY, encoding), bit).decode("latin-1")

    actual = refusal(lambda: check_signature(BODY, [candidate], [KEY], encoding))

    assert actual is WebhookReason.WRONG_SIGNATURE


DIGEST = hmac.new(KEY, BODY, hashlib.sha256).digest()


@pytest.mark.parametrize(
    "candidate",
    [
        "",
        " ",
        DIGEST.hex().upper(),
        DIGEST.hex() + "\n",
        " " + DIGEST.hex(),
        DIGEST.hex()[:-1],
        DIGEST.hex() + "0",
        DIGEST.hex().translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        "sha256=" + DIGEST.hex(),
        "0x" + DIGEST.hex(),
        base64.b64encode(DIGEST).decode(),
        DIGEST.decode("latin-1"),
        "ü",
        "\ud800",
        "\udcff\udc80",
        "\U0001f600",
        "\x00" * 64,
        "0" * 64,
        "a" * 1_000_000,
        hashlib.sha256(BODY).hexdigest(),
        hashlib.sha256(KEY + BODY).hexdigest(),
        hashlib.sha256(BODY + KEY).hexdigest(),
        hmac.new(BODY, KEY, hashlib.sha256).hexdigest(),
        hmac.new(b"", BODY, hashlib.sha256).hexdigest(),
        hmac.new(KEY, b"", hashlib.sha256).hexdigest(),
        hmac.new(KEY, BODY, hashlib.sha1).hexdigest(),
        hmac.new(KEY, BODY, hashlib.md5).hexdigest(),
        hmac.new(KEY, BODY, hashlib.sha512).hexdigest(),
        hmac.new(KEY, BODY, hashlib.sha512).hexdigest()[:64],
        hmac.new(KEY, BODY, hashlib.sha3_256).hexdigest(),
        hmac.new(KEY[:-1], BODY, hashlib.sha256).hexdigest(),
        hmac.new(OTHER_KEY, BODY, hashlib.sha256).hexdigest(),
    ],
    ids=range(32),
)
def test_nothing_else_is_a_signature(candidate: str) -> None:
    """W4, W5: other alphabets, lengths, digests, bare hashes, and key and message swapped are refused."""
    actual = refusal(lambda: check_signature(BODY, [candidate], [KEY]))

    assert actual is WebhookReason.WRONG_SIGNATURE


@given(st.text())
def test_any_text_is_refused_alike(candidate: str) -> None:
    """W4: whatever stands in the header, it is refused and nothing crashes."""
    actual = refusal(lambda: check_signature(BODY, [candidate], [KEY]))

    assert actual is WebhookReason.WRONG_SIGNATURE


@pytest.mark.parametrize("keys", [[KEY], [OTHER_KEY, KEY], [KEY, OTHER_KEY], [OTHER_KEY, OTHER_KEY, KEY]])
@pytest.mark.parametrize("others", [[], ["wrong"], ["wrong"] * 9])
def test_any_active_secret_will_do(keys: list[bytes], others: list[str]) -> None:
    """W6: while secrets are rotated, any of them and any of the signatures may match."""
    candidate = sign(KEY, BODY).decode()

    check_signature(BODY, [candidate, *others], keys)
    check_signature(BODY, [*others, candidate], keys)


def test_a_retired_secret_never_matches() -> None:
    """W6: a secret that is not in the list any more is no secret."""
    candidate = sign(OTHER_KEY, BODY).decode()

    actual = refusal(lambda: check_signature(BODY, [candidate], [KEY]))

    assert actual is WebhookReason.WRONG_SIGNATURE


def test_every_candidate_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """W6: the first match ends nothing: the time taken tells neither which secret nor which signature was right."""
    compared: list[tuple[object, object]] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return left == right

    monkeypatch.setattr(hmac, "compare_digest", compare)

    check_signature(BODY, [sign(KEY, BODY).decode(), "b", "c"], [KEY, OTHER_KEY])

    assert [(type(left), type(right)) for left, right in compared] == [(bytes, bytes)] * 6


@pytest.mark.parametrize(
    "secrets",
    [None, "text", [], [b""], [b"x"], [KEY, b""], [None], ["text"], KEY, [bytearray(KEY)], [KEY, None]],
    ids=repr,
)
def test_without_a_secret_nothing_is_verified(secrets: Any) -> None:
    """W3: no secret, an empty or blank one, or one that is not bytes, refuses every message."""
    candidates = [hmac.new(key, BODY, hashlib.sha256).hexdigest() for key in (b"", b"x", KEY)]

    with pytest.raises(ConfigurationError, match="without a secret"):
        check_signature(BODY, candidates, secrets)


def test_without_a_signature_nothing_is_verified() -> None:
    """W1: a message that bears no signature says so to the operator."""
    actual = refusal(lambda: check_signature(BODY, [], [KEY]))

    assert actual is WebhookReason.MISSING_SIGNATURE


def test_many_signatures_are_refused_before_any_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """W9: a header with thousands of signatures buys no work."""
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: pytest.fail("compared"))

    actual = refusal(lambda: check_signature(BODY, [sign(KEY, BODY).decode()] * 11, [KEY]))

    assert actual is WebhookReason.MALFORMED


def test_a_refusal_shows_no_signature() -> None:
    """S1: neither the expected signature nor the secret nor the body stands in the error."""
    with pytest.raises(WebhookError) as caught:
        check_signature(BODY, ["wrong"], [KEY])

    told = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))

    assert [secret for secret in (DIGEST.hex(), KEY.decode(), BODY.decode()) if secret in told] == []


@pytest.mark.parametrize(
    "headers, expected",
    [
        ({"X-Sig": "a"}, "a"),
        ({"x-sig": "a"}, "a"),
        ({"X-SIG": "a,b"}, "a,b"),
        ({}, WebhookReason.MISSING_SIGNATURE),
        ({"X-Sig": ["a", "a"]}, WebhookReason.MALFORMED),
        ([("X-Sig", "a"), ("x-sig", "b")], WebhookReason.MALFORMED),
    ],
    ids=range(6),
)
def test_a_header_has_one_value(headers: Any, expected: object) -> None:
    """W9: names in any case; the sender does not choose which of two values counts."""
    request = WebhookRequest(body=BODY, headers=headers)

    try:
        actual: object = single_header(request, "X-Sig")
    except WebhookError as error:
        actual = error.reason

    assert actual == expected


def test_a_missing_header_may_mean_something_else() -> None:
    """A missing header that is no signature is told as what it is."""
    request = WebhookRequest(body=BODY)

    actual = refusal(lambda: single_header(request, "X-Event", missing=WebhookReason.MALFORMED))

    assert actual is WebhookReason.MALFORMED


@pytest.mark.parametrize("now", [NOW, NOW.astimezone(timezone(timedelta(hours=-11)))], ids=["UTC", "elsewhere"])
@pytest.mark.parametrize("offset", [0, 1, -1, 299, -299, 300, -300])
def test_times_within_the_tolerance_are_accepted(now: datetime, offset: int) -> None:
    """W7: up to the tolerance on either side, whatever time zone the clock is in."""
    actual = check_timestamp(str(SECONDS + offset), now, timedelta(minutes=5))

    assert (actual, actual.utcoffset()) == (NOW + timedelta(seconds=offset), timedelta(0))


@pytest.mark.parametrize("offset", [301, -301, 86400, -86400, -SECONDS + 1, 999_999_999_999 - SECONDS])
def test_times_beyond_the_tolerance_are_stale(offset: int) -> None:
    """W7: one second too old or too far in the future is refused."""
    actual = refusal(lambda: check_timestamp(str(SECONDS + offset), NOW, timedelta(minutes=5)))

    assert actual is WebhookReason.STALE


@pytest.mark.parametrize("microseconds, stale", [(0, False), (1, True)])
def test_the_boundary_is_exact(microseconds: int, stale: bool) -> None:
    """W7: the tolerance is kept to the microsecond, on both sides."""
    off = timedelta(minutes=5, microseconds=microseconds)
    actual = []

    for now in (NOW + off, NOW - off):
        try:
            check_timestamp(str(SECONDS), now, timedelta(minutes=5))
        except WebhookError as error:
            actual.append(error.reason is WebhookReason.STALE)
        else:
            actual.append(False)

    assert actual == [stale, stale]


@pytest.mark.parametrize(
    "seconds",
    [
        "",
        " ",
        f" {SECONDS}",
        f"{SECONDS} ",
        f"{SECONDS}\n",
        f"+{SECONDS}",
        f"-{SECONDS}",
        f"0{SECONDS}",
        f"{SECONDS}.0",
        f"{SECONDS}e0",
        f"{SECONDS:_}",
        f"{SECONDS:,}",
        hex(SECONDS),
        str(SECONDS).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        str(SECONDS).translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        "0",
        "1" * 13,
        "9" * 100_000,
        "nan",
        NOW.isoformat(),
        "\ud800",
    ],
    ids=range(21),
)
def test_times_are_plain_digits(seconds: str) -> None:
    """W7: a timestamp is a strict ASCII integer: no sign, blank, leading zero, separator or other digit."""
    actual = refusal(lambda: check_timestamp(seconds, NOW, timedelta(days=365_000)))

    assert actual is WebhookReason.MALFORMED


@pytest.mark.parametrize("tolerance", [timedelta(0), timedelta(microseconds=-1), timedelta(days=-1)])
def test_the_tolerance_is_above_zero(tolerance: timedelta) -> None:
    """W7: a tolerance of nothing or less is a wrong deployment."""
    with pytest.raises(ConfigurationError, match="above zero"):
        check_timestamp(str(SECONDS), NOW, tolerance)


def test_a_signed_body_is_parsed() -> None:
    """What is genuine is decoded as the plugin wants it."""
    actual = parse(wire.loads, b'{"total": 1}')

    assert actual == {"total": 1}


@pytest.mark.parametrize(
    "decode",
    [wire.loads, lambda body: wire.structure(body.decode(), int), lambda body: Money(body.decode(), "EUR")],
    ids=["no JSON", "does not fit", "no amount"],
)
def test_a_signed_body_may_be_malformed(decode: Callable[[bytes], Any]) -> None:
    """W10, S9: a genuine message that cannot be read is refused, and nothing of it stands in the error."""
    with pytest.raises(WebhookError) as caught:
        parse(decode, CANARY)

    told = "".join(traceback.format_exception(caught.value))

    assert (caught.value.reason, caught.value.__context__, CANARY.decode() in told) == (
        WebhookReason.MALFORMED,
        None,
        False,
    )


@pytest.mark.parametrize("key", [b" \t", b"\n" * 16, bytes(16), b"\x00\x20"], ids=repr)
def test_binary_key_is_never_blank(key: bytes) -> None:
    """What bytes a key is made of is nobody's business."""
    check_signature(BODY, [sign(key, BODY).decode()], [key])


@pytest.mark.parametrize("message", [None, "text", 5, bytearray(BODY), memoryview(BODY)], ids=type)
def test_what_is_signed_is_bytes(message: Any) -> None:
    """A body that was decoded on the way is the most frequent mistake, and told as that."""
    with pytest.raises(InvalidRequestError, match="as bytes, exactly as they came"):
        check_signature(message, ["signature"], [KEY])
    with pytest.raises(InvalidRequestError, match="as bytes, exactly as they came"):
        sign(KEY, message)


@pytest.mark.parametrize("candidates", [None, "signature", b"signature", 5, [b"signature"], [5], ["a", b"b"]], ids=repr)
def test_signatures_are_a_list_of_texts(candidates: Any) -> None:
    """One text alone would be read as its characters."""
    with pytest.raises(InvalidRequestError, match="text"):
        check_signature(BODY, candidates, [KEY])


@pytest.mark.parametrize("candidates", [[None], [None, None]])
def test_signature_that_is_none_is_missing(candidates: Any) -> None:
    """What `headers.get` returns where there is no header is no signature."""
    actual = refusal(lambda: check_signature(BODY, candidates, [KEY]))

    assert actual is WebhookReason.MISSING_SIGNATURE


@pytest.mark.parametrize("encoding", [None, "HEX", "base32"])
def test_unknown_encoding_is_refused(encoding: Any) -> None:
    """An encoding that nobody knows is not taken for another."""
    with pytest.raises(InvalidRequestError, match="hex or base64"):
        check_signature(BODY, ["signature"], [KEY], encoding)
