"""``z4 gc`` removes at once what the reaper would remove later."""

from __future__ import annotations

import os

from tests.cli.support import Z4
from tests.recovery.stores import TestStore
from z4tw.recovery.files import finished


def test_what_is_old_enough_goes(z4: Z4) -> None:
    z4("key", "create", "alice")
    store = TestStore(z4.data)
    bucket = store.bucket("photos")
    gone = store.file(bucket, "key", b"1" * 9000)
    kept = store.file(bucket, "key", b"2" * 9000)
    _, orphan = store.write(bucket, "never committed", b"3" * 9000)
    store.close()
    # The blob's time without references lies in the tests' past, the orphan's file is young.
    assert z4.json("gc") == {
        "blobs": 1, "blob_bytes": gone.stored_size, "orphans": 0, "expired": 0, "failures": 0,
    }  # fmt: skip
    assert os.path.exists(store.place.inside(orphan.path))
    out = z4("gc", "--grace-seconds", "0")
    assert "orphaned files removed      1" in out
    assert not os.path.exists(store.place.inside(orphan.path))
    store.open()
    assert store.contents() == {"photos/key#0": b"2" * 9000}
    assert finished(store.store.known([gone.id, kept.id])) == {kept.id}
    store.close()


def test_a_wrong_grace(z4: Z4) -> None:
    assert "--grace-seconds" in z4.refused("gc", "--grace-seconds", "soon", status=2)


def test_no_store(z4: Z4) -> None:
    assert "there is no store" in z4.refused("gc")
