"""TLS for the server: contexts from files that can be swapped, and self-signed certificates."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

_ALPN = b"http/1.1"
# TLS 1.2: forward secrecy and AEAD only. TLS 1.3's own ciphers are all of that kind.
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!MD5:!DSS"
_VALID_DAYS = 825
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def server_context(certificate_path: str, key_path: str) -> SSL.Context:
    """A context for TLS 1.2 and 1.3 from a PEM certificate chain and its PEM key.

    Raises ``ValueError`` with one line that names the file when one cannot be used.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_cipher_list(_CIPHERS)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_id(b"z4tw")
    context.set_alpn_select_callback(_select_protocol)
    for path, use in (
        (certificate_path, context.use_certificate_chain_file),
        (key_path, context.use_privatekey_file),
    ):
        if not os.access(path, os.R_OK):
            raise ValueError(f"{path} cannot be read")
        try:
            use(path)
        except SSL.Error as error:
            raise ValueError(f"{path} cannot be used for TLS: {_reason(error)}") from error
    try:
        context.check_privatekey()
    except SSL.Error as error:
        raise ValueError(f"{key_path} is not the key of {certificate_path}") from error
    return context


def _reason(error: SSL.Error) -> str:
    entries = error.args[0] if error.args else []
    return str(entries[0][-1]) if entries else "unknown format"


def _select_protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    return _ALPN if _ALPN in offered else SSL.NO_OVERLAPPING_PROTOCOLS


@implementer(IOpenSSLServerConnectionCreator)
class ReloadableContext:
    """Makes TLS connections from the files' context, which ``reload`` reads anew; connections
    that are open keep theirs. Give it to ``listenSSL`` or ``TLSMemoryBIOFactory``."""

    def __init__(self, certificate_path: str, key_path: str) -> None:
        self._certificate_path = certificate_path
        self._key_path = key_path
        self._context = server_context(certificate_path, key_path)

    def reload(self) -> None:
        """Read the files again. Raises ``ValueError``, and the old context stays in use."""
        self._context = server_context(self._certificate_path, self._key_path)

    def serverConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        """A TLS connection with the context of this moment."""
        return SSL.Connection(self._context, None)


def make_self_signed(hosts: Sequence[str], now: datetime.datetime) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key as PEM, for localhost and the given names and
    addresses; valid for 825 days from a day before ``now`` (aware)."""
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys((*_LOCAL_NAMES, *hosts)):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "z4tw self-signed")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        # Marked as its own authority, so that a client can be told to trust just this file.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key_pem


def write_self_signed(
    certificate_path: str, key_path: str, hosts: Sequence[str], now: datetime.datetime
) -> None:
    """Write a self-signed certificate (mode 0644) and its key (mode 0600) unless both files are
    there already. Raises ``OSError``."""
    if os.path.exists(certificate_path) and os.path.exists(key_path):
        return
    certificate, key = make_self_signed(hosts, now)
    for path, data, mode in ((key_path, key, 0o600), (certificate_path, certificate, 0o644)):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
