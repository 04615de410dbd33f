"""``format.json`` as recovery reads and writes it, and small files written as a whole."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from typing import Any


def read_json(path: str) -> dict[str, Any] | None:
    """An object in a JSON file, None when there is no file or no object in it."""
    try:
        with open(path, "rb") as file:
            document = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def read_store_uuid(path: str) -> bytes | None:
    """The store's uuid in ``format.json``; None when it is not there, empty or no uuid."""
    document = read_json(path)
    try:
        return uuid.UUID((document or {})["store_uuid"]).bytes
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def write_whole(path: str, data: bytes, mode: int = 0o600) -> None:
    """Write a small file so that it is there as a whole and durable, or not at all."""
    temporary = path + ".new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)
    sync_directory(os.path.dirname(path))


def write_json(path: str, document: dict[str, Any]) -> None:
    """Write a JSON object as ``write_whole`` does."""
    write_whole(path, json.dumps(document, indent=2).encode("utf-8") + b"\n")


def write_lines(path: str, documents: Iterable[dict[str, Any]]) -> None:
    """Write a durable file of one JSON object per line, making its directory."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        for document in documents:
            file.write(json.dumps(document) + "\n")
        file.flush()
        os.fsync(fd)
    sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
