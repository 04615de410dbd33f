"""A fake of Vault's transit engine: its HTTP interface, key versions, and ways of failing."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.good-token"


class FakeVault:
    """The engine itself: ``answer`` takes a request apart from any transport.

    ``failures`` are statuses (or ``None`` for silence) that the next requests meet; ``seen`` are
    the tokens that came.
    """

    def __init__(self) -> None:
        self.keys = {"z4tw": [os.urandom(32)]}
        self.tokens = {TOKEN}
        self.namespace = ""
        self.failures: list[int | None] = []
        self.seen: list[str] = []

    def rotate(self) -> None:
        self.keys["z4tw"].append(os.urandom(32))

    def answer(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes] | None:
        """(status, body), None to say nothing."""
        self.seen.append(headers.get("X-Vault-Token", ""))
        if self.failures:
            failure = self.failures.pop(0)
            return None if failure is None else (failure, _errors("injected"))
        if self.seen[-1] not in self.tokens:
            return 403, _errors("permission denied")
        parts = path.strip("/").split("/")
        if parts[:2] != ["v1", "transit"] or headers.get("X-Vault-Namespace", "") != self.namespace:
            return 404, _errors()
        action, name = parts[2], parts[3]
        if name not in self.keys:
            return 400, _errors("encryption key not found")
        fields: dict[str, str] = json.loads(body)
        return getattr(self, f"_{action}")(self.keys[name], fields)  # type: ignore[no-any-return]

    def _encrypt(self, versions: list[bytes], fields: dict[str, str]) -> tuple[int, bytes]:
        nonce = os.urandom(12)
        data = base64.b64decode(fields["plaintext"])
        sealed = AESGCM(versions[-1]).encrypt(nonce, data, fields["associated_data"].encode())
        text = base64.b64encode(nonce + sealed).decode()
        return _data("ciphertext", f"vault:v{len(versions)}:{text}")

    def _decrypt(self, versions: list[bytes], fields: dict[str, str]) -> tuple[int, bytes]:
        _, version, text = fields["ciphertext"].split(":")
        stored = base64.b64decode(text)
        aead = AESGCM(versions[int(version[1:]) - 1])
        try:
            data = aead.decrypt(stored[:12], stored[12:], fields["associated_data"].encode())
        except InvalidTag:
            return 400, _errors("cipher: message authentication failed")
        return _data("plaintext", base64.b64encode(data).decode())


def _data(name: str, value: str) -> tuple[int, bytes]:
    return 200, json.dumps({"data": {name: value}}).encode()


def _errors(*texts: str) -> bytes:
    return json.dumps({"errors": list(texts)}).encode()


def serve(vault: FakeVault, reactor: Any, context: Any = None) -> tuple[Any, int]:
    """A port on loopback that answers as the fake says: what to stop, and its number."""
    from twisted.web.resource import Resource
    from twisted.web.server import NOT_DONE_YET, Site

    class Everything(Resource):
        isLeaf = True

        def render_POST(self, request: Any) -> Any:
            headers = {
                name.decode().title(): values[0].decode()
                for name, values in request.requestHeaders.getAllRawHeaders()
            }
            answer = vault.answer(request.path.decode(), headers, request.content.read())
            if answer is None:
                return NOT_DONE_YET
            request.setResponseCode(answer[0])
            return answer[1]

    site = Site(Everything())
    if context is None:
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
    else:
        port = reactor.listenSSL(0, site, context, interface="127.0.0.1")
    return port, port.getHost().port


def token_file(folder: Path, token: str = TOKEN, mode: int = 0o600) -> str:
    """A file that holds a token."""
    path = folder / "token"
    path.write_text(token + "\n")
    path.chmod(mode)
    return str(path)
