"""Counts every reference again and compares with what a SQLite store has."""

from __future__ import annotations

from collections import Counter
from typing import Any

from z4tw.metadata.sqlite import SqliteStore
from z4tw.metadata.usage import count_usage
from z4tw.model.objects import BodyKind
from z4tw.model.registers import Kind
from z4tw.objects import records
from z4tw.objects.rows import references


def recount(store: SqliteStore) -> None:
    """Assert that reference counts, inline bodies, pages and totals are what the heads say."""
    connection = store._reader

    def rows(sql: str) -> list[Any]:
        return connection.execute(sql).fetchall()

    pages = {id: records.decode_page(data) for id, data in rows("SELECT id, data FROM pages")}
    named: Counter[tuple[int, bytes]] = Counter()
    named_pages: Counter[bytes] = Counter()
    objects = object_bytes = uploads = 0
    for kind, value_data, live, size in rows("SELECT kind, value, live, size FROM heads"):
        value = records.decode(kind, value_data)
        named.update((body.kind, body.id) for body in references(kind, value, pages.__getitem__))
        if kind == Kind.OBJECT:
            named_pages.update(page.id for page in value.pages)
            assert bool(live) != value.current.delete_marker
            objects += live
            object_bytes += size or 0
        elif kind == Kind.UPLOAD:
            uploads += live
    manifests = rows("SELECT id, refs, zero_since, data FROM manifests")
    for id, refs, zero_since, data in manifests:
        assert refs == named.pop((BodyKind.MANIFEST, id), 0)
        assert bool(refs) == (zero_since == 0)
        for part in records.decode_manifest(data).parts:
            if part.body.kind != BodyKind.EMPTY:
                named[(part.body.kind, part.body.id)] += 1
    blobs = rows("SELECT id, refs, zero_since, state, info FROM blobs")
    for id, refs, zero_since, state, _ in blobs:
        assert refs == named.pop((BodyKind.FILE, id), 0)
        assert bool(refs) == (zero_since == 0)
        assert not (refs and state)
    for (id,) in rows("SELECT id FROM inline"):
        assert named.pop((BodyKind.INLINE, id)) == 1
    assert not named, named
    assert set(named_pages) == set(pages)
    assert all(count == 1 for count in named_pages.values())
    totals = rows("SELECT objects, object_bytes, blobs, blob_bytes, uploads FROM counters")
    stored = sum(records.decode_blob(info).stored_size for *_, info in blobs)
    assert totals == [(objects, object_bytes, len(blobs), stored, uploads)]
    usage = {inc: (bytes, count) for inc, bytes, count in rows("SELECT * FROM usage")}
    assert usage == count_usage(connection)
    assert rows("PRAGMA integrity_check") == [("ok",)]
