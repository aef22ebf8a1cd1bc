"""The configuration: which accounts there are, and the settings of each, from a file and the environment.

::

    default = "shop-eu"

    [gateways.shop-eu]
    backend = "bitsby"                       # which plugin; `distribution = "..."` pins where it may come from
    api_key = "env://BITSBY_API_KEY"         # or "file:///run/secrets/bitsby"; any setting may be a reference
    transport = {deadline = 20}              # bounds on every call; everything else is the plugin's

The variable ``GATEWAY_SHOP_EU_API_KEY`` comes before what the file says, ``GATEWAY_SHOP_EU_TRANSPORT_DEADLINE`` too;
``GATEWAY_CONFIG`` names the file and ``GATEWAY_DEFAULT`` the account.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_core.config._accounts import (
        AccountEntry,
        Accounts,
        LoadedAccount,
        accounts,
        all_accounts,
        default_account,
        load_account,
        read_secrets,
    )
    from gateway_core.config._reading import permission_faults
    from gateway_core.config._routes import Route, choose
    from gateway_core.config._values import structure
else:
    from gateway_core._lazy import importing

    __getattr__ = importing(
        __name__,
        {
            "_accounts": (
                "AccountEntry Accounts LoadedAccount accounts all_accounts default_account load_account read_secrets"
            ),
            "_reading": "permission_faults",
            "_routes": "Route choose",
            "_values": "structure",
        },
    )

__all__ = [
    "AccountEntry",
    "Accounts",
    "LoadedAccount",
    "Route",
    "accounts",
    "all_accounts",
    "choose",
    "default_account",
    "load_account",
    "permission_faults",
    "read_secrets",
    "structure",
]
