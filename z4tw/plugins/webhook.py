"""The event sink ``webhook``: each message is a POST of JSON to a URL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.plugin import IPlugin
from twisted.python.failure import Failure
from zope.interface import implementer

from z4tw.interfaces import IEventSink, IOffload, IPluginFactory

ANSWER_BYTES = 64 * 1024
"""What is read of an answer's body; a longer one ends the connection."""
DEFAULT_TIMEOUT_S = 10.0
MOST_TIMEOUT_S = 300.0
_OPTIONS = {"url", "timeout", "authorization-file", "ca-file"}


class DeliveryRefused(Exception):
    """The receiver did not answer 2xx, or not in time."""


class _Answer(Protocol):
    """Reads an answer's body and throws it away, up to a limit. ``ended`` fires at its end;
    cancelling that gives the connection up."""

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred(lambda _: self._give_up())
        self._left = ANSWER_BYTES

    def dataReceived(self, data: bytes) -> None:
        """Count."""
        self._left -= len(data)
        if self._left < 0:
            self._give_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The status said already what counts."""
        if not self.ended.called:
            self.ended.callback(None)

    def _give_up(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.loseConnection()


@implementer(IEventSink)
class Webhook:
    """Posts to one URL. ``agent`` is a Twisted ``IAgent``; the authorization file is read for
    each delivery, so that it may be replaced at any time."""

    batch = 1

    def __init__(
        self,
        url: str,
        agent: Any,
        reactor: Any,
        offload: IOffload,
        timeout_s: float,
        authorization_file: str | None,
    ) -> None:
        self._url = url
        self._agent = agent
        self._reactor = reactor
        self._offload = offload
        self._timeout_s = timeout_s
        self._authorization_file = authorization_file

    def deliver(self, messages: Sequence[Mapping[str, Any]]) -> Deferred[None]:
        """Post messages, one after the other. Raises ``DeliveryRefused`` for any answer but 2xx
        and for none in time, and what the connection fails with; redirects are not followed."""
        posting = Deferred.fromCoroutine(self._deliver(messages))
        return posting.addTimeout(self._timeout_s, self._reactor, _too_slow)

    async def _deliver(self, messages: Sequence[Mapping[str, Any]]) -> None:
        from treq.client import HTTPClient

        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "User-Agent": "z4tw",
        }
        if self._authorization_file is not None:
            headers["Authorization"] = await self._offload.run(
                read_authorization, self._authorization_file
            )
        for message in messages:
            # A client keeps cookies: a new one for each message keeps nothing.
            response = await HTTPClient(self._agent).post(
                self._url,
                data=json.dumps(message, separators=(",", ":")).encode("ascii"),
                headers=headers,
                allow_redirects=False,
                unbuffered=True,
                reactor=self._reactor,
            )
            answer = _Answer()
            response.original.deliverBody(answer)
            await answer.ended
            if not 200 <= response.code < 300:
                raise DeliveryRefused(f"the receiver answered {response.code}")


def _too_slow(_: Any, timeout_s: float) -> None:
    raise DeliveryRefused(f"no answer within {timeout_s:g} seconds")


def read_authorization(path: str) -> str:
    """(offloaded) The value of the Authorization header, the first line of a file. Raises
    ``OSError``, ``ValueError``."""
    with open(path, encoding="ascii") as file:
        line = file.readline(8192).strip()
    if not line or not line.isprintable():
        raise ValueError("the authorization file has no header value")
    return line


@implementer(IPlugin, IPluginFactory)
class WebhookPlugin:
    """``events`` plugin ``webhook``; options ``url``, ``timeout`` (seconds),
    ``authorization-file`` and ``ca-file``."""

    kind = "events"
    name = "webhook"

    def make(self, options: Mapping[str, str], ports: Any) -> IEventSink:
        """The sink. Raises ``ValueError``."""
        unknown = sorted(set(options) - _OPTIONS)
        if unknown:
            raise ValueError(f"there is no option {unknown[0]!r}")
        url = _checked_url(options.get("url", ""))
        timeout_s = _timeout(options.get("timeout"))
        authorization_file = options.get("authorization-file")
        if authorization_file is not None:
            try:
                read_authorization(authorization_file)
            except OSError as error:
                raise ValueError(f"authorization-file: {error.strerror}") from None
        agent = _agent(ports.reactor, timeout_s, options.get("ca-file"))
        sink: IEventSink = Webhook(
            url, agent, ports.reactor, ports.offload, timeout_s, authorization_file
        )
        return sink


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
        raise ValueError("the option url is needed: http:// or https:// and a host")
    if parts.username is not None:
        raise ValueError("url: a password belongs into the file that authorization-file names")
    return url


def _timeout(text: str | None) -> float:
    try:
        seconds = DEFAULT_TIMEOUT_S if text is None else float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_TIMEOUT_S:
        raise ValueError(f"timeout: seconds above 0 and up to {MOST_TIMEOUT_S:g} are needed")
    return seconds


def _agent(reactor: Any, timeout_s: float, ca_file: str | None) -> Any:
    """An agent with its own connections, verifying certificates with the system's roots or those
    of a file."""
    from twisted.internet.ssl import Certificate, trustRootFromCertificates
    from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool

    roots = None
    if ca_file is not None:
        try:
            with open(ca_file, "rb") as file:
                roots = trustRootFromCertificates([Certificate.loadPEM(file.read())])
        except OSError as error:
            raise ValueError(f"ca-file: {error.strerror}") from None
        except Exception as error:
            raise ValueError(f"ca-file: no certificate in PEM: {error}") from None
    pool = HTTPConnectionPool(reactor, persistent=True)
    return Agent(reactor, BrowserLikePolicyForHTTPS(roots), connectTimeout=timeout_s, pool=pool)


webhook = WebhookPlugin()
