"""The sandbox server: any emulator behind real HTTP, with a checkout page, a dashboard and webhooks that are sent.

It needs the extra ``server``: ``pip install 'gateway-sandbox[server]'``.
"""

from gateway_sandbox.server.app import make_app
from gateway_sandbox.server.deliveries import DeliveryWorker
from gateway_sandbox.server.serving import Server, Serving, serving

__all__ = ["DeliveryWorker", "Server", "Serving", "make_app", "serving"]
