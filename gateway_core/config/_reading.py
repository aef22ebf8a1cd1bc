"""Reading what configuration and secrets stand in: small, regular files, in bounded time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway_core.config._types import Broken

#: Bytes. More is no setting and no configuration that people write.
LARGEST_FILE = 1 << 16


def read_text(path: str) -> str | Broken:
    """Return the text of a file, or what is wrong with it, to be said after its name.

    A pipe would be waited for, and a device may never end: only a regular file is read, and no more of it than is
    allowed.

    Raises:
        FileNotFoundError: If it is not there.
    """
    try:
        content = _content(path)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        return Broken("is a directory, not a file")
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        return Broken(f"cannot be read ({type(error).__name__})")
    if content is None:
        return Broken("is no regular file")
    if len(content) > LARGEST_FILE:
        return Broken(f"is larger than {LARGEST_FILE} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, byte = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
    return Broken(f"is not text in UTF-8 (at line {line}, byte {byte})")


def permission_faults(path: str, *, secret: bool) -> Iterator[str]:
    """Yield what is careless about who may use a file; nothing where permissions are not those of POSIX.

    Args:
        path: The file.
        secret: Whether a secret stands in it.
    """
    try:
        mode = Path(path).stat().st_mode if os.name == "posix" else 0
    except OSError:
        return
    if mode & stat.S_IWOTH:
        yield f"everybody on this machine may write {path}: chmod o-w"
    if secret and mode & stat.S_IROTH:
        yield f"everybody on this machine may read {path}, and a secret stands in it: chmod o-r"


def _content(path: str) -> bytes | None:
    """Return at most one byte more than is allowed; None if the file is not regular."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError
        if not stat.S_ISREG(mode):
            return None
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(LARGEST_FILE + 1)
    finally:
        os.close(descriptor)
