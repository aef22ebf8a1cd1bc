"""For plugin authors: from a provider's JSON to small attrs classes, strictly.

Describe what a provider sends as attrs classes, and decode into them:

>>> import attrs
>>> from decimal import Decimal
>>> from gateway_core.wire import decode
>>> @attrs.frozen
... class Answer:
...     id: str
...     total: Decimal
...     state: str
...     note: str | None = None
>>> decode(b'{"id": "7", "total": 10.10, "state": "open", "new": true}', Answer)
Answer(id='7', total=Decimal('10.10'), state='open', note=None)
>>> decode(b'{"id": 7, "total": "ten"}', Answer)
Traceback (most recent call last):
gateway_core.errors.UnexpectedResponseError: the answer does not fit: id: str expected, int found; total: ...

Fields that the class does not name are ignored, a missing field with a default takes it, and a wrong type is an error
that names the field and no value: nothing is converted on the way, and no number is ever a float. A field is a str,
int, bool, Decimal, datetime or Any, one of these or None, an attrs class, or a list, tuple or dict of them. A word of
the provider's, such as a status, stays a str: map it by a table, ``WORDS.get(answer.state, InvoiceStatus.UNKNOWN)``. An
enum here would make every new word of theirs an unreadable answer.

A field has the name that the provider gives it, unless the class or the field says otherwise. A `UnixTime` is a
datetime that comes as Unix seconds:

>>> from gateway_core.wire import UnixTime, camel_case, named
>>> @attrs.frozen(kw_only=True, field_transformer=camel_case)
... class Session:
...     created_at: UnixTime
...     links: dict[str, str] = named("_links")
>>> decode(b'{"createdAt": 1893456000, "_links": {}}', Session)
Session(created_at=datetime.datetime(2030, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), links={})
"""

from typing import TYPE_CHECKING, Any

from gateway_core._json import dumps
from gateway_core.wire._decoding import decode, decode_or_none, loads, naming_invoice, structure
from gateway_core.wire._names import camel_case, named
from gateway_core.wire._times import UnixTime, moment, moment_or_none, to_unix, unix

if TYPE_CHECKING:
    from gateway_core.wire._converter import converter

__all__ = [
    "UnixTime",
    "camel_case",
    "converter",
    "decode",
    "decode_or_none",
    "dumps",
    "loads",
    "moment",
    "moment_or_none",
    "named",
    "naming_invoice",
    "structure",
    "to_unix",
    "unix",
]


def __getattr__(name: str) -> Any:
    """Import `converter` when it is asked for: most processes never need cattrs, which takes long to import."""
    if name == "converter":
        from gateway_core.wire._converter import converter

        return converter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
