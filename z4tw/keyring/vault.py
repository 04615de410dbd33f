"""A keyring whose master key never leaves a HashiCorp Vault or OpenBao server (transit engine).

Wrapped keys are Vault's ciphertexts. The context of a key is its associated data, and the context
of keys that Vault derives. Key versions are Vault's; ``rewrap`` decrypts and encrypts, since the
engine's own rewrap takes no associated data.
https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from zope.interface import implementer

from z4tw.errors import WrongMasterKey, Z4Error
from z4tw.interfaces import IRewrappingKeyring
from z4tw.keyring.local import bound_context
from z4tw.sse.envelope import KEY_BYTES

MAX_ANSWER_BYTES = 64 * 1024
"""What is read of an answer."""
ATTEMPTS = 6
"""How often a question is asked that Vault cannot answer now."""
FIRST_PAUSE_S = 0.25
_MAX_TOKEN_BYTES = 4096
_VERSION = re.compile(rb"vault:v[0-9]{1,9}:")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}(?:/[A-Za-z0-9_.-]{1,128})*")
OPTIONS = frozenset({"address", "ca-file", "key", "mount", "namespace", "timeout", "token-file"})


class VaultFailure(Z4Error):
    """Vault did not do what was asked; one line for the operator, without secrets."""


class NoAnswer(Exception):
    """A transport got no whole answer: no connection, no time, or too long a body."""


class Question(NamedTuple):
    """A POST. ``headers`` hold the token: it is for Vault alone."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class VaultOptions(NamedTuple):
    """Where Vault is and what it is asked for. ``address`` is its URL; ``ca_file`` are the only
    certificates trusted (empty: the system's); ``timeout_s`` bounds each attempt."""

    address: str
    key: str
    token_file: str
    mount: str = "transit"
    namespace: str = ""
    ca_file: str = ""
    timeout_s: float = 10.0


Ask = Callable[[Question], Awaitable[Answer]]
"""Sends a question. Raises ``NoAnswer``; follows no redirect."""
Pause = Callable[[float], Awaitable[None]]
"""Waits for seconds."""


@implementer(IRewrappingKeyring)
class VaultKeyring:
    """Wraps and unwraps by asking Vault.

    ``read_token`` gives the token anew for each question, so that it may be replaced at any time.
    What fails for the moment (no answer, 429, 5xx) is asked ``ATTEMPTS`` times, with pauses that
    double.
    """

    def __init__(
        self,
        options: VaultOptions,
        ask: Ask,
        read_token: Callable[[], Awaitable[str]],
        pause: Pause,
    ) -> None:
        self._options = options
        self._ask = ask
        self._read_token = read_token
        self._pause = pause
        self.key_id = f"vault:{options.mount}/{options.key}"

    async def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """A key, encrypted under the newest version of Vault's key. Raises ``VaultFailure``."""
        fields = {"plaintext": _text(key), **_bound(context)}
        ciphertext = await self._field("encrypt", fields, "ciphertext")
        wrapped = ciphertext.encode("ascii", "replace")
        if not _VERSION.match(wrapped):
            raise VaultFailure("vault answered with something that is no ciphertext")
        return wrapped

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The key again. Raises ``WrongMasterKey``, ``VaultFailure``."""
        if not _VERSION.match(wrapped):
            raise WrongMasterKey("a key was not wrapped by vault")
        fields = {"ciphertext": wrapped.decode("ascii", "replace"), **_bound(context)}
        plaintext = await self._field("decrypt", fields, "plaintext")
        try:
            key = base64.b64decode(plaintext, validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise WrongMasterKey("vault answered with something that is no key")
        return key

    async def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """A wrapped key under the newest version of Vault's key, the same bytes if it is that one.
        Raises as ``unwrap``."""
        fresh = await self.wrap(await self.unwrap(wrapped, context), context)
        return wrapped if _version(fresh) == _version(wrapped) else fresh

    async def _field(self, action: str, fields: Mapping[str, str], name: str) -> str:
        """One field of the answer to a question."""
        answer = await self._answer(action, fields)
        what = f"vault ({self._options.mount}/{action}/{self._options.key})"
        if answer.status == 400 and action == "decrypt":
            raise WrongMasterKey(f"{what} cannot open a wrapped key{_reason(answer)}")
        if answer.status == 403:
            raise VaultFailure(
                f"{what} refuses the token of {self._options.token_file}{_reason(answer)}"
            )
        if answer.status == 404:
            raise VaultFailure(f"{what} is not there: look at mount and key")
        if answer.status != 200:
            raise VaultFailure(f"{what} answered with status {answer.status}{_reason(answer)}")
        try:
            value = json.loads(answer.body)["data"][name]
        except (ValueError, KeyError, TypeError):
            value = None
        if not isinstance(value, str):
            raise VaultFailure(f"{what} gave an answer that is none of vault's")
        return value

    async def _answer(self, action: str, fields: Mapping[str, str]) -> Answer:
        """The first answer that is not one of the moment; raises ``VaultFailure`` after the last
        attempt."""
        options = self._options
        url = f"{options.address}/v1/{quote(options.mount)}/{action}/{quote(options.key)}"
        body = json.dumps(fields).encode("ascii")
        failed = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._pause(FIRST_PAUSE_S * 2 ** (attempt - 1))
            headers = {
                "Content-Type": "application/json",
                "X-Vault-Request": "true",
                "X-Vault-Token": await self._read_token(),
            }
            if options.namespace:
                headers["X-Vault-Namespace"] = options.namespace
            try:
                answer = await self._ask(Question(url, headers, body))
            except NoAnswer as error:
                failed = str(error)
                continue
            if answer.status != 429 and answer.status < 500:
                return answer
            failed = f"status {answer.status}{_reason(answer)}"
        raise VaultFailure(f"vault at {options.address} does not answer: {failed}")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bound(context: Mapping[str, str]) -> dict[str, str]:
    text = _text(bound_context(context))
    return {"associated_data": text, "context": text}


def _version(wrapped: bytes) -> bytes:
    found = _VERSION.match(wrapped)
    return b"" if found is None else found.group()


def _reason(answer: Answer) -> str:
    """What Vault says of an error, as a short printable text."""
    try:
        errors: Any = json.loads(answer.body)["errors"]
        text = " ".join(str(errors[0]).split()) if errors else ""
    except (ValueError, KeyError, TypeError, IndexError):
        text = ""
    text = "".join(char for char in text if char.isprintable())[:200]
    return f": {text}" if text else ""


def parse_options(options: Mapping[str, str], environ: Mapping[str, str]) -> VaultOptions:
    """The options of a configuration section; address, namespace and CA file may come from Vault's
    own variables. Raises ``ValueError`` with one line."""
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise ValueError(f"unknown option {unknown[0]}")
    address = options.get("address") or environ.get("VAULT_ADDR", "")
    _check_address(address)
    key, mount = options.get("key", ""), options.get("mount", "transit").strip("/")
    if not _NAME.fullmatch(key) or "/" in key:
        raise ValueError("the option key names the key of the transit engine")
    if not _NAME.fullmatch(mount) or ".." in mount.split("/"):
        raise ValueError("the option mount is the path of the transit engine")
    token_file = options.get("token-file", "")
    if not token_file:
        raise ValueError("the option token-file is needed: a file with a vault token")
    namespace = options.get("namespace") or environ.get("VAULT_NAMESPACE", "")
    if namespace and not _NAME.fullmatch(namespace.strip("/")):
        raise ValueError("the option namespace is the path of a vault namespace")
    ca_file = options.get("ca-file") or environ.get("VAULT_CACERT", "")
    if ca_file and not os.access(ca_file, os.R_OK):
        raise ValueError(f"the CA file {ca_file} cannot be read")
    try:
        timeout_s = float(options.get("timeout", "10"))
    except ValueError:
        timeout_s = 0.0
    if not 0 < timeout_s <= 300:
        raise ValueError("the option timeout is a number of seconds up to 300")
    return VaultOptions(
        address.rstrip("/"), key, token_file, mount, namespace.strip("/"), ca_file, timeout_s
    )


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("the option address is vault's URL, as https://vault.example:8200")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("the option address must begin with https: the token goes there")


def read_token(path: str) -> str:
    """(blocking) The token in a file. Raises ``VaultFailure`` when there is none, or when everybody
    may read it."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_TOKEN_BYTES + 1)
    except OSError as error:
        raise VaultFailure(f"the token file {path} cannot be read: {error.strerror}") from error
    if mode & 0o007:
        raise VaultFailure(f"the token file {path} is open to everybody: chmod 600 it")
    token = content.decode("ascii", "replace").strip()
    if not token or len(content) > _MAX_TOKEN_BYTES or not token.isascii() or " " in token:
        raise VaultFailure(f"the token file {path} holds no token")
    if not token.isprintable():
        raise VaultFailure(f"the token file {path} holds no token")
    return token
