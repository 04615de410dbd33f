"""Changing control records (accounts, users, keys, buckets) by compare-and-set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from z4tw.errors import OperationAborted
from z4tw.model.notices import Notice
from z4tw.model.registers import Done, Kind, Register
from z4tw.model.stamps import after
from z4tw.objects import records
from z4tw.objects.commands import Replace

ATTEMPTS = 16
"""How often a change that lost against another one is tried again."""
SCAN_LIMIT = 1000
"""Records that one scan fetches."""

Stamp = Callable[[], bytes]


def control_register(kind: int, name: str) -> Register:
    """The register of a control record by its name or id."""
    return Register(kind, 0, name.encode("utf-8"))


def bucket_register(name: str) -> Register:
    """The register of a bucket's record."""
    return Register(Kind.BUCKET, 0, name.encode("utf-8"))


def later_stamp(stamp: Stamp, present: Any) -> bytes:
    """A stamp for a changed record, later than the one it has."""
    return stamp() if present is None else after(stamp(), present.stamp)


async def replace(
    store: Any, register: Register, present: Any, record: Any, notice: Notice | None = None
) -> bool:
    """Put ``record`` (None: remove) in place of ``present`` (None: absent), which was read before.
    False: somebody else changed the register since, and nothing happened."""
    outcome = await store.change(
        register,
        Replace(
            None if present is None else present.stamp,
            None if record is None else records.encode(record),
            notice,
        ),
    )
    return isinstance(outcome, Done)


async def update(
    store: Any, register: Register, change: Callable[[Any], Any], notice: Notice | None = None
) -> Any:
    """Read a record, replace it with ``change(record)``, and try again if somebody else was faster.

    ``change`` gets the present record (None: absent) and returns the new one with a later stamp
    (None: remove it), or the same object to leave all as it is; what it raises passes through.
    ``notice`` is announced with the change.
    Returns the record that is in place then. Raises ``OperationAborted`` after ``ATTEMPTS``.
    """
    for _ in range(ATTEMPTS):
        present = await store.read(register)
        record = change(present)
        if record is present or await replace(store, register, present, record, notice):
            return record
    raise OperationAborted()


async def scan_all(store: Any, kind: int) -> list[Any]:
    """All records of a control kind, in key order (for administration, not for requests)."""
    found: list[Any] = []
    start = b""
    while True:
        rows = await store.scan(kind, 0, start, b"", SCAN_LIMIT)
        found.extend(value for _, value in rows)
        if len(rows) < SCAN_LIMIT:
            return found
        start = rows[-1][0] + b"\x00"
