"""For plugin authors: signatures in constant time, timestamps, several secrets.

Verify first, parse afterwards: nothing in a body may be looked at before its signature has been found right.

>>> from datetime import UTC, datetime
>>> from gateway_core import Secret, WebhookRequest
>>> from gateway_core.webhooks import check_standard, sign_standard
>>> secret, now = Secret("whsec_c2VjcmV0IG9mIHRoZSBleGFtcGxl"), datetime(2030, 1, 1, tzinfo=UTC)
>>> headers = sign_standard(secret, "msg_1", now, b'{"paid": true}')
>>> check_standard(WebhookRequest(body=b'{"paid": true}', headers=headers, received_at=now), [secret])
'msg_1'
>>> check_standard(WebhookRequest(body=b'{"paid": null}', headers=headers, received_at=now), [secret])
Traceback (most recent call last):
gateway_core.errors.WebhookError: its signature is wrong
"""

from gateway_core.webhooks._request import check_url_secret, parse, single_header
from gateway_core.webhooks._signatures import check_signature, check_timestamp, sign
from gateway_core.webhooks._standard_webhooks import check_standard, sign_standard, standard_key

__all__ = [
    "check_signature",
    "check_standard",
    "check_timestamp",
    "check_url_secret",
    "parse",
    "sign",
    "sign_standard",
    "single_header",
    "standard_key",
]
