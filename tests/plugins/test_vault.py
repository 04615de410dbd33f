"""The plugin ``vault``: its factory, and its transport on real sockets."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from tests.keyring.fake_vault import FakeVault, serve, token_file
from tests.keyring.vault_contract import VaultTransportTests
from z4tw.errors import WrongMasterKey
from z4tw.interfaces import IKeyring, IPluginFactory
from z4tw.keyring.vault import Question, VaultFailure
from z4tw.node.offload import InlineOffload
from z4tw.plugins.registry import Ports, discover
from z4tw.plugins.vault import TreqAsk, vault

reactor: Any = global_reactor
CONTEXT = {"id": "1"}


class TreqAskTests(VaultTransportTests, TestCase):
    timeout = 30

    def ask(self, question: Question, timeout_s: float = 10, ca_file: str = "") -> Any:
        return Deferred.fromCoroutine(TreqAsk(reactor, timeout_s, ca_file)(question))


class VaultPluginTests(TestCase):
    timeout = 30

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.vault = FakeVault()
        port, number = serve(self.vault, reactor)
        self.addCleanup(port.stopListening)
        self.options = {
            "address": f"http://127.0.0.1:{number}",
            "key": "z4tw",
            "token-file": token_file(self.folder),
        }

    def keyring(self) -> IKeyring:
        ports = Ports(reactor, str(self.folder), {}, InlineOffload())
        made: IKeyring = discover().make("encryption", "vault", self.options, ports)
        return made

    async def test_a_key_goes_to_vault_and_comes_back(self) -> None:
        keyring = self.keyring()
        wrapped = await keyring.wrap(b"k" * 32, CONTEXT)
        assert await keyring.unwrap(wrapped, CONTEXT) == b"k" * 32
        with pytest.raises(WrongMasterKey):
            await keyring.unwrap(wrapped, {"id": "2"})

    async def test_the_token_file_is_read_each_time(self) -> None:
        keyring = self.keyring()
        await keyring.wrap(b"k" * 32, CONTEXT)
        token_file(self.folder, "hvs.other")
        with pytest.raises(VaultFailure, match="permission denied"):
            await keyring.wrap(b"k" * 32, CONTEXT)


def test_the_factory(tmp_path: Path) -> None:
    verifyObject(IPluginFactory, vault)
    options = {"address": "https://vault.test", "key": "k", "token-file": token_file(tmp_path)}
    ports = Ports(None, str(tmp_path), {}, InlineOffload())
    verifyObject(IKeyring, vault.make(options, ports))
    bad = tmp_path / "ca.pem"
    options["ca-file"] = str(bad)
    served = msgspec.structs.replace(ports, reactor=reactor)
    bad.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    with pytest.raises(ValueError, match="holds something else"):
        vault.make(options, served)
    bad.write_text("")
    with pytest.raises(ValueError, match="holds no certificate"):
        vault.make(options, served)
