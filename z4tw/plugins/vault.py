"""The encryption plugin ``vault``: the master key stays in HashiCorp Vault or OpenBao.

[plugins.encryption.vault]
address = "https://vault.example:8200"
key = "z4tw"
token-file = "/etc/z4/vault-token"
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.task import deferLater
from twisted.plugin import IPlugin
from zope.interface import implementer

from z4tw.interfaces import IKeyring, IPluginFactory
from z4tw.keyring.blocking import BlockingAsk, pause
from z4tw.keyring.vault import (
    MAX_ANSWER_BYTES,
    Answer,
    NoAnswer,
    Question,
    VaultKeyring,
    parse_options,
    read_token,
)

_MAX_CA_BYTES = 1 << 20
_PEM_END = b"-----END CERTIFICATE-----"


class TooLong(Exception):
    """An answer has more bytes than any of Vault's."""


class TreqAsk:
    """Sends questions by treq, each over a connection of its own; redirects are not followed.

    ``ca_file`` are the only certificates trusted, empty: the system's.
    """

    def __init__(self, reactor: Any, timeout_s: float, ca_file: str) -> None:
        from twisted.web.client import Agent, BrowserLikePolicyForHTTPS

        policy = BrowserLikePolicyForHTTPS(_trusted(ca_file) if ca_file else None)
        self._agent = Agent(reactor, contextFactory=policy, connectTimeout=timeout_s)
        self._reactor = reactor
        self._timeout_s = timeout_s

    async def __call__(self, question: Question) -> Answer:
        """The answer. Raises ``NoAnswer``."""
        from twisted.web.client import RequestTransmissionFailed, ResponseFailed
        from twisted.web.client import ResponseNeverReceived as NeverReceived

        asking = defer.Deferred.fromCoroutine(self._answer(question))
        try:
            return await asking.addTimeout(self._timeout_s, self._reactor)
        except defer.TimeoutError:
            raise NoAnswer("it takes too long") from None
        except TooLong:
            raise NoAnswer("its answer is too long") from None
        except (NeverReceived, RequestTransmissionFailed, ResponseFailed) as error:
            raise NoAnswer(_reason(error.reasons[0].value)) from error
        except (ConnectError, ConnectionClosed, DNSLookupError, OSError) as error:
            raise NoAnswer(_reason(error)) from error

    async def _answer(self, question: Question) -> Answer:
        from treq.client import HTTPClient
        from treq.content import collect

        client = HTTPClient(self._agent)  # it keeps cookies: a new one keeps none
        headers: dict[bytes | str, bytes | str] = dict(question.headers.items())
        response = await client.post(
            question.url,
            headers=headers,
            data=question.body,
            allow_redirects=False,
            unbuffered=True,
        )
        pieces: list[bytes] = []

        def take(data: bytes) -> None:
            pieces.append(data)
            if sum(map(len, pieces)) > MAX_ANSWER_BYTES:
                raise TooLong

        await collect(response, take)
        return Answer(response.code, b"".join(pieces))


def _trusted(ca_file: str) -> Any:
    """The certificates of a PEM file. Raises ``ValueError``."""
    from twisted.internet.ssl import Certificate, trustRootFromCertificates

    with open(ca_file, "rb") as file:
        content = file.read(_MAX_CA_BYTES)
    blocks = [part + _PEM_END for part in content.split(_PEM_END)[:-1]]
    try:
        certificates = [Certificate.loadPEM(block) for block in blocks]
    except Exception as error:
        raise ValueError(f"the CA file {ca_file} holds something else") from error
    if not certificates:
        raise ValueError(f"the CA file {ca_file} holds no certificate")
    return trustRootFromCertificates(certificates)


def _reason(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


@implementer(IPlugin, IPluginFactory)
class VaultPlugin:
    """Makes the keyring; its options: ``address``, ``key``, ``mount`` (``transit``),
    ``token-file``, ``namespace``, ``ca-file``, ``timeout`` (seconds)."""

    kind = "encryption"
    name = "vault"

    def make(self, options: Mapping[str, str], ports: Any) -> IKeyring:
        """The keyring. Raises ``ValueError``."""
        chosen = parse_options(options, ports.environ)
        token = partial(ports.offload.run, read_token, chosen.token_file)
        reactor = ports.reactor
        if reactor is None:
            ask = BlockingAsk(chosen.timeout_s, chosen.ca_file)
            return VaultKeyring(chosen, ask, token, pause)
        if chosen.ca_file:
            _trusted(chosen.ca_file)
        ask_by_treq = TreqAsk(reactor, chosen.timeout_s, chosen.ca_file)
        return VaultKeyring(chosen, ask_by_treq, token, partial(deferLater, reactor))


vault = VaultPlugin()
