"""The careful way to attrs classes: from what does not fit to an error that names each field and no value."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.errors import ClassValidationError, IterableValidationError

from gateway_core.errors import GatewayError, PluginError, UnexpectedResponseError
from gateway_core.wire._converter import converter
from gateway_core.wire._names import name_of
from gateway_core.wire._reading import FaultError

T = TypeVar("T")


def structure_carefully(value: Any, kind: type[T], using: cattrs.Converter | None) -> T:
    """Fit a parsed value into an attrs class, or say what is wrong with it.

    Raises:
        UnexpectedResponseError, PluginError: As of `gateway_core.wire.structure`.
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
