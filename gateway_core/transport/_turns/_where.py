"""Where the turns of an account are counted, as a configuration says it."""

from __future__ import annotations

import importlib.util
from typing import Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attrs

from gateway_core.errors import ConfigurationError
from gateway_core.transport._turns._rules import OpenStore, Rules

_REDIS = ("redis", "rediss", "unix")


@attrs.frozen
class Where:
    """A store: ``memory``, ``file:///var/lib/shop/limits.sqlite``, ``redis://...``, ``rediss://...``, ``unix://...``.

    Attributes:
        kind: ``memory``, ``file`` or ``redis``.
    """

    kind: str
    _text: str = attrs.field(repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        """Read what a configuration says. Nothing is opened.

        Raises:
            ConfigurationError: If it is none of the above, or the package `redis` is needed and missing.
        """
        scheme = text.partition(":")[0]
        if text == "memory":
            return cls("memory", text)
        if scheme == "file":
            parts = urlsplit(text)
            if not text.startswith("file:///") or parts.path == "/" or parts.query or parts.fragment:
                raise ConfigurationError("a limiter on a file is written with its full path, as file:///path/to/it")
            return cls("file", url2pathname(parts.path))
        if scheme in _REDIS and "://" in text:
            if importlib.util.find_spec("redis") is None:
                raise ConfigurationError("a limiter on Redis needs its client: pip install 'gateway-core[redis]'")
            from gateway_core.transport._turns._redis import check

            check(text)
            return cls("redis", text)
        raise ConfigurationError("a limiter is memory, file:///path, redis://..., rediss://... or unix://...")

    def open(self, key: str, rules: Rules) -> OpenStore:
        """Return the store of one account, on a file or on Redis."""
        if self.kind == "file":
            from gateway_core.transport._turns._file import FileStore

            return FileStore(rules, key, self._text)
        from gateway_core.transport._turns._redis import RedisStore

        return RedisStore(rules, key, self._text)


#: The store of this process alone.
MEMORY = Where.of("memory")
