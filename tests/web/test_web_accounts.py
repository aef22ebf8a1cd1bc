"""Which account a webhook is for."""

from __future__ import annotations

import pytest

from gateway_core import Gateways, errors
from gateway_core.testing import EmulatedAccount
from gateway_core.web import gateway_at
from tests.web.apps import Shop


@pytest.mark.parametrize("path", ["", "/", "anything", "a/b"])
def test_one_gateway_has_every_path(shop: Shop, path: str) -> None:
    """What follows the address may be a secret of it."""
    assert gateway_at(shop.gateway, path) is shop.gateway


@pytest.mark.parametrize(
    "path, found", [("eu", True), ("/eu/", True), ("eu/s3cret", True), ("us", False), ("", False), ("/", False)]
)
def test_name_is_the_first_segment(shop: Shop, path: str, *, found: bool) -> None:
    """No other segment is a name, and what has none is for the default, which a dict has not."""
    assert (gateway_at({"eu": shop.gateway}, path) is shop.gateway) is found


def test_no_name_is_the_default() -> None:
    """That of `Gateways`, if there is one: the only account is."""
    with EmulatedAccount("sandbox") as one, EmulatedAccount("sandbox") as two:
        tables = {name: {"backend": "sandbox", **account.settings} for name, account in (("eu", one), ("us", two))}
        several = Gateways.open({"gateways": tables}, transports={"eu": one.faults, "us": two.faults})
        chosen = Gateways.open({"gateways": tables, "default": "us"}, transports={"eu": one.faults, "us": two.faults})
        only = Gateways.open({"gateways": {"eu": tables["eu"]}}, transports={"eu": one.faults})

        assert gateway_at(several, "") is None
        assert gateway_at(chosen, "") is chosen["us"]
        assert gateway_at(only, "") is only["eu"]


def test_default_that_cannot_be_opened_is_told() -> None:
    """It is there, and its settings are wrong: that is no 404."""
    several = Gateways.open({"gateways": {"eu": {"backend": "sandbox", "api_kye": "x"}}})

    with pytest.raises(errors.ConfigurationError, match="api_kye"):
        gateway_at(several, "")
