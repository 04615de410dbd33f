"""Blob files against the rows that name them: there, of the right size, every block as written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from z4tw.errors import CorruptBlob
from z4tw.interfaces import IBlobHousekeeping
from z4tw.model.objects import BlobInfo
from z4tw.recovery.report import Report, ShowProgress
from z4tw.recovery.scratch import Scratch

Pace = Callable[[int], Awaitable[None]]
_MATCH = "UPDATE temp.expected SET found = ? WHERE id = ? AND path = ?"
_UNMATCHED = """SELECT id, path, stored_size, found FROM temp.expected
    WHERE n > 0 AND (found IS NULL OR found != stored_size) ORDER BY path"""
_WHOLE = """SELECT id, path, size, stored_size, sealed_key, packed_size FROM temp.expected
    WHERE found = stored_size ORDER BY path"""
_SHOW_EVERY = 5000
_BATCH = 64


class Files:
    """Looks at the files of a store, after its rows were read into the scratch tables.

    ``blobs`` answers without waiting (its offload works in place). ``now_s`` is Unix time; what
    is younger than ``orphan_grace_s`` may be in the making and is only noted. ``threads`` files
    are verified at once; ``pace`` holds the reading to a rate.
    """

    def __init__(
        self,
        scratch: Scratch,
        blobs: IBlobHousekeeping,
        report: Report,
        show: ShowProgress,
        *,
        now_s: float,
        orphan_grace_s: float,
        threads: int = 4,
        pace: Pace | None = None,
    ) -> None:
        self._scratch = scratch
        self._blobs = blobs
        self._report = report
        self._show = show
        self._before_s = now_s - orphan_grace_s
        self._threads = 1 if pace is not None else threads
        self._pace = pace

    def compare(self) -> None:
        """Every file has its row, every row its file. Raises ``OSError``, ``apsw.Error``."""
        for id, path, size, mtime_s in self._blobs.files():
            self._report.examined["files"] += 1
            if not self._report.examined["files"] % _SHOW_EVERY:
                self._show("files", self._report.examined["files"], 0)
            old = mtime_s < self._before_s
            if id is None:
                self._orphan("temporary-orphan", path, "", old)
            elif not self._scratch.run(_MATCH, (size, id, path)):
                self._unexpected(id, path, old)
        for id, path, stored_size, found in self._scratch.rows(_UNMATCHED):
            if not self.still_named(id):
                continue  # Removed while this was running.
            if found is None:
                self._report.problem("file-missing", path, id=id)
            else:
                self._report.problem("file-size", path, f"{found} bytes, not {stored_size}", id)

    def _unexpected(self, id: bytes, path: str, old: bool) -> None:
        if self._scratch.run("UPDATE temp.rowless SET path = ? WHERE id = ?", (path, id)):
            return  # A version names it: it is no orphan, its row is missing.
        named = self._scratch.value("SELECT path FROM temp.expected WHERE id = ?", (id,))
        if named is not None:
            self._orphan("file-orphan", path, f"the row of its id names {named}", old)
        elif self._scratch.value("SELECT 1 FROM main.blobs WHERE id = ?", (id,)) is None:
            self._orphan("file-orphan", path, "", old)

    def _orphan(self, name: str, path: str, detail: str, old: bool) -> None:
        if old:
            self._report.problem(name, path, detail)
            self._scratch.run("INSERT INTO temp.orphan_files VALUES(?)", (path,))
        else:
            self._report.notes["young files without a row, left to the sweep"] += 1

    def verify(self) -> None:
        """Read every block of every file that is there. Raises ``apsw.Error``."""
        total = self._scratch.value(
            "SELECT coalesce(sum(stored_size), 0) FROM temp.expected WHERE found = stored_size"
        )
        done = 0
        with ThreadPoolExecutor(self._threads, thread_name_prefix="z4-fsck") as pool:
            for batch in self._batches():
                for blob, wrong in zip(batch, pool.map(self._verify_one, batch), strict=True):
                    done += blob.stored_size
                    self._report.examined["verified_files"] += 1
                    self._report.examined["verified_bytes"] += blob.stored_size
                    if wrong is not None and self.still_named(blob.id):
                        self._report.problem(wrong[0], blob.path, wrong[1], blob.id)
                self._show("bytes verified", done, total)

    def _batches(self) -> Iterator[list[BlobInfo]]:
        batch: list[BlobInfo] = []
        for row in self._scratch.rows(_WHOLE):
            batch.append(BlobInfo(*row))
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _verify_one(self, blob: BlobInfo) -> tuple[str, str] | None:
        """(in a thread) The problem of a file, None when it is as it was written."""
        try:
            finished(self._blobs.verify(blob, self._pace))
        except FileNotFoundError:
            return "file-missing", ""
        except CorruptBlob as error:
            return "file-damaged", str(error)
        except OSError as error:
            return "file-damaged", f"cannot be read: {error.strerror}"
        return None

    def still_named(self, id: bytes) -> bool:
        """Whether a blob has references now: a running node may have removed it meanwhile."""
        return bool(self._scratch.value("SELECT refs FROM main.blobs WHERE id = ?", (id,)))


def finished(work: Awaitable[Any]) -> Any:
    """The result of an awaitable that never waits. Raises what it raises, and ``RuntimeError`` if
    it waits after all."""
    running: Any = work.__await__()
    try:
        next(running)
    except StopIteration as stop:
        return stop.value
    running.close()
    raise RuntimeError("this work waits for an event loop, and there is none")
