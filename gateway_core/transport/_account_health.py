"""What the gateways of one account share in this process about their provider: its circuit and the retry budget."""

from __future__ import annotations

import attrs

from gateway_core.transport._circuit_breaker import CircuitBreaker
from gateway_core.transport._registry import Registry
from gateway_core.transport._retry_budget import FLOOR, FLOOR_SECONDS, RetryBudget

#: Seconds for which an account is remembered at least after a failure or a retry: by then the budget's floor is back.
_MEMORY = FLOOR * FLOOR_SECONDS


@attrs.frozen(eq=False)
class AccountHealth:
    """The circuit breaker and the retry budget of one account."""

    circuit_breaker: CircuitBreaker
    retry_budget: RetryBudget

    @classmethod
    def of(cls, account: str, failures: int, seconds: float) -> AccountHealth:
        """Return an account's health: the same object while it is in use, and for a while after a failure or a retry.

        Args:
            account: The account's key.
            failures: After how many failures in a row the circuit opens.
            seconds: How long it stays open.
        """
        return _REGISTRY.get(
            (account, failures, seconds), lambda: cls(CircuitBreaker(failures, seconds), RetryBudget())
        )

    def spend_retry(self) -> bool:
        """Take one retry from the budget; return whether there was one."""
        self._remember()
        return self.retry_budget.spend()

    def record(self, caller: object, *, failed: bool) -> bool | None:
        """Count how a request ended, as `CircuitBreaker.record` does."""
        if failed:
            self._remember()
        return self.circuit_breaker.record(caller, failed=failed)

    def _remember(self) -> None:
        """Keep this for a while for an application that makes a gateway for each call."""
        _REGISTRY.keep(self, max(_MEMORY, self.circuit_breaker.seconds))

    def forked(self) -> None:
        """Replace locks and probe in a forked process."""
        self.circuit_breaker.forked()
        self.retry_budget.forked()


def forget() -> None:
    """Reset the health of every account, so that an application's tests do not share one."""
    _REGISTRY.clear()


_REGISTRY: Registry[AccountHealth] = Registry(AccountHealth.forked)
