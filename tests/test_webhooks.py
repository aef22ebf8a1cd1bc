"""Only what was signed with an active secret is believed, byte for byte; everything else is refused alike."""

from __future__ import annotations

import base64
import hashlib
import hmac
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from gateway_core import Money, Secret, WebhookRequest, wire
from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookError, WebhookReason
from gateway_core.webhooks import (
    check_signature,
    check_standard,
    check_timestamp,
    parse,
    sign,
    sign_standard,
    single_header,
    standard_key,
)

KEY, OTHER_KEY = b"an active secret", b"another secret"
SECRET, OTHER = (
    Secret(f"whsec_{base64.b64encode(bytes(32)).decode()}"),
    Secret(f"whsec_{base64.b64encode(bytes(range(32))).decode()}"),
)
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
BODY = b'{"type": "invoice.paid", "amount": "49.90"}'
CANARY = b"canary"
MESSAGE_ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"

encodings: st.SearchStrategy[Literal["hex", "base64"]] = st.sampled_from(["hex", "base64"])
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255)


def signed(body: bytes = BODY, at: datetime = NOW, secret: Secret = SECRET, **headers: Any) -> WebhookRequest:
    """Return a genuine message, with some headers changed; None takes one away."""
    made: dict[str, Any] = sign_standard(secret, MESSAGE_ID, at, body) | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    kept = {name: value for name, value in made.items() if value is not None}
    return WebhookRequest(body=body, headers=kept, received_at=NOW)


def flipped(data: bytes, bit: int) -> bytes:
    """Return bytes of which one bit is changed."""
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def refusal(check: Callable[[], object]) -> WebhookReason:
    """Return the reason for which a message is refused."""
    with pytest.raises(WebhookError) as caught:
        check()
    return caught.value.reason


@given(st.binary(), st.binary(min_size=1).filter(bytes.strip), encodings)
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
    "secrets", [[], [b""], [KEY, b""], [b" \t\n", KEY], [None], ["text"], KEY, [bytearray(KEY)], [KEY, None]], ids=repr
)
def test_without_a_secret_nothing_is_verified(secrets: Any) -> None:
    """W3: no secret, an empty or blank one, or one that is not bytes, refuses every message."""
    candidates = [hmac.new(key, BODY, hashlib.sha256).hexdigest() for key in (b"", b" \t\n", KEY)]

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


SECONDS = int(NOW.timestamp())


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


@pytest.mark.parametrize(
    "secret, expected",
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0"),
        ("whsec_" + base64.b64encode(bytes(16)).decode(), "00" * 16),
    ],
)
def test_a_standard_secret_is_base64(secret: str, expected: str) -> None:
    """The key is what the base64 after ``whsec_`` stands for."""
    actual = standard_key(Secret(secret))

    assert actual.hex() == expected


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_",
        "whsec_" + base64.b64encode(bytes(15)).decode(),
        "whsec_not-base64!",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "plain-canary",
    ],
)
def test_a_malformed_standard_secret_is_refused(secret: str) -> None:
    """W3: a secret that is too short, no base64 or a public key is a wrong deployment, and is not printed."""
    with pytest.raises(ConfigurationError, match="at least 16 bytes") as caught:
        standard_key(Secret(secret))

    assert (str(caught.value), caught.value.__context__) == (
        "a webhook secret is `whsec_` followed by base64 of at least 16 bytes",
        None,
    )


@given(st.binary(), visible.filter(lambda text: "," not in text))
def test_ours_is_accepted_by_the_independent_package_and_its_by_us(body: bytes, message_id: str) -> None:
    """W1: both sides sign alike and accept each other's messages."""
    now = datetime.now(UTC)
    text = body.decode("utf-8", "replace").replace("\r", "")
    document = wire.dumps({"text": text})
    judge = Webhook(SECRET.reveal())
    theirs = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": judge.sign(message_id, now, document.decode()),
    }

    ours = sign_standard(SECRET, message_id, now, document)
    actual = (
        judge.verify(document, ours),
        check_standard(WebhookRequest(body=document, headers=theirs, received_at=now), [SECRET]),
    )

    assert (actual, ours) == (({"text": text}, message_id), theirs)


@given(st.sampled_from(["body", "webhook-id", "webhook-timestamp"]), st.integers(0))
def test_what_was_tampered_with_is_refused_by_both(part: str, bit: int) -> None:
    """W1: one bit flipped in the body, the id or the time is refused by us and by the independent package."""
    now = datetime.now(UTC)
    parts = {"body": BODY} | {
        name: value.encode() for name, value in sign_standard(SECRET, MESSAGE_ID, now, BODY).items()
    }
    parts[part] = flipped(parts[part], bit)
    body, *values = parts.values()
    headers = {name: value.decode("latin-1") for name, value in zip(list(parts)[1:], values, strict=True)}

    actual = refusal(lambda: check_standard(WebhookRequest(body=body, headers=headers, received_at=now), [SECRET]))

    with pytest.raises((WebhookVerificationError, ValueError)):
        Webhook(SECRET.reveal()).verify(body, headers)
    assert actual is WebhookReason.WRONG_SIGNATURE


@given(st.integers(0))
def test_one_bit_of_a_standard_signature_refuses_it(bit: int) -> None:
    """W1: one bit flipped in the signature is refused, also where base64 would decode to the same bytes."""
    signature = flipped(signed().headers["webhook-signature"].encode(), bit).decode("latin-1")

    actual = refusal(lambda: check_standard(signed(webhook_signature=signature), [SECRET]))

    assert actual in {WebhookReason.WRONG_SIGNATURE, WebhookReason.MISSING_SIGNATURE}


@pytest.mark.parametrize("offset", [-600, 600])
def test_stale_messages_are_refused_by_both(offset: int) -> None:
    """W7: we and the independent package refuse what is more than five minutes off, on either side."""
    now = datetime.now(UTC)
    headers = sign_standard(SECRET, MESSAGE_ID, now + timedelta(seconds=offset), BODY)

    actual = refusal(lambda: check_standard(WebhookRequest(body=BODY, headers=headers, received_at=now), [SECRET]))

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET.reveal()).verify(BODY, headers)
    assert actual is WebhookReason.STALE


@pytest.mark.parametrize(
    "request_, secrets",
    [
        (signed(), [SECRET]),
        (signed(), [OTHER, SECRET]),
        (signed(), [SECRET, OTHER]),
        (signed(at=NOW - timedelta(minutes=5)), [SECRET]),
        (signed(at=NOW + timedelta(minutes=5)), [SECRET]),
        (signed(webhook_signature="v1,wrong v1a,x v2,y " + signed().headers["webhook-signature"]), [SECRET]),
        (
            WebhookRequest(body=BODY, headers=[(n.title(), v) for n, v in signed().headers.items()], received_at=NOW),
            [SECRET],
        ),
        (signed(body=b"[" * 1_000_000), [SECRET]),
        (signed(body=b""), [SECRET]),
        (signed(body=b"\xff\x00"), [SECRET]),
    ],
    ids=range(10),
)
def test_genuine_messages_are_accepted(request_: WebhookRequest, secrets: list[Secret]) -> None:
    """W1, W6, W9: any active secret, one right signature of several, names in any case, any bytes."""
    actual = check_standard(request_, secrets)

    assert actual == MESSAGE_ID


RIGHT = signed().headers["webhook-signature"].removeprefix("v1,")


@pytest.mark.parametrize(
    "changed, reason",
    [
        ({"webhook_id": None}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_timestamp": None}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": None}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": ""}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": RIGHT}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": f"v1={RIGHT}"}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": f"V1,{RIGHT}"}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": f"v1a,{RIGHT}"}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": f"v2,{RIGHT}"}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": f"v0,{RIGHT}"}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": f"none,{RIGHT}"}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": f"sha1={RIGHT}"}, WebhookReason.MISSING_SIGNATURE),
        ({"webhook_signature": f"v1 ,{RIGHT}"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": f"v1, {RIGHT}"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": "v1,"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": "v1"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": f"v1,{RIGHT},"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": f"v1,{RIGHT.rstrip('=')}"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": f"v1,{base64.b64decode(RIGHT).hex()}"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": f"v1,{RIGHT}\u00e9"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": "v1,\ud800"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_signature": " ".join(["v1,x"] * 10_000)}, WebhookReason.MALFORMED),
        ({"webhook_signature": [f"v1,{RIGHT}", f"v1,{RIGHT}"]}, WebhookReason.MALFORMED),
        ({"webhook_id": [MESSAGE_ID, MESSAGE_ID]}, WebhookReason.MALFORMED),
        ({"webhook_id": [MESSAGE_ID, "other"]}, WebhookReason.MALFORMED),
        ({"webhook_timestamp": [str(SECONDS), str(SECONDS)]}, WebhookReason.MALFORMED),
        ({"webhook_id": ""}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_id": f"{MESSAGE_ID}, {MESSAGE_ID}"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_id": "\ud800"}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_timestamp": f"{SECONDS} "}, WebhookReason.WRONG_SIGNATURE),
        ({"webhook_timestamp": "\udcff"}, WebhookReason.WRONG_SIGNATURE),
        ({"secret": OTHER}, WebhookReason.WRONG_SIGNATURE),
        ({"at": NOW - timedelta(seconds=301)}, WebhookReason.STALE),
        ({"at": NOW + timedelta(seconds=301)}, WebhookReason.STALE),
    ],
    ids=range(34),
)
def test_other_messages_are_refused(changed: dict[str, Any], reason: WebhookReason) -> None:
    """W1, W5, W7, W9: no header, no other version, no other form, no repeated header and no other time is accepted."""
    request = signed(**changed)

    actual = refusal(lambda: check_standard(request, [SECRET]))

    assert actual is reason


@pytest.mark.parametrize("message_id", ["", "a b", "ü", "a\x7f", "a" * 256])
def test_an_id_that_cannot_be_kept_is_refused(message_id: str) -> None:
    """W8: the id is the key by which a message is known again, so it is plain text of bounded length."""
    headers = sign_standard(SECRET, message_id, NOW, BODY)
    request = WebhookRequest(body=BODY, headers=headers, received_at=NOW)

    actual = refusal(lambda: check_standard(request, [SECRET]))

    assert actual is WebhookReason.MALFORMED


@pytest.mark.parametrize("message_id, at", [(MESSAGE_ID, datetime(1970, 1, 1, tzinfo=UTC)), (f"{MESSAGE_ID}.1", NOW)])
def test_parts_do_not_run_into_each_other(message_id: str, at: datetime) -> None:
    """W1: what was signed for one id and time is not accepted for another, moved across the dots."""
    signature = sign_standard(SECRET, message_id, at, BODY)["webhook-signature"]

    actual = refusal(lambda: check_standard(signed(webhook_signature=signature), [SECRET]))

    assert actual is WebhookReason.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "secrets", [[], [Secret("short")], [SECRET, Secret("short")]], ids=["none", "short", "one short"]
)
@pytest.mark.parametrize("request_", [signed(), WebhookRequest(body=BODY, received_at=NOW)], ids=["signed", "unsigned"])
def test_without_usable_secrets_nothing_is_verified(secrets: list[Secret], request_: WebhookRequest) -> None:
    """W3: a wrong deployment is told as such by every message, signed or not."""
    with pytest.raises(ConfigurationError):
        check_standard(request_, secrets)


def test_the_scheme_wants_a_tolerance() -> None:
    """W7: a tolerance of nothing is a wrong deployment, not a switch."""
    with pytest.raises(ConfigurationError, match="above zero"):
        check_standard(signed(), [SECRET], timedelta(0))


def test_the_time_of_receipt_is_needed() -> None:
    """W7: without it there is nothing to compare with, so nothing is accepted."""
    request = WebhookRequest(body=BODY, headers=sign_standard(SECRET, MESSAGE_ID, NOW, BODY))

    with pytest.raises(InvalidRequestError, match="received_at"):
        check_standard(request, [SECRET])


@pytest.mark.parametrize(
    "at", [NOW, NOW.replace(microsecond=999_999), NOW.astimezone(timezone(timedelta(hours=9)))], ids=str
)
def test_signing_writes_whole_seconds(at: datetime) -> None:
    """W7: the time is that of the moment, not of the place."""
    actual = sign_standard(SECRET, MESSAGE_ID, at, BODY)["webhook-timestamp"]

    assert actual == str(SECONDS)


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
