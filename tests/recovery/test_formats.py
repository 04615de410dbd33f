"""Small files are whole or not there, and damaged ones are not believed."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import pytest

from z4tw.recovery.formats import (
    read_json,
    read_store_uuid,
    write_json,
    write_lines,
    write_whole,
)


def test_a_uuid_is_read(tmp_path: Path) -> None:
    path = tmp_path / "format.json"
    id = uuid.uuid4()
    write_json(str(path), {"store_uuid": str(id)})
    assert read_store_uuid(str(path)) == id.bytes


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"store_uuid": ""}', '{"store_uuid": 5}', "\xff"]
)
def test_no_uuid(tmp_path: Path, text: str) -> None:
    path = tmp_path / "format.json"
    path.write_text(text, encoding="latin-1")
    assert read_store_uuid(str(path)) is None
    assert read_store_uuid(str(tmp_path / "none")) is None


def test_only_objects_are_documents(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[1]")
    assert read_json(str(path)) is None
    path.write_text('{"a": 1}')
    assert read_json(str(path)) == {"a": 1}


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(str(path), b"one")
    write_whole(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["file"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "made" / "lines"
    write_lines(str(path), ({"n": number} for number in range(3)))
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [0, 1, 2]
