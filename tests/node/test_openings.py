"""Opening a storage: the same store again, encrypted or not, and what is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.node.support import Opened, make_config
from z4tw.config import ConfigError, PluginSection
from z4tw.model.registers import Kind
from z4tw.node.commands import make_admin
from z4tw.node.directory import database_path
from z4tw.node.failures import StoreError
from z4tw.node.offline import drive
from z4tw.node.openings import encryption_section
from z4tw.plugins.registry import PluginError

MASTER = {"Z4_ENCRYPTION_KEY": "11" * 32}
OTHER = {"Z4_ENCRYPTION_KEY": "22" * 32}


def test_what_was_made_is_there_after_the_next_opening(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    with Opened(config) as storage:
        key = drive(make_admin(storage).key_create("alice"))
    with Opened(config) as storage:
        (row,) = drive(storage.store.scan(Kind.ACCESS_KEY, 0, b"", b"", 10))
        record = row[1]
        secret = storage.secrets.unseal(record.access_key_id, record.sealed_secret)
        assert secret == key["secret_access_key"]
        assert 0 <= storage.partition_of(7, b"key") < 1024


def test_stamps_of_two_openings_differ(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    with Opened(config) as storage:
        first = storage.stamp()
    with Opened(config) as storage:
        assert storage.stamp() != first


def test_a_fixed_setting_that_differs_is_refused_and_the_lock_given_up(tmp_path: Path) -> None:
    Opened(make_config(tmp_path / "d", replicas="2")).close()
    for _ in range(2):
        with pytest.raises(ConfigError, match="replicas: 2 was fixed"):
            Opened(make_config(tmp_path / "d", replicas="3"))
    Opened(make_config(tmp_path / "d")).close()


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    Opened(config).close()
    Path(database_path(config)).write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match=r"the database .*meta\.db: "):
        Opened(config)


def test_an_encrypted_store_needs_its_key(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    Opened(config, environ=MASTER).close()
    Opened(config, environ=MASTER).close()
    with pytest.raises(StoreError, match="this store is encrypted"):
        Opened(config)
    with pytest.raises(StoreError, match="this store is encrypted under the master key"):
        Opened(config, environ=OTHER)


def test_a_wrong_master_key_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"plugins\.encryption\.local: a master key is 32 bytes"):
        Opened(make_config(tmp_path / "d"), environ={"Z4_ENCRYPTION_KEY": "short"})


def test_who_asks_for_encryption(tmp_path: Path) -> None:
    plain = make_config(tmp_path)
    assert encryption_section(plain, {}) == ("", {})
    assert encryption_section(plain, MASTER) == ("local", {})
    with_file = make_config(tmp_path, encryption_key_file="/k")
    assert encryption_section(with_file, MASTER) == ("local", {"key-file": "/k"})
    vault = PluginSection("encryption", "vault", {"url": "x"})
    configured = msgspec.structs.replace(plain, plugins=(vault,))
    assert encryption_section(configured, MASTER) == ("vault", {"url": "x"})
    both = msgspec.structs.replace(with_file, plugins=(vault,))
    with pytest.raises(ConfigError, match="not vault and local"):
        encryption_section(both, {})
