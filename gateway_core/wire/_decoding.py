"""From bytes to attrs classes."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gateway_core import _json
from gateway_core.errors import GatewayError, InvalidRequestError, UnexpectedResponseError
from gateway_core.models._fields import is_identifier
from gateway_core.wire._reading import reader

if TYPE_CHECKING:
    import cattrs

T = TypeVar("T")


def loads(body: bytes) -> Any:
    """Parse strict JSON: exact numbers, no NaN, no repeated keys, proper UTF-8 only, bounded depth.

    Raises:
        UnexpectedResponseError: If it is not.
    """
    try:
        return _json.loads(body)
    except ValueError as error:
        reason = str(error)
    raise UnexpectedResponseError(f"the body is {reason}" if reason.startswith("not") else f"the JSON is bad: {reason}")


def decode(body: bytes, kind: type[T]) -> T:
    """Parse strict JSON into an attrs class.

    Raises:
        UnexpectedResponseError: If it is no JSON, or does not fit; its text names each field, its cause is the error
            group.
    """
    return structure(loads(body), kind)


def decode_or_none(body: bytes, kind: type[T]) -> T | None:
    """Parse strict JSON into an attrs class, where anything else may stand too, as in a refusal; None if it does.

    >>> import attrs
    >>> from gateway_core.wire import decode_or_none
    >>> @attrs.frozen
    ... class Refusal:
    ...     code: str | None = None
    >>> decode_or_none(b'{"code": "expired"}', Refusal), decode_or_none(b"<h1>Bad Gateway</h1>", Refusal)
    (Refusal(code='expired'), None)
    """
    try:
        return decode(body, kind)
    except UnexpectedResponseError:
        return None


def structure(value: Any, kind: type[T], *, using: cattrs.Converter | None = None) -> T:
    """Fit a parsed value into an attrs class.

    Args:
        value: What `loads` gives.
        kind: The class.
        using: A converter with hooks of your own, made of a copy of `converter`; None for that one.

    Raises:
        UnexpectedResponseError: If it does not fit; its text names each field, its cause is the error group.
        PluginError: If the class has a field of a kind that nothing can be fitted into.
    """
    if using is None:
        try:
            made: T = reader(cast(Any, kind))(value)
        except Exception:  # noqa: BLE001, S110  # whatever it is, the careful converter tells
            pass
        else:
            return made
    # Takes as long to import as everything else here, and most answers need no explanation.
    from gateway_core.wire._explaining import structure_carefully

    return structure_carefully(value, kind, using)


@contextlib.contextmanager
def naming_invoice(body: bytes, *path: str) -> Iterator[None]:
    """Keep the id of an invoice that was made in the error of an answer that cannot be read otherwise.

    Its ``effect`` is ``"done"`` then; in a refusal, an id changes nothing.

    >>> from gateway_core.errors import UnexpectedResponseError
    >>> from gateway_core.wire import loads, naming_invoice
    >>> body = b'{"invoice": {"id": "inv_7", "total": NaN}}'
    >>> try:
    ...     with naming_invoice(body, "invoice", "id"):
    ...         loads(body)
    ... except UnexpectedResponseError as error:
    ...     print(error.invoice_id, error.effect)
    inv_7 done

    Args:
        body: The answer to a creation.
        path: The names that lead to the id, which is text or a whole number.
    """
    try:
        yield
    except GatewayError as error:
        error.invoice_id = error.invoice_id or _id_in(body, path)
        if error.invoice_id is not None and _is_unreadable(error):
            error.effect = "done"
        raise


def _is_unreadable(error: GatewayError) -> bool:
    """Return whether an error says that an answer cannot be used, and not that the provider refused."""
    if isinstance(error, UnexpectedResponseError):
        return error.http_status is None or 200 <= error.http_status < 300
    return isinstance(error, InvalidRequestError)  # a record that refused what was answered


def _id_in(body: bytes, path: Iterable[str]) -> str | None:
    """Return an id out of a body of which nothing else may be right; None if there is none."""
    try:
        # Numbers stay texts: one that is too large must not hide the id beside it.
        value = json.loads(body, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        return None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if is_identifier(value) else None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object without the names that are given twice: which value is meant cannot be known."""
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        found = {name: value for name, value in pairs if times[name] == 1}
    return found
