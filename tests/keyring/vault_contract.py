"""What both transports to Vault do, on real sockets; a mixin of trial test cases."""

from __future__ import annotations

import datetime
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as global_reactor
from twisted.internet import ssl

from tests.keyring.fake_vault import TOKEN, FakeVault, serve
from z4tw.keyring.vault import Answer, NoAnswer, Question
from z4tw.web.tls import write_self_signed

reactor: Any = global_reactor


class VaultTransportTests:
    """``ask(url, timeout_s, ca_file)`` gives a Deferred of the transport's answer."""

    def ask(self, question: Question, timeout_s: float = 10, ca_file: str = "") -> Any:
        raise NotImplementedError

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.vault = FakeVault()

    def started(self, context: Any = None) -> str:
        port, number = serve(self.vault, reactor, context)
        self.addCleanup(port.stopListening)
        return (
            f"{'http' if context is None else 'https'}://127.0.0.1:{number}/v1/transit/encrypt/z4tw"
        )

    def question(self, url: str) -> Question:
        body = b'{"plaintext": "eA==", "associated_data": "eA=="}'
        return Question(url, {"X-Vault-Token": TOKEN, "Content-Type": "application/json"}, body)

    async def test_an_answer(self) -> None:
        answer = await self.ask(self.question(self.started()))
        assert answer.status == 200
        assert b"vault:v1:" in answer.body
        assert self.vault.seen == [TOKEN]

    async def test_an_error_is_an_answer_too(self) -> None:
        self.vault.failures = [503, 307]
        url = self.started()
        first: Answer = await self.ask(self.question(url))
        second: Answer = await self.ask(self.question(url))
        assert (first.status, second.status) == (503, 307)

    async def test_nobody_listens(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1/x"
        await self.no_answer(self.question(url))

    async def test_a_server_that_says_nothing(self) -> None:
        self.vault.failures = [None]
        await self.no_answer(self.question(self.started()), timeout_s=0.2)

    async def test_an_answer_without_end(self) -> None:
        self.vault.answer = lambda *_: (200, b"x" * 100_000)  # type: ignore[method-assign]
        await self.no_answer(self.question(self.started()))

    async def test_tls_takes_a_certificate_that_is_trusted(self) -> None:
        certificate, key = self.folder / "c.pem", self.folder / "k.pem"
        write_self_signed(str(certificate), str(key), [], datetime.datetime.now(datetime.UTC))
        context = ssl.DefaultOpenSSLContextFactory(str(key), str(certificate))
        url = self.started(context)
        await self.no_answer(self.question(url))
        assert self.vault.seen == []
        answer = await self.ask(self.question(url), ca_file=str(certificate))
        assert answer.status == 200

    async def no_answer(self, question: Question, **options: Any) -> None:
        with pytest.raises(NoAnswer) as caught:
            await self.ask(question, **options)
        assert TOKEN not in str(caught.value)
