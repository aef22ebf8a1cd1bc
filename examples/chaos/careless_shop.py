"""The same shop, without the journal's care: whenever a webhook says that an invoice is paid, a parcel goes out.

It shows what the chaos does to a shop, and that the count at the end sees it.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from examples.bookshop import orders
from examples.fastapi_shop import app, engine, payments
from gateway_core import WebhookRequest, errors


async def receive(request: Request) -> Response:
    """Send a parcel for each paid invoice that a genuine webhook tells of."""
    webhook = WebhookRequest(body=await request.body(), headers=request.headers.items(), url=str(request.url))
    try:
        delivery = await payments.gateway.verify_webhook(webhook)
    except errors.WebhookError as error:
        return Response(status_code=error.http_status)
    for event in delivery.events:
        if event.report is not None and event.report.status.is_paid:
            async with engine.begin() as connection:
                await connection.run_sync(orders.fulfil, str(event.report.order_id), str(event.invoice_id))
    return Response()


app.router.routes.insert(0, APIRoute("/webhooks", receive, methods=["POST"]))
