"""What a node makes before it serves: the root key, the dev key and its bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.node.support import Opened, make_config
from z4tw.config import ConfigError
from z4tw.node.commands import make_admin
from z4tw.node.offline import drive
from z4tw.node.setup import Prepared, prepare, root_credentials
from z4tw.node.storage import Storage

ROOT = ("ROOTKEYID", "a-long-secret")


def run(storage: Storage, root: tuple[str, str] | None = None, dev: bool = False) -> Prepared:
    prepared: Prepared = drive(prepare(storage, make_admin(storage), root, dev))
    return prepared


def keys(storage: Storage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = drive(make_admin(storage).key_list())
    return found


def test_a_new_store_lets_nobody_in(tmp_path: Path) -> None:
    with Opened(make_config(tmp_path / "d")) as storage:
        assert run(storage) == Prepared(has_keys=False, dev_key=None)


def test_the_environments_root_key_is_an_admin_key(tmp_path: Path) -> None:
    with Opened(make_config(tmp_path / "d")) as storage:
        for _ in range(2):
            assert run(storage, ROOT).has_keys
        (key,) = keys(storage)
        assert (key["access_key_id"], key["admin"]) == ("ROOTKEYID", True)


def test_the_dev_key_owns_the_dev_bucket_and_is_shown_once(tmp_path: Path) -> None:
    with Opened(make_config(tmp_path / "d")) as storage:
        first = run(storage, dev=True)
        assert first.dev_key is not None
        assert first.dev_key["secret_access_key"]
        assert not first.dev_key["admin"]
        bucket = drive(make_admin(storage).bucket_info("dev"))
        assert bucket["owner"] == "dev"
        assert run(storage, dev=True) == Prepared(has_keys=True, dev_key=None)
        assert len(keys(storage)) == 1


@pytest.mark.parametrize(
    "names",
    [("Z4_ROOT_ACCESS_KEY", "Z4_ROOT_SECRET_KEY"), ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")],
)
def test_both_halves_of_a_root_key_are_needed(names: tuple[str, str]) -> None:
    assert root_credentials({}) is None
    assert root_credentials({names[0]: "a", names[1]: "b"}) == ("a", "b")
    for present, missing in (names, names[::-1]):
        with pytest.raises(ConfigError, match=f"^{missing}: "):
            root_credentials({present: "secret"})


def test_the_own_variables_win() -> None:
    environ = {
        "Z4_ROOT_ACCESS_KEY": "a",
        "Z4_ROOT_SECRET_KEY": "b",
        "MINIO_ROOT_USER": "c",
        "MINIO_ROOT_PASSWORD": "d",
    }
    assert root_credentials(environ) == ("a", "b")
