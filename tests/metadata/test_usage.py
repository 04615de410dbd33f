"""The counts of buckets beside a transaction that is undone, and counted anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from z4tw.metadata.schema import StoreFacts, open_writer
from z4tw.metadata.usage import UsageRows, count_usage, rewrite_usage
from z4tw.model.registers import BucketUsage


@pytest.fixture
def usage(tmp_path: Path) -> UsageRows:
    return UsageRows(open_writer(str(tmp_path / "meta.db"), lambda: StoreFacts(bytes(16), 1)))


def test_counts_are_written_when_they_are_saved(tmp_path: Path) -> None:
    connection = open_writer(str(tmp_path / "meta.db"), lambda: StoreFacts(bytes(16), 1))
    usage = UsageRows(connection)
    usage.add(7, 5, 1)
    usage.add(7, 6, 1)
    assert usage.of(7) == BucketUsage(11, 2)
    assert UsageRows(connection).of(7) == BucketUsage(0, 0)
    usage.save()
    assert UsageRows(connection).of(7) == BucketUsage(11, 2)
    usage.add(7, -11, -2)
    usage.save()
    assert connection.execute("SELECT count(*) FROM usage").get == 0


def test_what_is_undone_was_never_counted(usage: UsageRows) -> None:
    usage.add(7, 5, 1)
    usage.save()
    usage.add(7, 1, 1)
    usage.forget()
    assert usage.of(7) == BucketUsage(5, 1)
    mark = usage.mark()
    usage.add(7, 1, 1)
    usage.add(8, 1, 1)
    usage.back_to(mark)
    assert (usage.of(7), usage.of(8)) == (BucketUsage(5, 1), BucketUsage(0, 0))


def test_counts_are_made_anew_from_the_values(tmp_path: Path) -> None:
    connection = open_writer(str(tmp_path / "meta.db"), lambda: StoreFacts(bytes(16), 1))
    connection.execute("INSERT INTO usage VALUES(7, 5, 1)")
    assert count_usage(connection) == {}
    rewrite_usage(connection)
    assert UsageRows(connection).of(7) == BucketUsage(0, 0)
