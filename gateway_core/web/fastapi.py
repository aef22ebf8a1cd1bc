"""Webhooks in FastAPI.

::

    from gateway_core.web.fastapi import Payments

    payments = Payments(AsyncGateway.open, handle)
    app = FastAPI()
    app.include_router(payments.router)

It needs ``pip install 'gateway-core[fastapi]'``.
"""

from __future__ import annotations

from gateway_core.errors import ConfigurationError
from gateway_core.web import starlette

try:
    from fastapi import APIRouter
except ImportError as error:
    if error.name is None or error.name.partition(".")[0] != "fastapi":
        raise
    raise ConfigurationError("this needs its extra: pip install 'gateway-core[fastapi]'") from None

__all__ = ["Payments"]


class Payments(starlette.Payments):
    """The webhooks of an application, and its gateway while it runs: as `gateway_core.web.starlette.Payments`.

    ``app.include_router(payments.router)`` mounts the webhooks, opens the gateway when the application starts, and
    closes it when it ends. ``Depends(payments)`` gives it to a path operation.
    """

    @property
    def router(self) -> APIRouter:
        """The webhooks, and the lifespan of the gateway."""
        return APIRouter(routes=list(self.routes), lifespan=self.lifespan)
