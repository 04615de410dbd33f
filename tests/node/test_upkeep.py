"""Backup and removal of garbage as commands of a node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.node.support import NOW, Opened, make_config
from z4tw.daemons.reaper import Reaper
from z4tw.node.failures import CommandError, StoreError
from z4tw.node.offline import drive, perform_offline
from z4tw.node.storage import Storage
from z4tw.node.upkeep import AtOnce, Upkeep, stopped_upkeep
from z4tw.testing.offload import HeldOffload

DAY_S = 86_400


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with Opened(make_config(tmp_path / "d")) as storage:
        yield storage


def blob(storage: Storage, key: bytes = b"key") -> Any:
    """A durable file that nothing names."""
    writer = storage.blobs.writer("bucket", key, 9000)
    drive(writer.write(b"x" * 9000))
    return drive(writer.commit(b"record"))


def upkeep(storage: Storage, now_s: float = NOW, **options: Any) -> Upkeep:
    """The commands as a running node has them."""
    reaper = Reaper(
        storage.store, storage.blobs, storage.offload, Clock(), lambda: int(now_s * 1000)
    )
    options = {"running": True, "stopping": lambda: False} | options
    return Upkeep(storage, reaper, lambda: int(now_s * 1000), **options)


def at(storage: Storage, path: str) -> Path:
    return Path(storage.config.data, path)


def test_a_backup_is_made(storage: Storage, tmp_path: Path) -> None:
    answer = drive(upkeep(storage).backup(str(tmp_path / "b")))
    assert answer["record"]["store_uuid"] == storage.store.facts.store_uuid.hex()
    assert (tmp_path / "b" / "backup.json").exists()


def test_the_reaper_is_paused_meanwhile_and_goes_on_after_an_error(
    storage: Storage, tmp_path: Path
) -> None:
    work = upkeep(storage)
    paused: list[bool] = []
    snapshot = storage.store.snapshot

    async def look(path: str) -> None:
        paused.append(work._reaper.paused)
        await snapshot(path)

    storage.store.snapshot = look
    drive(work.backup(str(tmp_path / "b")))
    assert (paused, work._reaper.paused) == ([True], False)

    async def fail(path: str) -> None:
        raise OSError(28, "No space left on device")

    storage.store.snapshot = fail
    with pytest.raises(Exception, match="No space left"):
        drive(work.backup(str(tmp_path / "c")))
    assert not work._reaper.paused


def test_one_backup_at_a_time(storage: Storage, tmp_path: Path) -> None:
    storage.offload = HeldOffload()
    work = upkeep(storage)
    first = Deferred.fromCoroutine(work.backup(str(tmp_path / "b")))
    with pytest.raises(StoreError, match="another backup is being made"):
        drive(work.backup(str(tmp_path / "c")))
    with pytest.raises(StoreError, match="nothing is removed before its end"):
        drive(work.gc())
    storage.offload.run_all()
    assert first.called


def test_a_backup_needs_an_absolute_path(storage: Storage) -> None:
    with pytest.raises(StoreError, match="absolute path"):
        drive(upkeep(storage).backup("relative"))


def test_a_stopping_node_gives_a_backup_up(storage: Storage, tmp_path: Path) -> None:
    work = upkeep(storage, stopping=lambda: True)
    # With a single batch of files it is complete before anybody looks; the next one is not begun.
    answer = drive(work.backup(str(tmp_path / "b")))
    assert answer["record"]["blobs"] == 0


def test_a_running_node_removes_what_is_old(storage: Storage) -> None:
    path = at(storage, blob(storage).path)
    work = upkeep(storage, now_s=path.stat().st_mtime + 2 * DAY_S)
    answer: Any = Deferred.fromCoroutine(work.gc())
    results: list[Any] = []
    answer.addCallback(results.append)
    assert results == [{"blobs": 0, "blob_bytes": 0, "orphans": 1, "expired": 0, "failures": 0}]
    assert not path.exists()


def test_a_running_node_keeps_to_its_graces(storage: Storage) -> None:
    with pytest.raises(StoreError, match="grace periods of 3600 and 86400 seconds"):
        drive(upkeep(storage).gc(0.0))


def test_a_stopped_store_takes_another_grace(storage: Storage) -> None:
    path = at(storage, blob(storage).path)
    now_ms = int(path.stat().st_mtime * 1000) + 5000
    kept = drive(stopped_upkeep(storage, lambda: now_ms).gc())
    assert (kept["orphans"], path.exists()) == (0, True)
    gone = drive(stopped_upkeep(storage, lambda: now_ms, 1.0).gc(1.0))
    assert (gone["orphans"], path.exists()) == (1, False)


def test_failures_are_counted(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    path = at(storage, blob(storage).path)

    async def fail(info: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(storage.blobs, "remove", fail)
    now_ms = int((path.stat().st_mtime + 2 * DAY_S) * 1000)
    assert drive(stopped_upkeep(storage, lambda: now_ms).gc())["failures"] == 1


def test_the_commands_of_a_stopped_store(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    made = perform_offline(config, "backup", {"destination": str(tmp_path / "b")})
    assert made["record"]["blobs"] == 0
    assert perform_offline(config, "gc", {"grace_seconds": 0})["orphans"] == 0
    with pytest.raises(CommandError, match="must not lie inside"):
        perform_offline(config, "backup", {"destination": str(tmp_path / "d" / "b")})


def test_work_goes_on_at_once_and_never_waits() -> None:
    clock = AtOnce()
    done: list[int] = []
    clock.callLater(0, done.append, 5)
    assert done == [5]
    with pytest.raises(ValueError, match="no event loop"):
        clock.callLater(1, done.append, 6)
    assert (clock.seconds(), clock.getDelayedCalls()) == (0.0, [])
