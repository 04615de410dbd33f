"""TLS of the S3 port: a certificate from files, or one made here; changed without a restart."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from typing import Any

from OpenSSL import SSL
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from z4tw.config import Config
from z4tw.node.failures import StoreError

_VALID = datetime.timedelta(days=397)
_RENEW = datetime.timedelta(days=30)
_DAY = datetime.timedelta(days=1)
_REASONS = {
    "PEM lib": "one of them is not a PEM file, or the key has a passphrase",
    "KEY_VALUES_MISMATCH": "they do not belong together",
}


class TlsContext:
    """A context factory for Twisted's TLS: new connections get the certificate loaded last.

    Raises ``StoreError`` when the files cannot be used.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self._context = load_context(certificate, key)

    def getContext(self) -> SSL.Context:
        """The context for a new connection."""
        return self._context

    def reload(self, certificate: str, key: str) -> None:
        """Load the files anew; on a ``StoreError`` the former certificate stays in use."""
        self._context = load_context(certificate, key)


def load_context(certificate: str, key: str) -> SSL.Context:
    """A server's context: TLS 1.2 and later with forward secrecy, HTTP/1.1. Raises
    ``StoreError``."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    try:
        # The ssl module names what is wrong; pyOpenSSL only repeats codes of OpenSSL.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        context.use_certificate_chain_file(certificate)
        context.use_privatekey_file(key)
        context.check_privatekey()
    except ssl.SSLError as error:
        raise StoreError(
            f"the certificate {certificate} with the key {key} cannot be used: "
            f"{_REASONS.get(error.reason or '', error.reason or str(error))}"
        ) from error
    except OSError as error:
        where = next((path for path in (certificate, key) if not os.access(path, os.R_OK)), key)
        raise StoreError(f"cannot read {where}: {error.strerror}") from error
    except SSL.Error as error:
        raise StoreError(f"the certificate {certificate} cannot be used: {error}") from error
    context.set_alpn_select_callback(_choose_protocol)
    return context


def certificate_files(config: Config, now: datetime.datetime) -> tuple[str, str]:
    """The certificate's and the key's file; a self-signed one is made in ``_z4meta`` when there is
    none, or when it is about to expire or lacks one of the node's names."""
    if config.tls_cert is not None and config.tls_key is not None:
        return config.tls_cert, config.tls_key
    certificate = os.path.join(config.meta, "tls.crt")
    key = os.path.join(config.meta, "tls.key")
    names = _names(config)
    if not _usable(certificate, key, names, now):
        _make(certificate, key, names, now)
    return certificate, key


def _choose_protocol(connection: Any, offered: list[bytes]) -> Any:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _names(config: Config) -> list[str]:
    names = ["localhost", "127.0.0.1", "::1"]
    if config.host not in ("0.0.0.0", "::"):
        names.append(config.host)
    for domain in config.domain:
        names += [domain, f"*.{domain}"]
    return list(dict.fromkeys(names))


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usable(certificate: str, key: str, names: list[str], now: datetime.datetime) -> bool:
    try:
        with open(certificate, "rb") as file:
            present = x509.load_pem_x509_certificate(file.read())
        extension = present.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    covered = set(extension.value)
    return (
        os.path.exists(key)
        and present.not_valid_after_utc > now + _RENEW
        and all(_general_name(name) in covered for name in names)
    )


def _make(certificate: str, key: str, names: list[str], now: datetime.datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "z4tw self-signed")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key, pem, 0o600)
    _write(certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)


def _write(path: str, data: bytes, mode: int) -> None:
    file = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(file, "wb") as out:
        out.write(data)
    os.rename(path + ".new", path)
