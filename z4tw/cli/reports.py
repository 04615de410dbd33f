"""The report of a check, made and shown: for fsck, and after backups and restores."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from z4tw.cli.output import amount, plain, table

if TYPE_CHECKING:
    from z4tw.recovery.report import Report, ShowProgress

SHOWN = 50
"""Problems that are printed one by one; ``--json`` has more of them."""


def check_directory(
    data: str,
    *,
    deep: bool,
    show: ShowProgress,
    frozen: bool = False,
    repair: bool = False,
    orphan_grace_s: float = 86_400,
    pace: Callable[[int], Awaitable[None]] | None = None,
) -> Report:
    """Check a data directory, or with ``frozen`` a backup. No master key is needed: digests are of
    stored bytes. Raises ``StoreError``."""
    from z4tw.node.directory import read_control_key
    from z4tw.recovery.check import CheckOptions, check_store
    from z4tw.recovery.place import Place

    place = Place(data)
    options = CheckOptions(
        now_ms=time.time_ns() // 1_000_000,
        deep=deep,
        repair=repair,
        frozen=frozen,
        orphan_grace_s=orphan_grace_s,
        control_key=read_control_key(place.meta),
    )
    try:
        return check_store(place, open_blobs(place.root, None), options, show, pace)
    finally:
        clear = getattr(show, "clear", None)
        if clear is not None:
            clear()


def open_blobs(root: str, envelope: Any) -> Any:
    """The blob files of a data directory, to be looked at in this thread."""
    from z4tw.blobs.disk import OsDisk
    from z4tw.blobs.files import FileBlobStore
    from z4tw.node.offload import InlineOffload

    return FileBlobStore(
        OsDisk(root, os.urandom),
        InlineOffload(),
        envelope,
        min_free_bytes=0,
        now_ms=lambda: time.time_ns() // 1_000_000,
        random_bytes=os.urandom,
    )


def report_text(report: Report) -> str:
    """The report as a person reads it."""
    from z4tw.recovery.report import PROBLEMS

    lines = [_examined(report)]
    lines += [f"note: {count} {plain(name)}" for name, count in sorted(report.notes.items())]
    if not report.found:
        return "\n".join([*lines, "no problem was found"])
    rows = [
        (name, count, report.repaired[name] or "-", PROBLEMS[name])
        for name, count in sorted(report.found.items())
    ]
    lines += ["", table(("PROBLEM", "FOUND", "REPAIRED", "MEANING"), rows), ""]
    for problem in report.problems[:SHOWN]:
        line = f"{problem.name}: {plain(problem.where)}"
        lines.append(f"{line}: {plain(problem.detail)}" if problem.detail else line)
        lines += [f"    of {plain(text)}" for text in problem.objects]
    more = sum(report.found.values()) - SHOWN
    if more > 0:
        lines.append(f"and {more} more; --json lists up to a thousand")
    return "\n".join([*lines, "", _verdict(report.left)])


def _verdict(left: int) -> str:
    if not left:
        return "everything was repaired"
    return f"{left} problem{'s are' if left > 1 else ' is'} left"


def _examined(report: Report) -> str:
    seen = report.examined
    return (
        f"checked {seen['buckets']} buckets, {seen['versions']} versions, {seen['blobs']} blobs, "
        f"{seen['inline_bodies']} inline bodies, {seen['files']} files "
        f"({amount(seen['verified_bytes'])} read)"
    )
