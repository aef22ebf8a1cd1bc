"""The certificate with which the emulator signs webhooks, from an authority of its own."""

from __future__ import annotations

import base64
import functools
from datetime import UTC, datetime

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: A name below PayPal's own, which an authority that anybody else trusts would never give away.
_HOST = "messageverificationcerts.sandbox.paypal.com"
#: The last part of its address.
CERTIFICATE = "CERT-360caa42-fca2a594-1d93a270"
#: Good whenever an emulator's clock stands.
_FROM, _UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class SigningKey:
    """A key with its certificate, in PEM.

    Attributes:
        private_key: The key.
        certificate: Its certificate.
        root: The certificate of the authority.
    """

    private_key: str
    certificate: str
    root: str

    def sign(self, message: bytes) -> str:
        """Return the signature of a message, in base64."""
        key = _loaded(self.private_key)
        return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode("ascii")


@functools.cache
def new_signing_key() -> SigningKey:
    """Return a new key; one for all emulators of this process, for making one takes its time."""
    authority, key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    root = _issue("Emulated authority", authority, "Emulated authority", authority)
    leaf = _issue(_HOST, key, "Emulated authority", authority)
    private_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    return SigningKey(
        private_key=private_key.decode("ascii"),
        certificate=leaf.public_bytes(pem).decode("ascii"),
        root=root.public_bytes(pem).decode("ascii"),
    )


@functools.lru_cache(maxsize=8)
def _loaded(private_key: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(private_key.encode("ascii"), None)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101  # it was made above
    return key


def _issue(name: str, key: rsa.RSAPrivateKey, issuer: str, authority: rsa.RSAPrivateKey) -> x509.Certificate:
    is_authority = key is authority
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(authority, hashes.SHA256())
