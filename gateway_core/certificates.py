"""For plugin authors: webhooks that are signed with the key of a certificate, as PayPal's are.

The sender names the address of the certificate, and that is attacker's input. So a `CertificatePolicy` checks it; fetch
it then by a request to one of `ProviderInfo.hosts`, and let the policy check the signature with what came. It trusts no
certificate that an authority has not issued to one of the provider's own host names:

>>> from gateway_core.certificates import CertificatePolicy
>>> policy = CertificatePolicy(hosts=["*.example.com"])
>>> policy.check_url("https://api.example.com/certs/1")
>>> policy.check_url("https://example.com.evil.example/certs/1")
Traceback (most recent call last):
gateway_core.errors.WebhookError: its certificate is not at an address of the provider's

Needs the extra ``certificates``: ``pip install 'gateway-core[certificates]'``. The chain, the dates and the host names
are what is checked; whether a certificate was revoked is not looked up.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import re
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookError, WebhookReason
from gateway_core.http import split
from gateway_core.models._fields import tupled

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["CertificatePolicy"]

#: A leaf and its intermediates take a few kB; nobody sends more than this.
_LARGEST_CHAIN = 1 << 16
_MOST_CERTIFICATES = 10

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@attrs.frozen(kw_only=True)
class CertificatePolicy:
    """Whose certificates sign.

    Attributes:
        hosts: The provider's host names; ``*.example.com`` stands for every name below ``example.com``.
        roots: The authorities that are trusted, in PEM; None for those that browsers trust, as ``certifi`` has them.
    """

    hosts: tuple[str, ...] = attrs.field(converter=tupled)
    roots: bytes | None = attrs.field(default=None, repr=False)

    def check_url(self, url: str) -> None:
        """Refuse an address that a webhook's certificate is not fetched from.

        Raises:
            WebhookError: If it is not https on port 443 of one of the hosts, or names a user.
        """
        try:
            parts = split(url)
        except ValueError:
            parts = None
        usable = parts is not None and parts.scheme == "https" and parts.port in (None, 443) and "@" not in parts.netloc
        if parts is None or not usable or not _is_named(parts.hostname or "", self.hosts):
            raise WebhookError(
                "its certificate is not at an address of the provider's", reason=WebhookReason.WRONG_SIGNATURE
            )

    def check_signature(self, message: bytes, signature: str, certificate: bytes, at: datetime) -> None:
        """Refuse a message unless a certificate of the provider's signs it by RSA (PKCS #1 v1.5) and SHA-256.

        Args:
            message: Exactly the bytes that are signed.
            signature: The signature, in base64.
            certificate: The certificate in PEM, with the intermediates after it.
            at: When the webhook came, with a time zone: the certificate must be valid then.

        Raises:
            WebhookError: If the chain ends at no trusted authority, is not valid at that time or issued to another
                host, or the signature is wrong.
            ConfigurationError: If the extra is not installed, or `roots` holds no certificate.
            InvalidRequestError: If `at` has no time zone.
        """
        if at.utcoffset() is None:
            raise InvalidRequestError("at must have a time zone")
        roots = _roots(self.roots)
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        leaf = _verified(certificate, self.hosts, at.astimezone(UTC).replace(tzinfo=None), roots)
        try:
            key = leaf.public_key()
            if isinstance(key, rsa.RSAPublicKey):
                given = base64.b64decode(signature.encode("ascii"), validate=True)
                key.verify(given, message, padding.PKCS1v15(), hashes.SHA256())
                if base64.b64encode(given).decode("ascii") == signature:  # other letters may stand for the same bytes
                    return
        except (InvalidSignature, binascii.Error, UnicodeEncodeError):
            pass
        raise WebhookError("its signature is wrong", reason=WebhookReason.WRONG_SIGNATURE)


def _verified(
    pem: bytes, hosts: tuple[str, ...], at: datetime, roots: tuple[x509.Certificate, ...]
) -> x509.Certificate:
    """Return the first certificate, if its chain ends at one of the roots and it is issued to one of the hosts."""
    from cryptography import x509
    from cryptography.x509 import verification

    reason = "its certificate cannot be read"
    try:
        if len(pem) <= _LARGEST_CHAIN:
            leaf, *others = x509.load_pem_x509_certificates(pem)[:_MOST_CERTIFICATES]
            reason = "its certificate is not the provider's"
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            # A name with a wildcard stands for those below it: one of them is looked up.
            told = [name.replace("*", "x", 1) for name in names.get_values_for_type(x509.DNSName)]
            for name in (each for each in told if _is_named(each, hosts)):
                policy = verification.PolicyBuilder().store(verification.Store(list(roots))).time(at)
                policy.build_server_verifier(x509.DNSName(name)).verify(leaf, others)
                return leaf
    except verification.VerificationError:
        reason = "its certificate is not issued by a trusted authority, or not valid now"
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        pass
    raise WebhookError(reason, reason=WebhookReason.WRONG_SIGNATURE)


@functools.lru_cache(maxsize=8)
def _roots(pem: bytes | None) -> tuple[x509.Certificate, ...]:
    try:
        import certifi
        from cryptography import x509
        from cryptography.utils import CryptographyDeprecationWarning
    except ImportError:
        raise ConfigurationError(
            "a certificate cannot be checked without the extra: pip install 'gateway-core[certificates]'"
        ) from None
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # of an old authority's serial number
        for block in _PEM.findall(certifi.contents().encode("ascii") if pem is None else pem):
            with contextlib.suppress(ValueError):  # one that cannot be read is trusted by nobody
                found.append(x509.load_pem_x509_certificate(block))
    if not found:
        raise ConfigurationError("the trusted authorities are no certificates in PEM")
    return tuple(found)


def _is_named(host: str, patterns: Iterable[str]) -> bool:
    """Return whether a host name is one of the patterns, or lies below one that begins with ``*.``."""
    name = host.lower()
    return any(name == each or (each.startswith("*.") and name.endswith(each[1:])) for each in map(str.lower, patterns))
