"""A webhook that is signed with a certificate's key holds only if an authority issued that to the provider."""

from __future__ import annotations

import base64
import builtins
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway_core import certificates
from gateway_core.certificates import CertificatePolicy
from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookError, WebhookReason

NOW = datetime(2030, 6, 1, tzinfo=UTC)
HOSTS = ("paypal.example", "*.paypal.example")
MESSAGE = b"t1|2030-01-01T00:00:00Z|WID|2325436976"


@attrs.frozen
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def sign(self, message: bytes = MESSAGE) -> str:
        """Return the signature of a message."""
        return base64.b64encode(self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode("ascii")


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    authority: bool = False,
    days: tuple[int, int] = (-30, 30),
    key: Any = None,
) -> Issued:
    """Issue a certificate, as an authority does; without an issuer it issues itself."""
    own = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    by = Issued(None, own) if issuer is None else issuer  # type: ignore[arg-type]  # it has no certificate yet
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Issued(builder.sign(by.key, hashes.SHA256()), own)


ROOT = issue("Example Root", authority=True)
BETWEEN = issue("Example Authority", ROOT, authority=True)
LEAF = issue("webhooks.paypal.example", BETWEEN)
CHAIN = LEAF.pem + BETWEEN.pem


POLICY = CertificatePolicy(hosts=HOSTS, roots=ROOT.pem)


def refused(chain: bytes, signature: str, message: bytes = MESSAGE, policy: CertificatePolicy = POLICY) -> WebhookError:
    """Return the error by which a message is refused."""
    with pytest.raises(WebhookError) as caught:
        policy.check_signature(message, signature, chain, NOW)
    assert caught.value.reason is WebhookReason.WRONG_SIGNATURE
    return caught.value


@pytest.mark.parametrize("name", ["webhooks.paypal.example", "paypal.example", "*.paypal.example"])
def test_what_the_provider_signed_is_accepted(name: str) -> None:
    """Its certificate is issued to one of its names, through an intermediate authority."""
    leaf = issue(name, BETWEEN)

    POLICY.check_signature(MESSAGE, leaf.sign(), leaf.pem + BETWEEN.pem, NOW)


def test_another_message_is_refused() -> None:
    """Every byte of it counts."""
    assert "signature is wrong" in refused(CHAIN, LEAF.sign(), MESSAGE + b" ").message


@pytest.mark.parametrize("signature", ["", "x", "AAAA", "\u00e9", "=" * 9])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    """Whatever the sender writes into the header."""
    assert "signature is wrong" in refused(CHAIN, signature).message


@pytest.mark.parametrize("name", ["paypal.example.evil.example", "evilpaypal.example", "evil.example"])
def test_a_certificate_of_another_host_is_refused(name: str) -> None:
    """An authority issues certificates to everybody."""
    leaf = issue(name, BETWEEN)

    assert "not the provider's" in refused(leaf.pem + BETWEEN.pem, leaf.sign()).message


def test_a_certificate_that_nobody_trusted_issued_is_refused() -> None:
    """Anybody can write the provider's name into one."""
    leaf = issue("webhooks.paypal.example", issue("Example Root", authority=True))

    assert "trusted authority" in refused(leaf.pem, leaf.sign()).message


def test_the_authorities_of_browsers_are_trusted_by_default() -> None:
    """The test's own authority is none of them."""
    assert "trusted authority" in refused(CHAIN, LEAF.sign(), policy=CertificatePolicy(hosts=HOSTS)).message


def test_a_chain_without_its_intermediate_is_refused() -> None:
    """Nothing is fetched to complete it."""
    refused(LEAF.pem, LEAF.sign())


def test_a_leaf_issues_nothing() -> None:
    """Who has a certificate of his own is no authority by it."""
    leaf = issue("webhooks.paypal.example", LEAF)

    refused(leaf.pem + CHAIN, leaf.sign())


@pytest.mark.parametrize("days", [(-60, -1), (1, 60)])
def test_a_certificate_that_is_not_valid_now_is_refused(days: tuple[int, int]) -> None:
    """Its key may be anybody's since."""
    leaf = issue("webhooks.paypal.example", BETWEEN, days=days)

    assert "not valid now" in refused(leaf.pem + BETWEEN.pem, leaf.sign()).message


def test_a_key_of_another_kind_is_refused() -> None:
    """The scheme is RSA, and the certificate does not choose another."""
    leaf = issue("webhooks.paypal.example", BETWEEN, key=ec.generate_private_key(ec.SECP256R1()))

    refused(leaf.pem + BETWEEN.pem, LEAF.sign())


@pytest.mark.parametrize(
    "chain", [b"", b"x", ROOT.pem[:100], CHAIN + b"x" * (1 << 16)], ids=["empty", "no PEM", "cut off", "too large"]
)
def test_what_is_no_certificate_is_refused(chain: bytes) -> None:
    """An error page, a cut answer, or one without end."""
    assert "cannot be read" in refused(chain, LEAF.sign()).message


def test_a_certificate_without_host_names_is_refused() -> None:
    """The common name alone is not looked at."""
    refused(BETWEEN.pem, BETWEEN.sign())


@pytest.mark.parametrize(
    "url", ["https://api.paypal.example/certs/1", "https://PAYPAL.example:443/c", "https://a.b.paypal.example/c"]
)
def test_certificates_are_fetched_from_the_provider(url: str) -> None:
    """From its own host and those below it."""
    POLICY.check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.example/c",
        "https://api.paypal.example:8443/c",
        "https://user@api.paypal.example/c",
        "https://paypal.example.evil.example/c",
        "https://evilpaypal.example/c",
        "https://evil.example/paypal.example",
        "https://evil.example#.paypal.example",
        "https://evil.example\\.paypal.example/c",
        "https://api.paypal.example%2eevil.example/c",
        "https://[::1",
        "file:///etc/passwd",
        "",
    ],
)
def test_certificates_are_fetched_from_nowhere_else(url: str) -> None:
    """The address is the sender's choice."""
    with pytest.raises(WebhookError, match="address"):
        POLICY.check_url(url)


def test_roots_that_are_none_are_a_fault_of_the_deployment() -> None:
    """No webhook is to blame."""
    with pytest.raises(ConfigurationError, match="PEM"):
        CertificatePolicy(hosts=HOSTS, roots=b"none").check_signature(MESSAGE, LEAF.sign(), CHAIN, NOW)


def test_a_time_without_a_zone_is_refused() -> None:
    """Whether a certificate is valid then would depend on the host."""
    with pytest.raises(InvalidRequestError, match="time zone"):
        POLICY.check_signature(MESSAGE, LEAF.sign(), CHAIN, NOW.replace(tzinfo=None))


def test_without_the_extra_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is accepted unchecked."""
    imported = builtins.__import__

    def no_cryptography(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return imported(name, *rest, **more)

    certificates._roots.cache_clear()
    monkeypatch.setattr(builtins, "__import__", no_cryptography)

    with pytest.raises(ConfigurationError, match=r"gateway-core\[certificates\]"):
        POLICY.check_signature(MESSAGE, LEAF.sign(), CHAIN, NOW)
