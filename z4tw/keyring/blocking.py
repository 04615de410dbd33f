"""Asking a keyring's server where no event loop runs: in a one-shot command."""

from __future__ import annotations

import http.client
import ssl
import time
from urllib.parse import urlsplit

from z4tw.keyring.vault import MAX_ANSWER_BYTES, Answer, NoAnswer, Question


class BlockingAsk:
    """Sends a question and waits for its answer, in place: awaiting it never suspends.

    ``ca_file`` are the only certificates trusted, empty: the system's.
    """

    def __init__(self, timeout_s: float, ca_file: str) -> None:
        self._timeout_s = timeout_s
        self._ca_file = ca_file

    async def __call__(self, question: Question) -> Answer:
        """The answer. Raises ``NoAnswer``."""
        parts = urlsplit(question.url)
        assert parts.hostname is not None
        connection: http.client.HTTPConnection
        try:
            if parts.scheme == "https":
                context = ssl.create_default_context(cafile=self._ca_file or None)
                connection = http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=self._timeout_s, context=context
                )
            else:
                connection = http.client.HTTPConnection(
                    parts.hostname, parts.port, timeout=self._timeout_s
                )
            try:
                connection.request("POST", parts.path, question.body, dict(question.headers))
                response = connection.getresponse()
                body = response.read(MAX_ANSWER_BYTES + 1)
            finally:
                connection.close()
        except TimeoutError:
            raise NoAnswer("it takes too long") from None
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(_reason(error)) from error
        if len(body) > MAX_ANSWER_BYTES:
            raise NoAnswer("its answer is too long")
        return Answer(response.status, body)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]


async def pause(seconds: float) -> None:
    """Wait, in place."""
    time.sleep(seconds)
