"""The Standard Webhooks scheme, judged by the independent package too."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from gateway_core import Secret, WebhookRequest, wire
from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookReason
from gateway_core.webhooks import (
    check_standard,
    sign_standard,
    standard_key,
)
from tests.messages import BODY, NOW, SECONDS, flipped, refusal

SECRET, OTHER = (
    Secret(f"whsec_{base64.b64encode(bytes(32)).decode()}"),
    Secret(f"whsec_{base64.b64encode(bytes(range(32))).decode()}"),
)
MESSAGE_ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255)


def signed(body: bytes = BODY, at: datetime = NOW, secret: Secret = SECRET, **headers: Any) -> WebhookRequest:
    """Return a genuine message, with some headers changed; None takes one away."""
    made: dict[str, Any] = sign_standard(secret, MESSAGE_ID, at, body) | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    kept = {name: value for name, value in made.items() if value is not None}
    return WebhookRequest(body=body, headers=kept, received_at=NOW)


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


@pytest.mark.parametrize("size", [16, 17, 32])
@pytest.mark.parametrize("prefix", ["whsec_", ""])
def test_standard_secret_without_its_padding_is_told_as_that(prefix: str, size: int) -> None:
    """A secret that was cut would refuse every webhook, so it is not guessed what was there."""
    text = base64.b64encode(bytes(range(size))).decode().rstrip("=")

    with pytest.raises(ConfigurationError, match="it lacks the `=` at its end, or more of it"):
        standard_key(Secret(prefix + text))


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


def renamed(message: WebhookRequest, *names: str) -> WebhookRequest:
    """Return the message with some of its headers under the names of Svix."""
    pairs = [(f"svix-{name[8:]}" if name[8:] in names else name, value) for name, value in message.headers.pairs]
    return WebhookRequest(body=message.body, headers=pairs, received_at=NOW)


def test_the_names_of_svix_are_known() -> None:
    """The service that wrote the scheme sends it under its own name."""
    assert check_standard(renamed(signed(), "id", "timestamp", "signature"), [SECRET]) == MESSAGE_ID


@pytest.mark.parametrize("names", [["id"], ["signature"], ["timestamp"], ["id", "signature"]])
def test_a_set_of_headers_is_of_one_kind(names: list[str]) -> None:
    """Whoever adds a header of the other kind chooses nothing by it."""
    actual = refusal(lambda: check_standard(renamed(signed(), *names), [SECRET]))

    assert actual is WebhookReason.MISSING_SIGNATURE


def test_headers_of_svix_beside_the_scheme_s_own_count_for_nothing() -> None:
    """Not even a right signature."""
    other, genuine = signed(secret=OTHER), renamed(signed(), "id", "timestamp", "signature")
    both = WebhookRequest(body=BODY, headers=[*other.headers.pairs, *genuine.headers.pairs], received_at=NOW)

    assert refusal(lambda: check_standard(both, [SECRET])) is WebhookReason.WRONG_SIGNATURE
