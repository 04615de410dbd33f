"""A report tells counts, problems and what is left, and is never longer than a person reads."""

from __future__ import annotations

from z4tw.cli.reports import SHOWN, report_text
from z4tw.recovery.report import PROBLEMS, Report


def test_a_clean_report() -> None:
    report = Report()
    report.notes["things to be removed"] = 2
    text = report_text(report)
    assert "note: 2 things to be removed" in text
    assert text.endswith("no problem was found")


def test_problems_with_meaning_and_objects() -> None:
    report = Report()
    report.problem("file-missing", "b/aa/bb/x\n~1", "gone")
    report.problems[0].objects = ["b/k\x1b[31m (null)"]
    text = report_text(report)
    assert PROBLEMS["file-missing"] in text
    assert "file-missing: b/aa/bb/x\\n~1: gone" in text
    assert "\x1b" not in text
    assert text.endswith("1 problem is left")


def test_many_problems_are_cut() -> None:
    report = Report()
    for number in range(SHOWN + 7):
        report.problem("file-missing", str(number))
    text = report_text(report)
    assert "and 7 more" in text
    assert text.endswith(f"{SHOWN + 7} problems are left")


def test_repaired_problems() -> None:
    report = Report()
    report.problem("counter", "objects")
    report.repair("counter", 1)
    assert report_text(report).endswith("everything was repaired")
