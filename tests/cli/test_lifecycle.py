"""``z4 lifecycle run``: rules carried out at once, or only counted."""

from __future__ import annotations

import msgspec

from tests.cli.support import Z4
from tests.recovery.stores import TestStore
from z4tw.lifecycle.rules import Configuration, Expiration, Filter, Rule, Transition
from z4tw.lifecycle.xml_out import to_be_stored
from z4tw.model.control import Bucket
from z4tw.recovery.files import finished

TEXT = b"".join(b"line %d\n" % number for number in range(50_000))


def with_rules(store: TestStore, bucket: Bucket, *rules: Rule) -> None:
    documents = {"lifecycle": to_be_stored(Configuration(rules))}
    changed = msgspec.structs.replace(bucket, stamp=store.stamp(), configurations=documents)
    store.replace_bucket(bucket, changed)


def prepared(z4: Z4) -> TestStore:
    """Objects of years ago, in two buckets with rules and one without."""
    z4("key", "create", "alice")
    store = TestStore(z4.data)
    for name in ("photos", "logs", "plain"):
        bucket = store.bucket(name)
        store.file(bucket, "old/a", TEXT)
        store.file(bucket, "kept", TEXT)
        if name == "photos":
            with_rules(store, bucket, Rule("e", True, Filter("old/"), Expiration(days=1)))
        elif name == "logs":
            with_rules(store, bucket, Rule("m", True, transitions=(Transition("ZSTD", 0),)))
    store.close()
    return store


def test_what_is_due_is_done_at_once(z4: Z4) -> None:
    store = prepared(z4)
    nothing = {"removed": 0, "aborted": 0, "skipped": 0, "errors": 0}
    done = {"examined": 3, "expired": 1, "transitioned": 2, "dry_run": False, **nothing}
    before = z4.json("lifecycle", "run", "--dry-run")
    assert before == {**done, "dry_run": True}
    store.open()
    assert "photos/old/a#0" in store.contents()
    store.close()
    out = z4("lifecycle", "run")
    assert "current versions expired      1" in out
    assert "versions moved                2" in out
    store.open()
    assert set(store.contents()) == {
        "photos/kept#0", "logs/old/a#0", "logs/kept#0", "plain/old/a#0", "plain/kept#0",
    }  # fmt: skip
    assert store.contents()["logs/kept#0"] == TEXT
    head = finished(store.store.read(store.at(store.buckets()["logs"], "kept")))
    assert head.versions[0].storage_class == "ZSTD"
    store.close()
    assert z4.json("lifecycle", "run")["transitioned"] == 0


def test_one_bucket(z4: Z4) -> None:
    prepared(z4)
    done = z4.json("lifecycle", "run", "--bucket", "logs")
    assert (done["expired"], done["transitioned"]) == (0, 2)
    assert "Nothing was changed." in z4("lifecycle", "run", "--bucket", "photos", "--dry-run")
    assert "no bucket 'absent'" in z4.refused("lifecycle", "run", "--bucket", "absent")
    assert "has no lifecycle rules" in z4.refused("lifecycle", "run", "--bucket", "plain")


def test_a_bucket_by_an_alias(z4: Z4) -> None:
    prepared(z4)
    z4("bucket", "alias", "add", "logs", "old-logs")
    assert z4.json("lifecycle", "run", "--bucket", "old-logs", "--dry-run")["transitioned"] == 2
    assert z4.json("lifecycle", "run", "--dry-run")["transitioned"] == 2


def test_a_body_that_is_damaged_is_told(z4: Z4) -> None:
    store = prepared(z4)
    path = next((z4.data / "logs").rglob("kept~*"))
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(bytes(content))
    ran = z4.run("lifecycle", "run", "--data", str(z4.data))
    assert ran.status == 1
    assert "1 keys failed" in ran.err
    assert store is not None


def test_no_store(z4: Z4) -> None:
    assert "there is no store" in z4.refused("lifecycle", "run")
