"""Errors of a gateway as answers of HTTP."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from gateway_core.errors import GatewayError
from gateway_core.web import answer_to

_log = logging.getLogger("gateway_django")


class GatewayErrorMiddleware(MiddlewareMixin):
    """Answers a view that has raised a `GatewayError` by the status that the error stands for.

    The page is the template ``gateway_django/error.html``, which a project may have in its own way: it is given
    ``status`` and ``may_retry``. What went wrong is in the log, and not on the page.
    """

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer an error of ours; leave every other one to Django."""
        if not isinstance(exception, GatewayError):
            return None
        _log.error("%s: %s", request.path, exception, exc_info=exception)
        answer = answer_to(exception)
        content = {"status": answer.status, "may_retry": answer.status >= 500}
        response = render(request, "gateway_django/error.html", content, status=answer.status)
        for name, value in answer.headers.pairs:
            response.headers[name] = value
        return response
