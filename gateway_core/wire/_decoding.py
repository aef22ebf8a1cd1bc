"""From bytes to attrs classes, and from what does not fit to an error that names each field and no value."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.errors import ClassValidationError, IterableValidationError

from gateway_core import _json
from gateway_core.errors import GatewayError, InvalidRequestError, PluginError, UnexpectedResponseError
from gateway_core.models._fields import is_identifier
from gateway_core.wire._converter import FaultError, converter
from gateway_core.wire._names import name_of

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
    failure: GatewayError
    try:
        return (using or converter()).structure(value, kind)
    except cattrs.StructureHandlerNotFoundError as error:
        cause: Exception | None = None
        failure = PluginError(f"nothing can be decoded into {kind}: {error.message}")
    except Exception as error:  # noqa: BLE001  # a field's converter or validator may raise anything
        cause = _without_values(error)
        failure = UnexpectedResponseError(f"the answer does not fit: {'; '.join(_faults(cause))}")
    # Raised outside of the handlers: the errors caught there quote the values.
    raise failure from cause


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


def _told_name(kind: Any, name: str) -> str:
    """Return a field's name as the provider has it."""
    field = getattr(attrs.fields(kind), name, None) if attrs.has(kind) else None
    return name if field is None else name_of(field) or name


def _without_values(error: Exception) -> Exception:
    """Copy an error group without the texts that quote a value, and without the frames that hold it."""
    clean: Exception
    if isinstance(error, cattrs.BaseValidationError):
        clean = error.derive([_without_values(each) for each in error.exceptions])
    elif isinstance(error, FaultError):
        clean = FaultError(str(error))
    elif isinstance(error, GatewayError):
        clean = FaultError(error.message)
    else:
        # A key that is missing is noted with its field; any other comes out of the class's own converter.
        missing = isinstance(error, KeyError) and hasattr(error, "__notes__")
        clean = FaultError("missing" if missing else "not readable")
    for note in getattr(error, "__notes__", ()):
        clean.add_note(note)
    return clean


def _faults(error: Exception, path: str = "") -> list[str]:
    """Return one line for each fault in an error group, with the field's path."""
    found: list[str] = []
    if isinstance(error, ClassValidationError):
        fields, others = error.group_exceptions()
        for each, note in fields:
            name = _told_name(error.cl, note.name)
            found += _faults(each, f"{path}.{name}" if path else name)
    elif isinstance(error, IterableValidationError):
        items, others = error.group_exceptions()
        found = [line for each, note in items for line in _faults(each, f"{path}[{note.index}]")]
    else:
        return [f"{path or 'the answer'}: {error}"]
    return found + [line for each in others for line in _faults(each, path)]
