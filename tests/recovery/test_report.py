"""Reports count all problems, list some, and know what was mended."""

from __future__ import annotations

import pytest

from z4tw.recovery.report import MAX_LISTED, Report


def test_an_empty_report_is_clean() -> None:
    report = Report()
    assert report.as_dict()["clean"] is True
    assert report.references_known


def test_all_problems_are_counted_and_some_are_listed() -> None:
    report = Report()
    for number in range(MAX_LISTED + 5):
        report.problem("file-missing", f"path {number}")
    shown = report.as_dict()
    assert shown["found"] == {"file-missing": MAX_LISTED + 5}
    assert len(shown["problems"]) == MAX_LISTED
    assert report.left == MAX_LISTED + 5


def test_a_repaired_problem_is_not_left() -> None:
    report = Report()
    report.problem("counter", "objects", "1, should be 2")
    report.problem("file-missing", "path")
    report.repair("counter", 1)
    assert report.left == 1
    assert report.as_dict()["problems"] == [
        {"name": "counter", "where": "objects", "detail": "1, should be 2", "repaired": True},
        {"name": "file-missing", "where": "path"},
    ]
    assert report.as_dict()["clean"] is False


def test_a_problem_has_one_of_the_documented_names() -> None:
    with pytest.raises(ValueError, match="no problem is named"):
        Report().problem("nonsense", "here")


@pytest.mark.parametrize("name", ["database", "undecodable", "page-missing", "manifest-missing"])
def test_some_problems_hide_references(name: str) -> None:
    report = Report()
    report.problem(name, "here")
    assert not report.references_known
