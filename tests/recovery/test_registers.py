"""Values that are unreadable, contradict themselves or belong to nobody are found."""

from __future__ import annotations

import msgspec
import pytest

from tests.recovery.looking import names, only
from tests.recovery.stores import TestStore
from z4tw.model.control import BucketState
from z4tw.model.registers import Kind
from z4tw.objects import records
from z4tw.recovery.check import CheckOptions, check_store
from z4tw.recovery.files import finished


def test_a_lost_page(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM pages")
    report = store.check()
    assert report.found["page-missing"] == 1
    assert report.problems[0].where == "versioned/often"


def test_a_page_that_is_not_what_its_head_says(store: TestStore) -> None:
    with store.damaged() as database:
        data = database.execute("SELECT data FROM pages").get
        versions = records.decode_page(data)
        database.execute("UPDATE pages SET data = ?", (records.encode(versions[1:]),))
    report = store.check()
    assert names(report) == {"object-head": 1, "inline-orphan": 1, "counter": 1}


def test_a_value_that_cannot_be_read(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("UPDATE heads SET value = x'ff' WHERE kind = 5 AND key = x'66696c65'")
    report = store.check()
    assert report.found["undecodable"] == 1
    assert report.problems[0].where == "plain/file"
    assert not report.references_known


def test_a_version_out_of_order(store: TestStore) -> None:
    at = store.at(store.buckets()["versioned"], "twice")
    head = finished(store.store.read(at))
    wrong = msgspec.structs.replace(head, versions=tuple(reversed(head.versions)))
    with store.damaged() as database:
        database.execute(
            "UPDATE heads SET value = ? WHERE kind = 5 AND key = x'7477696365'",
            (records.encode(wrong),),
        )
    assert store.check().found["object-head"] == 1


@pytest.mark.parametrize(
    "change", ["size = size + 1", "tag = 'x'", "live = 0", "owner = 'x'", "partition = 5000"]
)
def test_a_listing_that_differs_from_its_object(store: TestStore, change: str) -> None:
    with store.damaged() as database:
        database.execute(f"UPDATE heads SET {change} WHERE kind = 5 AND key = x'66696c65'")
    problem = only(store.check())
    assert (problem.name, problem.where) == ("listing-row", "plain/file")


def test_a_part_without_its_upload(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM heads WHERE kind = 6 AND live = 1")
    report = store.check()
    assert names(report) == {"part-orphan": 1, "counter": 1}
    assert report.problems[0].where.startswith("plain/unfinished upload ")
    assert report.problems[0].where.endswith(" part 1")


def test_objects_without_a_bucket(store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM heads WHERE kind = 4 AND key = x'706c61696e'")
    problem = only(store.check())
    assert problem.name == "incarnation"
    assert "rows belong to no bucket" in problem.detail


def test_an_active_bucket_that_is_closed(store: TestStore) -> None:
    finished(store.store.close_incarnation(store.buckets()["plain"].incarnation))
    store.close()
    problem = only(store.check())
    assert (problem.name, problem.where) == ("incarnation", "bucket plain")


@pytest.mark.parametrize("kind", [Kind.ACCOUNT, Kind.USER])
def test_a_key_that_belongs_to_nobody(store: TestStore, kind: Kind) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM heads WHERE kind = ?", (int(kind),))
    assert set(names(store.check())) == {"account"}


def test_a_secret_that_the_control_key_does_not_open(store: TestStore) -> None:
    store.close()
    options = CheckOptions(now_ms=store.times.ms, control_key=b"x" * 32)
    report = check_store(store.place, store.blobs, options)
    assert names(report) == {"secret": 1}


def test_a_deletion_that_was_interrupted_is_only_noted(store: TestStore) -> None:
    bucket = store.bucket("leaving")
    marked = msgspec.structs.replace(bucket, state=BucketState.DELETING, stamp=store.stamp())
    store.replace_bucket(bucket, marked)
    finished(store.store.close_incarnation(bucket.incarnation))
    store.close()
    report = store.check()
    assert report.left == 0
    assert report.notes["buckets whose deletion goes on at the next start"] == 1


def test_annotations_are_sound(store: TestStore) -> None:
    store.annotate_all()
    store.close()
    report = store.check()
    assert names(report) == {}
    assert report.examined["annotations"] == 3


def test_an_annotation_that_is_gone(store: TestStore) -> None:
    store.annotate_all()
    with store.damaged() as database:
        database.execute("DELETE FROM heads WHERE kind = 9 AND substr(key, -5) = x'736d616c6c'")
    report = store.check()
    assert names(report) == {"annotation": 1, "inline-orphan": 1, "counter": 1}
    assert report.problems[0].where == "plain/file annotation "
    assert report.problems[0].detail == "1 are missing"


def test_an_annotation_of_nothing(store: TestStore) -> None:
    store.annotate_all()
    at = store.at(store.buckets()["plain"], "file")
    head = finished(store.store.read(at))
    bare = msgspec.structs.replace(head.versions[0], annotations=0)
    data = records.encode(msgspec.structs.replace(head, versions=(bare,)))
    with store.damaged() as database:
        database.execute("UPDATE heads SET value = ? WHERE kind = 5 AND key = x'66696c65'", (data,))
    report = store.check()
    assert names(report) == {"annotation": 2}
    assert {problem.where for problem in report.problems} == {
        "plain/file annotation large",
        "plain/file annotation small",
    }


def test_an_annotation_whose_row_is_anothers(store: TestStore) -> None:
    store.annotate_all()
    with store.damaged() as database:
        database.execute(
            """UPDATE heads SET value = (SELECT value FROM heads WHERE kind = 9
            AND substr(key, -5) = x'6c61726765') WHERE substr(key, -5) = x'736d616c6c'"""
        )
    assert store.check().found["annotation"] == 1


def test_the_owner_of_a_lost_annotation_is_named(store: TestStore) -> None:
    store.annotate_all()
    with store.damaged() as database:
        database.execute("DELETE FROM inline")
    owners = {text for problem in store.check().problems for text in problem.objects}
    assert "plain/file annotation small" in owners


def test_an_alias_is_no_bucket(store: TestStore) -> None:
    store.alias("other", store.buckets()["plain"])
    store.close()
    report = store.check()
    assert not report.found
    assert (report.examined["buckets"], report.examined["aliases"]) == (2, 1)
