"""Files come over whole, durable and private, by link, by shared blocks, or byte by byte."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from z4tw.recovery.copying import (
    Copier,
    clone_file,
    copy_file,
    digest_file,
    is_empty,
    make_directory,
)

DATA = os.urandom(3_000_000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "from" / "a" / "b").mkdir(parents=True)
    (tmp_path / "from" / "a" / "b" / "file").write_bytes(DATA)
    (tmp_path / "to").mkdir()
    return tmp_path


def test_a_copy_has_the_same_bytes(source: Path) -> None:
    copy_file(str(source / "from/a/b/file"), str(source / "to/copy"))
    assert (source / "to/copy").read_bytes() == DATA
    assert (source / "to/copy").stat().st_mode & 0o777 == 0o600


def test_a_copy_replaces_nothing(source: Path) -> None:
    (source / "to/copy").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        copy_file(str(source / "from/a/b/file"), str(source / "to/copy"))
    assert (source / "to/copy").read_bytes() == b"mine"


def test_a_copy_that_fails_leaves_nothing(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        copy_file(str(source / "from/a/b/file"), str(source / "to/copy"))
    assert os.listdir(source / "to") == []


def test_a_symbolic_link_is_not_followed(source: Path) -> None:
    (source / "from/link").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic"):
        copy_file(str(source / "from/link"), str(source / "to/copy"))


def test_a_clone_has_the_same_bytes_or_is_none(source: Path) -> None:
    cloned = clone_file(str(source / "from/a/b/file"), str(source / "to/copy"))
    assert cloned == (source / "to/copy").exists()
    if cloned:
        assert (source / "to/copy").read_bytes() == DATA


def test_a_linked_file_is_the_same_file(source: Path) -> None:
    copier = Copier(str(source / "from"), str(source / "to"), link=True)
    assert copier.bring("a/b/file") is False
    copier.sync_directories()
    first, second = (source / "from/a/b/file").stat(), (source / "to/a/b/file").stat()
    assert first.st_ino == second.st_ino
    assert (source / "to/a").stat().st_mode & 0o777 == 0o700


def test_without_linking_it_is_another_one(source: Path) -> None:
    copier = Copier(str(source / "from"), str(source / "to"), link=False)
    assert copier.bring("a/b/file") is True
    first, second = (source / "from/a/b/file").stat(), (source / "to/a/b/file").stat()
    assert first.st_ino != second.st_ino


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_what_cannot_be_linked_is_copied(
    source: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tried: list[str] = []

    def refuse(source: str, target: str, **options: Any) -> None:
        tried.append(source)
        raise OSError(number, "no")

    (source / "from/a/b/second").write_bytes(b"2")
    monkeypatch.setattr(os, "link", refuse)
    copier = Copier(str(source / "from"), str(source / "to"), link=True)
    assert copier.bring("a/b/file") is True
    assert copier.bring("a/b/second") is True
    assert (source / "to/a/b/file").read_bytes() == DATA
    # Another file system will not become this one; another file may have fewer links.
    assert len(tried) == (2 if number == errno.EMLINK else 1)


def test_another_error_of_a_link_is_one(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str, **options: Any) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="no"):
        Copier(str(source / "from"), str(source / "to"), link=True).bring("a/b/file")


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_is_not_there(source: Path, link: bool) -> None:
    with pytest.raises(FileNotFoundError):
        Copier(str(source / "from"), str(source / "to"), link=link).bring("a/none")


def test_directories_are_made_with_their_parents(tmp_path: Path) -> None:
    make_directory(str(tmp_path / "a/b/c"))
    make_directory(str(tmp_path / "a/b/c"))
    assert (tmp_path / "a/b/c").stat().st_mode & 0o777 == 0o700


def test_digests(source: Path) -> None:
    assert digest_file(str(source / "from/a/b/file")) == hashlib.sha256(DATA).hexdigest()


def test_emptiness(tmp_path: Path) -> None:
    assert is_empty(str(tmp_path / "none"))
    assert is_empty(str(tmp_path))
    (tmp_path / "lost+found").mkdir()
    assert is_empty(str(tmp_path))
    (tmp_path / "x").touch()
    assert not is_empty(str(tmp_path))
