"""Which account a webhook is for: the path of its address says."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, cast, overload

from gateway_core._engine.base import BaseGateway

G_co = TypeVar("G_co", covariant=True)
G = TypeVar("G", bound=BaseGateway)


class Accounts(Protocol[G_co]):
    """Several accounts by their names.

    Those of `Gateways`, or a ``dict``. What comes to the address without a name is for the one that ``default_name``
    names, if there is such an attribute.
    """

    def __contains__(self, name: Any, /) -> bool:
        """Return whether there is such an account."""

    def __getitem__(self, name: str, /) -> G_co:
        """Return its gateway."""


@overload
def gateway_at(gateways: Accounts[G], path: str) -> G | None: ...
@overload
def gateway_at(gateways: G, path: str) -> G | None: ...
def gateway_at(gateways: G | Accounts[G], path: str) -> G | None:
    """Return the gateway whose webhooks come to a path; None if there is none, which is answered with 404.

    Args:
        gateways: A gateway, which has every path; or several by name, whose name is the first segment of theirs.
        path: What follows the address at which the webhooks are mounted: ``""``, or ``"stripe"``. Further segments
            are nobody's name: one of them may be the secret of the address.

    Raises:
        ConfigurationError, UnknownBackendError: If the account is opened now, and cannot be.
    """
    if not is_several(gateways):
        return cast(G, gateways)
    several = cast(Accounts[G], gateways)
    name = path.strip("/").partition("/")[0] or getattr(several, "default_name", None)
    return several[name] if name is not None and name in several else None


def is_several(gateways: object) -> bool:
    """Return whether these are several accounts by name, and not one."""
    return hasattr(gateways, "__getitem__")
