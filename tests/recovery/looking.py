"""Looking at reports, and damaging files."""

from __future__ import annotations

import os

from tests.recovery.stores import TestStore
from z4tw.model.objects import BlobInfo
from z4tw.recovery.files import finished
from z4tw.recovery.report import Problem, Report


def names(report: Report) -> dict[str, int]:
    """The problems that were found, by name."""
    return dict(report.found)


def only(report: Report) -> Problem:
    """The one problem of a report."""
    assert len(report.problems) == 1, report.as_dict()
    return report.problems[0]


def blob_of(store: TestStore, bucket: str, key: str) -> BlobInfo:
    """The file of the current version of a key."""
    at = store.at(store.buckets()[bucket], key)
    version = finished(store.store.find_version(at, ""))
    info: BlobInfo = finished(store.store.read_blob(version.body.id))
    return info


def flip(path: str, offset: int) -> None:
    """Change one bit of a file; an offset below 0 counts from its end."""
    with open(path, "r+b") as file:
        file.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))
