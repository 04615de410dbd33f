"""The keyring that asks Vault: what it sends, what it takes for an answer, and when it gives up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from tests.keyring.fake_vault import TOKEN, FakeVault, token_file
from tests.keyring.test_local import run
from z4tw.errors import WrongMasterKey
from z4tw.interfaces import IRewrappingKeyring
from z4tw.keyring.store_keys import open_store_keys, read_stored, rewrap
from z4tw.keyring.vault import (
    ATTEMPTS,
    FIRST_PAUSE_S,
    Answer,
    NoAnswer,
    Question,
    VaultFailure,
    VaultKeyring,
    VaultOptions,
    parse_options,
    read_token,
)

KEK = b"k" * 32
CONTEXT = {"id": "1", "purpose": "test"}


class Wire:
    """Stands between a keyring and a fake; ``pauses`` are the waits that were asked for."""

    def __init__(self, vault: FakeVault) -> None:
        self.vault = vault
        self.pauses: list[float] = []
        self.tokens = [TOKEN]
        self.replies: list[Answer] = []

    async def ask(self, question: Question) -> Answer:
        path = question.url.removeprefix("https://vault.test")
        assert path != question.url
        if self.replies:
            return self.replies.pop(0)
        answer = self.vault.answer(path, question.headers, question.body)
        if answer is None:
            raise NoAnswer("it takes too long")
        return Answer(*answer)

    async def token(self) -> str:
        return self.tokens[0]

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def keyring(self, **options: Any) -> VaultKeyring:
        chosen = VaultOptions(
            **{"address": "https://vault.test", "key": "z4tw", "token_file": "/token", **options}
        )
        return VaultKeyring(chosen, self.ask, self.token, self.pause)


@pytest.fixture
def wire() -> Wire:
    return Wire(FakeVault())


def test_a_key_goes_and_comes_back(wire: Wire) -> None:
    keyring = wire.keyring()
    verifyObject(IRewrappingKeyring, keyring)
    wrapped = run(keyring.wrap(KEK, CONTEXT))
    assert wrapped.startswith(b"vault:v1:")
    assert KEK not in wrapped
    assert run(keyring.unwrap(wrapped, CONTEXT)) == KEK
    assert wire.pauses == []


def test_a_key_belongs_to_its_context(wire: Wire) -> None:
    keyring = wire.keyring()
    wrapped = run(keyring.wrap(KEK, CONTEXT))
    with pytest.raises(WrongMasterKey, match="message authentication failed"):
        run(keyring.unwrap(wrapped, {**CONTEXT, "id": "2"}))
    with pytest.raises(WrongMasterKey, match="was not wrapped by vault"):
        run(keyring.unwrap(b"\x01" + wrapped, CONTEXT))


def test_another_master_key_does_not_open_it(wire: Wire) -> None:
    wrapped = run(wire.keyring().wrap(KEK, CONTEXT))
    wire.vault.keys["z4tw"] = [os.urandom(32)]
    with pytest.raises(WrongMasterKey):
        run(wire.keyring().unwrap(wrapped, CONTEXT))
    with pytest.raises(WrongMasterKey, match="key not found"):
        run(wire.keyring(key="other").unwrap(wrapped, CONTEXT))


def test_what_fails_for_the_moment_is_asked_again(wire: Wire) -> None:
    wire.vault.failures = [503, None, 429, 500]
    assert run(wire.keyring().wrap(KEK, CONTEXT))
    assert wire.pauses == [FIRST_PAUSE_S * 2**n for n in range(4)]


@pytest.mark.parametrize(("failure", "line"), [(503, "status 503: injected"), (None, "too long")])
def test_it_gives_up_in_the_end(wire: Wire, failure: int | None, line: str) -> None:
    wire.vault.failures = [failure] * ATTEMPTS
    with pytest.raises(VaultFailure, match=f"does not answer: .*{line}"):
        run(wire.keyring().wrap(KEK, CONTEXT))
    assert len(wire.pauses) == ATTEMPTS - 1
    assert wire.vault.failures == []


def test_a_refused_token_is_told_at_once_and_not_quoted(wire: Wire) -> None:
    wire.tokens = ["hvs.bad-token"]
    with pytest.raises(VaultFailure, match="refuses the token of /token: permission") as caught:
        run(wire.keyring().wrap(KEK, CONTEXT))
    assert "bad-token" not in str(caught.value)
    assert wire.pauses == []


def test_the_token_is_asked_for_each_time(wire: Wire) -> None:
    keyring = wire.keyring()
    wrapped = run(keyring.wrap(KEK, CONTEXT))
    wire.vault.tokens = {"hvs.next"}
    wire.tokens = ["hvs.next"]
    assert run(keyring.unwrap(wrapped, CONTEXT)) == KEK
    assert wire.vault.seen == [TOKEN, "hvs.next"]


def test_mount_and_namespace(wire: Wire) -> None:
    with pytest.raises(VaultFailure, match="is not there"):
        run(wire.keyring(mount="other").wrap(KEK, CONTEXT))
    wire.vault.namespace = "team"
    with pytest.raises(VaultFailure, match="is not there"):
        run(wire.keyring().wrap(KEK, CONTEXT))
    assert run(wire.keyring(namespace="team").wrap(KEK, CONTEXT))


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"data": {}}', b'{"data": {"ciphertext": 1}}', b'{"data": []}',
     b'{"data": {"ciphertext": "none"}}'],
)  # fmt: skip
def test_answers_that_are_none(wire: Wire, body: bytes) -> None:
    wire.replies = [Answer(200, body)]
    with pytest.raises(VaultFailure):
        run(wire.keyring().wrap(KEK, CONTEXT))


@pytest.mark.parametrize("plaintext", ["", "!", "c2hvcnQ="])
def test_keys_that_are_none(wire: Wire, plaintext: str) -> None:
    wire.replies = [Answer(200, b'{"data": {"plaintext": "%s"}}' % plaintext.encode())]
    with pytest.raises(WrongMasterKey, match="no key"):
        run(wire.keyring().unwrap(b"vault:v1:x", CONTEXT))


def test_what_vault_says_cannot_forge_lines(wire: Wire) -> None:
    wire.replies = [Answer(418, b'{"errors": ["a\\nb\\u001b[2J' + b"x" * 1000 + b'"]}')]
    with pytest.raises(VaultFailure) as caught:
        run(wire.keyring().wrap(KEK, CONTEXT))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 350


def test_a_redirect_is_a_failure(wire: Wire) -> None:
    wire.replies = [Answer(307, b"")]
    with pytest.raises(VaultFailure, match="status 307"):
        run(wire.keyring().wrap(KEK, CONTEXT))


def test_rewrapping_follows_the_versions_of_vaults_key(wire: Wire) -> None:
    keyring = wire.keyring()
    wrapped = run(keyring.wrap(KEK, CONTEXT))
    assert run(keyring.rewrap(wrapped, CONTEXT)) == wrapped
    wire.vault.rotate()
    again = run(keyring.rewrap(wrapped, CONTEXT))
    assert again.startswith(b"vault:v2:")
    assert run(keyring.unwrap(again, CONTEXT)) == KEK


def test_a_store_rotates_with_vault(wire: Wire, tmp_path: Path) -> None:
    keyring = wire.keyring()
    folder = str(tmp_path)
    before = run(open_store_keys(folder, keyring, os.urandom))
    assert run(rewrap(folder, keyring)) == 0
    wire.vault.rotate()
    assert run(rewrap(folder, keyring)) == 1
    stored = read_stored(str(tmp_path / "_z4meta" / "keyring.json"))
    assert stored is not None
    assert stored.keys[0].wrapped.startswith(b"vault:v2:")
    after = run(open_store_keys(folder, keyring, os.urandom))
    assert before is not None
    assert after is not None
    assert before.key_ids == after.key_ids


def test_options(tmp_path: Path) -> None:
    least = {"address": "https://v.test:8200/", "key": "z4tw", "token-file": "/t"}
    assert parse_options(least, {}) == VaultOptions("https://v.test:8200", "z4tw", "/t")
    ca = tmp_path / "ca.pem"
    ca.touch()
    environ = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_NAMESPACE": "n", "VAULT_CACERT": str(ca)}
    more = {"key": "k", "token-file": "/t", "mount": "/a/b/", "timeout": "2.5"}
    assert parse_options(more, environ) == VaultOptions(
        "http://127.0.0.1:1", "k", "/t", "a/b", "n", str(ca), 2.5
    )


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"addres": "x"}, "unknown option addres"),
        ({"address": ""}, "address is vault's URL"),
        ({"address": "ftp://v.test"}, "address is vault's URL"),
        ({"address": "https://u@v.test"}, "address is vault's URL"),
        ({"address": "https://v.test:99999"}, "address is vault's URL"),
        ({"address": "http://v.test"}, "must begin with https"),
        ({"key": ""}, "option key"),
        ({"key": "a/b"}, "option key"),
        ({"mount": "a/../sys"}, "option mount"),
        ({"token-file": ""}, "token-file is needed"),
        ({"namespace": "a b"}, "option namespace"),
        ({"ca-file": "/nowhere"}, "cannot be read"),
        ({"timeout": "soon"}, "option timeout"),
        ({"timeout": "0"}, "option timeout"),
        ({"timeout": "nan"}, "option timeout"),
    ],
)
def test_wrong_options(changed: dict[str, str], line: str) -> None:
    least = {"address": "https://v.test:8200", "key": "z4tw", "token-file": "/t"}
    with pytest.raises(ValueError, match=line):
        parse_options({**least, **changed}, {})


def test_a_token_file(tmp_path: Path) -> None:
    assert read_token(token_file(tmp_path)) == TOKEN
    for token, mode, line in (
        (TOKEN, 0o604, "open to everybody"),
        ("", 0o600, "no token"),
        ("two words", 0o600, "no token"),
        ("a\nb: c", 0o600, "no token"),
        ("x" * 5000, 0o600, "no token"),
    ):
        with pytest.raises(VaultFailure, match=line):
            read_token(token_file(tmp_path, token, mode))
    with pytest.raises(VaultFailure, match="cannot be read"):
        read_token(str(tmp_path / "none"))
