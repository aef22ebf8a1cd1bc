"""Where the requests of an account are counted, as a configuration says it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Self

import attrs

from gateway_core.errors import ConfigurationError
from gateway_core.transport._rate_limit.rules import Rules, Store

_REDIS = ("redis", "rediss", "unix")


@attrs.frozen
class Where:
    """A store.

    Attributes:
        kind: ``memory``, ``file`` or ``redis``.
    """

    kind: str
    _text: str = attrs.field(repr=False)

    @classmethod
    def of(cls, text: str | None) -> Self:
        """Read what a configuration says: nothing, a full path, or ``redis://``, ``rediss://`` or ``unix://``.

        Nothing is opened.

        Raises:
            ConfigurationError: If it is none of these, or the package `redis` is needed and missing.
        """
        if text is None:
            return cls("memory", "")
        scheme, colon, _ = text.partition("://")
        if colon and scheme in _REDIS:
            if importlib.util.find_spec("redis") is None:
                raise ConfigurationError("a limiter on Redis needs its client: pip install 'gateway-core[redis]'")
            from gateway_core.transport._rate_limit.redis_store import check

            check(text)
            return cls("redis", text)
        if Path(text).is_absolute():
            return cls("file", text)
        raise ConfigurationError("a limiter is the full path of a file, or redis://..., rediss://... or unix://...")

    def open(self, key: str, rules: Rules) -> Store:
        """Return the store of one account, on a file or on Redis."""
        if self.kind == "file":
            from gateway_core.transport._rate_limit.file_store import FileStore

            return FileStore(rules, key, self._text)
        from gateway_core.transport._rate_limit.redis_store import RedisStore

        return RedisStore(rules, key, self._text)


#: The store of this process alone.
MEMORY = Where.of(None)
