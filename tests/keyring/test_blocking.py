"""Asking Vault without an event loop."""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.keyring.test_local import run
from tests.keyring.vault_contract import VaultTransportTests
from z4tw.keyring.blocking import BlockingAsk, pause
from z4tw.keyring.vault import Question


class BlockingAskTests(VaultTransportTests, TestCase):
    """The fake serves from the event loop, so the question is asked in a thread."""

    timeout = 30

    def ask(self, question: Question, timeout_s: float = 10, ca_file: str = "") -> Any:
        return deferToThread(lambda: run(BlockingAsk(timeout_s, ca_file)(question)))

    def test_a_pause_is_over_when_it_returns(self) -> None:
        run(pause(0))
