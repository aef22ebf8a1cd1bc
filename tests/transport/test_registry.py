"""What gateways of one account share is found again, as long as it matters, and no longer."""

from __future__ import annotations

import gc
import weakref

import attrs
import pytest

from gateway_core import Gateway, Secret
from gateway_core._engine.operations import Operations
from gateway_core.transport import TransportSettings
from gateway_core.transport._registry import Registry
from tests.garbage import only_new_garbage
from tests.transport.fault_server import Act, FaultServer, answer, reset_before_answering
from tests.transport.permits import Clock
from tests.transport.shop import Settings, Shop, call


@attrs.define(eq=False)
class Shared:
    """Something that gateways share."""

    forks: int = 0

    def forked(self) -> None:
        """Count."""
        self.forks += 1


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
def register(clock: Clock) -> Registry[Shared]:
    """An empty register."""
    return Registry(Shared.forked, clock)


def use(register: Registry[Shared], key: object) -> weakref.ref[Shared]:
    """Use what is known by a key, as a gateway does that is made for one call."""
    shared = register.get(key, Shared)
    register.keep(shared, 60.0)
    return weakref.ref(shared)


def test_what_somebody_holds_is_found_again(register: Registry[Shared]) -> None:
    """Two gateways of one account share, and those of others do not."""
    one = register.get("one", Shared)

    assert register.get("one", Shared) is one
    assert register.get("other", Shared) is not one


@pytest.mark.parametrize("seconds, kept", [(59.0, True), (61.0, False)])
def test_what_was_used_is_kept_for_a_while(
    register: Registry[Shared], clock: Clock, seconds: float, *, kept: bool
) -> None:
    """A gateway that is made for one call leaves to the next what it counted, until that no longer counts."""
    seen = use(register, "one")
    clock.sleep(seconds)

    use(register, "other")
    gc.collect()

    assert (seen() is not None) == kept


def test_use_is_counted_from_the_last(register: Registry[Shared], clock: Clock) -> None:
    """What is used again is kept for longer."""
    first = use(register, "one")
    clock.sleep(40.0)
    use(register, "one")
    clock.sleep(40.0)

    use(register, "other")
    gc.collect()

    assert first() is not None


def test_accounts_of_the_past_do_not_pile_up(register: Registry[Shared], clock: Clock) -> None:
    """Memory does not grow with all accounts that there ever were, even behind one that is kept for long."""
    register.keep(register.get("long", Shared), 1e9)
    for number in range(1000):
        use(register, number)
        clock.sleep(10.0)

    gc.collect()

    assert len(register) <= 15


def test_fork_is_told_to_all(register: Registry[Shared]) -> None:
    """A new process waits for no lock of the old one, and everybody in the register learns of it."""
    one, other = register.get("one", Shared), register.get("other", Shared)
    register._lock.acquire()

    register._start_anew()

    assert (one.forks, other.forks, register.get("one", Shared)) == (1, 1, one)


@pytest.mark.parametrize(
    "fault, attempts, breaker, most",
    [
        pytest.param(reset_before_answering(), 1, 5, 5, id="the breaker opens"),
        pytest.param(answer(b"", 503), 4, 1000, 20 + 20 // 5 + 5, id="the budget is spent"),
    ],
)
def test_gateway_for_each_call_spares_a_provider_in_trouble(fault: Act, attempts: int, breaker: int, most: int) -> None:
    """R6: an application that makes a gateway for each call does not begin each time as if nothing had happened."""
    bounds = TransportSettings(backoff=0.0, attempts=attempts, breaker_failures=breaker)

    def one(url: str) -> None:
        account = Operations("shop", Shop(Settings(api_key=Secret("register"), base_url=url)))
        with Gateway(account, None, bounds) as gateway:
            call(gateway, "read")

    with FaultServer(*[fault] * 100) as server, only_new_garbage():
        for _ in range(20):
            one(server.url)
            gc.collect()

    assert len(server.requests) in range(most, most + 2)


def test_what_was_cleared_is_made_anew(register: Registry[Shared]) -> None:
    """After that nobody finds what was held or kept before."""
    held, kept = register.get("held", Shared), register.get("kept", Shared)
    register.keep(kept, 60.0)

    register.clear()

    assert register.get("held", Shared) is not held
    assert register.get("kept", Shared) is not kept
