"""TLS contexts, self-signed certificates and their exchange."""

from __future__ import annotations

import datetime
import os
import ssl
import tempfile
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface.verify import verifyObject

from z4tw.web.tls import ReloadableContext, make_self_signed, server_context, write_self_signed

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    certificate, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    write_self_signed(certificate, key, ["s3.example", "192.0.2.1"], NOW)
    return certificate, key


def shake(server: SSL.Connection, client: ssl.SSLContext, name: str = "localhost") -> ssl.SSLObject:
    """A handshake in memory; gives the client's end."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = client.wrap_bio(incoming, outgoing, server_hostname=name)
    server.set_accept_state()
    for _ in range(8):
        try:
            end.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            done = False
        if outgoing.pending:
            server.bio_write(outgoing.read())
        try:
            server.do_handshake()
        except SSL.WantReadError:
            pass
        try:
            incoming.write(server.bio_read(65536))
        except SSL.WantReadError:
            if done:
                break
    return end


def client_for(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_a_self_signed_certificate_names_localhost_and_the_hosts(files: tuple[str, str]) -> None:
    certificate = x509.load_pem_x509_certificate(Path(files[0]).read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "s3.example"]
    addresses = [str(a) for a in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "::1", "192.0.2.1"]
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc


def test_the_key_is_for_its_owner_only_and_files_stay(files: tuple[str, str]) -> None:
    assert os.stat(files[1]).st_mode & 0o777 == 0o600
    before = [Path(name).read_bytes() for name in files]
    write_self_signed(*files, ["other"], NOW)
    assert [Path(name).read_bytes() for name in files] == before


@pytest.mark.parametrize("name", ["localhost", "s3.example", "192.0.2.1", "127.0.0.1"])
def test_a_client_that_trusts_the_file_connects(files: tuple[str, str], name: str) -> None:
    creator = ReloadableContext(*files)
    verifyObject(IOpenSSLServerConnectionCreator, creator)
    end = shake(creator.serverConnectionForTLS(None), client_for(files[0]), name)
    assert end.version() == "TLSv1.3"
    assert end.selected_alpn_protocol() == "http/1.1"


def test_tls_1_2_has_forward_secrecy_and_aead(files: tuple[str, str]) -> None:
    client = client_for(files[0])
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    end = shake(ReloadableContext(*files).serverConnectionForTLS(None), client)
    cipher = end.cipher()
    assert cipher is not None
    assert cipher[0].startswith("ECDHE-")
    assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]


def test_older_versions_are_refused(files: tuple[str, str]) -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = ssl.TLSVersion.TLSv1_1
        client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((SSL.Error, ssl.SSLError)):
        shake(ReloadableContext(*files).serverConnectionForTLS(None), client)


def test_reloading_serves_the_new_certificate_to_new_connections(files: tuple[str, str]) -> None:
    creator = ReloadableContext(*files)
    old = shake(creator.serverConnectionForTLS(None), client_for(files[0])).getpeercert(True)
    certificate, key = make_self_signed([], NOW)
    Path(files[0]).write_bytes(certificate)
    Path(files[1]).write_bytes(key)
    creator.reload()
    new = shake(creator.serverConnectionForTLS(None), client_for(files[0])).getpeercert(True)
    assert old != new


def test_a_failed_reload_keeps_what_was(files: tuple[str, str]) -> None:
    creator = ReloadableContext(*files)
    certificate = Path(files[0]).read_bytes()
    Path(files[0]).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"cert\.pem"):
        creator.reload()
    Path(files[0]).write_bytes(certificate)
    shake(creator.serverConnectionForTLS(None), client_for(files[0]))


def test_files_that_cannot_be_used_are_named(files: tuple[str, str]) -> None:
    other_key = make_self_signed([], NOW)[1]
    with tempfile.NamedTemporaryFile() as file:
        file.write(other_key)
        file.flush()
        with pytest.raises(ValueError, match=r"is not the key of|cannot be used") as caught:
            server_context(files[0], file.name)
        assert file.name in str(caught.value)
    with pytest.raises(ValueError, match="/none cannot be read"):
        server_context("/none", files[1])


def test_addresses_are_addresses_and_names_are_names() -> None:
    certificate = x509.load_pem_x509_certificate(make_self_signed(["::1", "a.b"], NOW)[0])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
