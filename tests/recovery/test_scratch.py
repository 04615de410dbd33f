"""References are counted in temporary tables, in batches."""

from __future__ import annotations

import apsw
import pytest

from z4tw.model.objects import Body, BodyKind
from z4tw.recovery.scratch import PAGE, Scratch


def test_references_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("z4tw.recovery.scratch._FLUSH", 2)
    scratch = Scratch(apsw.Connection(":memory:"))
    for size in (5, 5, 5):
        scratch.name(Body(BodyKind.FILE, b"a", size))
    scratch.name(Body(BodyKind.MANIFEST, b"a", 7))
    scratch.name_page(b"a", 3)
    scratch.flush()
    rows = list(scratch.rows("SELECT kind, n, size, agree FROM named ORDER BY kind"))
    assert rows == [(PAGE, 1, 3, 1), (BodyKind.FILE, 3, 5, 1), (BodyKind.MANIFEST, 1, 7, 1)]


def test_references_that_disagree_about_the_size() -> None:
    scratch = Scratch(apsw.Connection(":memory:"))
    for size in (5, 6, 5):
        scratch.name(Body(BodyKind.FILE, b"a", size))
    scratch.flush()
    assert scratch.value("SELECT agree FROM named") == 0


def test_changes_are_counted() -> None:
    scratch = Scratch(apsw.Connection(":memory:"))
    scratch.add_expected([(b"a", "p", 1, 2, b"", 1, 0), (b"b", "q", 1, 2, b"", 0, 0)])
    assert scratch.run("UPDATE expected SET found = 2 WHERE n > 0") == 1
    assert scratch.run("UPDATE expected SET found = 2 WHERE n > 5") == 0
    assert scratch.value("SELECT path FROM expected WHERE id = ?", (b"none",)) is None
