"""What a check finds: problems by name, notes, and how much was looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

MAX_LISTED = 1000
"""Problems that a report lists; all are counted."""

PROBLEMS: dict[str, str] = {
    "database": "SQLite's own check of the database file failed, or it cannot be opened",
    "store-uuid": "format.json and the database belong to different stores",
    "undecodable": "a row's value cannot be read by this release",
    "object-head": "the versions of an object's head or pages contradict each other",
    "page-missing": "a head names a page of older versions that is not there",
    "page-orphan": "a page that no head names",
    "listing-row": "the columns that listings read differ from the value beside them",
    "inline-missing": "a version's inline body is not there",
    "inline-damaged": "an inline body does not match its digest or length",
    "inline-orphan": "an inline body that no version names",
    "inline-shared": "an inline body that several versions name",
    "manifest-missing": "the part list of a multipart object is not there",
    "blob-row-missing": "a body has no row that says where its file is",
    "blob-size": "a blob's row and a version that names it disagree about its size",
    "reference-count": "a stored reference count differs from the references that there are",
    "counter": "a stored total differs from the rows that there are",
    "file-missing": "a blob's file is not there",
    "file-size": "a blob's file has not the stored size",
    "file-damaged": "a blob's file does not match its digests",
    "file-orphan": "a blob file that no row names, older than the grace period",
    "temporary-orphan": "an unfinished file, older than the grace period",
    "annotation": "an annotation of a version that is not there, or one that is missing",
    "part-orphan": "a part of an upload that is not there",
    "incarnation": "rows without a bucket, or an active bucket that is closed to changes",
    "account": "a key, user or bucket that belongs to nobody",
    "secret": "the control key does not open an access key's secret",
    "key-missing": "a blob is encrypted with a key that keyring.json does not hold",
}
"""Every problem that can be reported, and what it means."""

UNKNOWN_REFERENCES = frozenset({
    "database", "undecodable", "page-missing", "manifest-missing",
})  # fmt: skip
"""Problems that hide references: counts are not repaired beside them, since a count that is too
low removes data."""

ShowProgress = Callable[[str, int, int], None]
"""Told of the step, of how much is done, and of the total (0: unknown)."""


def show_nothing(step: str, done: int, total: int) -> None:
    """The ``ShowProgress`` of those who do not look."""


class Problem(msgspec.Struct):
    """One problem. ``where`` names the row, file or key; ``objects`` are some of the versions that
    it concerns, as ``bucket/key (version id)``; ``id`` is the body's."""

    name: str
    where: str
    detail: str = ""
    objects: list[str] = []
    repaired: bool = False
    id: bytes = b""


class Report:
    """Collects the findings of one check. ``examined`` counts what was looked at."""

    def __init__(self) -> None:
        self.examined: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.repaired: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.problems: list[Problem] = []

    def problem(self, name: str, where: str, detail: str = "", id: bytes = b"") -> None:
        """Note a problem; ``name`` is one of ``PROBLEMS``."""
        if name not in PROBLEMS:
            raise ValueError(f"no problem is named {name}")
        self.found[name] += 1
        if len(self.problems) < MAX_LISTED:
            self.problems.append(Problem(name, where, detail, id=id))

    def repair(self, name: str, count: int) -> None:
        """Note that ``count`` problems of a name are no more."""
        if not count:
            return
        self.repaired[name] += count
        if self.repaired[name] >= self.found[name]:
            for problem in self.problems:
                if problem.name == name:
                    problem.repaired = True

    @property
    def references_known(self) -> bool:
        """Whether every reference could be counted."""
        return not any(self.found[name] for name in UNKNOWN_REFERENCES)

    @property
    def left(self) -> int:
        """Problems that were not repaired."""
        return sum((self.found - self.repaired).values())

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        problems = []
        for problem in self.problems:
            shown: dict[str, Any] = {"name": problem.name, "where": problem.where}
            if problem.detail:
                shown["detail"] = problem.detail
            if problem.objects:
                shown["objects"] = problem.objects
            if problem.repaired:
                shown["repaired"] = True
            problems.append(shown)
        return {
            "clean": self.left == 0,
            "examined": dict(self.examined),
            "found": dict(self.found),
            "repaired": dict(self.repaired),
            "notes": dict(self.notes),
            "problems": problems,
        }
