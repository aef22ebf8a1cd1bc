"""Views that fail."""

from typing import NoReturn

from django.http import HttpRequest

from gateway_core import errors

FAULTS = {
    "wrong": errors.InvalidRequestError("the amount must be above zero"),
    "lost": errors.OutcomeUnknownError("no answer came"),
    "busy": errors.RateLimitedError("not now", retry_after=7),
    "own": ZeroDivisionError("a secret of the shop's"),
}


def fail(request: HttpRequest, how: str) -> NoReturn:
    """Raise an error."""
    raise FAULTS[how]


async def fail_in_async(request: HttpRequest, how: str) -> NoReturn:
    """Raise an error."""
    raise FAULTS[how]
