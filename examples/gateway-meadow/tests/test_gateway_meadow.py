"""The conformance kit, run on Meadow."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from gateway_conformance import ProviderSuite
from gateway_core import WebhookRequest

from gateway_meadow import Meadow
from gateway_meadow.emulator import MeadowEmulator


class TestMeadow(ProviderSuite):
    """Every check of the kit. The class is given, and not the backend's name, since an example is not installed."""

    provider_class = Meadow
    emulator = MeadowEmulator

    def with_both_signatures(self, message: WebhookRequest, other: WebhookRequest) -> Sequence[WebhookRequest]:
        """Return the message with both `v1`, in either order."""
        time, own = message.headers["Meadow-Signature"].split(",")
        foreign = other.headers["Meadow-Signature"].split(",")[1]
        return [
            attrs.evolve(message, headers={"Meadow-Signature": f"{time},{one},{two}"})
            for one, two in ((own, foreign), (foreign, own))
        ]
