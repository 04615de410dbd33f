"""Folds of rows into listing pages, against naive models of what S3 lists."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.model.objects import EMPTY_BODY, Head, PageRef, Version
from z4tw.model.registers import ListQuery, LiveRow, VersionQuery, upload_prefix
from z4tw.s3.listing import fold_live, fold_uploads, fold_versions, prefix_successor

KEYS = st.lists(st.text("ab/\x00é", min_size=1, max_size=6), max_size=25, unique=True)
SHORT = st.text("ab/é", max_size=3)
DELIMITERS = st.sampled_from(["", "/", "a", "ab", "//", "é", "aa"])


def live(key: bytes) -> LiveRow:
    return LiveRow(key, 1, "etag", 0, "STANDARD", "owner", "")


class Rows:
    """Rows behind a seek, counting what a fold takes; an old iterable fails when it is used."""

    def __init__(self, rows: Iterable[tuple[bytes, object]]) -> None:
        self.rows = sorted(rows, key=lambda row: row[0])
        self.keys = [row[0] for row in self.rows]
        self.seeks = 0
        self.taken = 0

    def seek(self, start: bytes):  # type: ignore[no-untyped-def]
        self.seeks += 1
        generation = self.seeks
        for row in self.rows[bisect_left(self.keys, start) :]:
            assert generation == self.seeks, "an iterable was used after a later seek"
            self.taken += 1
            yield row


def model(keys: Iterable[bytes], prefix: bytes, delimiter: bytes) -> list[tuple[bytes, bool]]:
    """Every item of a listing, as (key or common prefix, is a prefix), the naive way."""
    items: set[tuple[bytes, bool]] = set()
    for key in keys:
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            items.add((key[: at + len(delimiter)], True) if at >= 0 else (key, False))
    return sorted(items)


@given(KEYS, SHORT, DELIMITERS, SHORT, st.integers(1, 7))
def test_pages_of_keys_joined_are_the_naive_listing(
    names: list[str], prefix: str, delimiter: str, after: str, limit: int
) -> None:
    keys = [name.encode() for name in names]
    rows = Rows(live(key) for key in keys)
    expected = [
        item
        for item in model(keys, prefix.encode(), delimiter.encode())
        if item[0] > after.encode()
    ]
    start, got = after.encode(), []
    while True:
        page = fold_live(rows.seek, ListQuery(prefix.encode(), delimiter.encode(), start, limit))
        items = [(row.key, False) for row in page.rows] + [(p, True) for p in page.prefixes]
        assert len(items) <= limit
        got += sorted(items)
        assert page.truncated == (len(got) < len(expected))
        if items:
            assert page.last == max(items)[0]
        if not page.truncated:
            break
        start = page.last
    assert got == expected


@given(KEYS, SHORT, DELIMITERS, st.integers(1, 7), st.integers(1, 3))
def test_pages_of_uploads_joined_are_the_naive_listing(
    names: list[str], prefix: str, delimiter: str, limit: int, per_key: int
) -> None:
    keys = [name.encode() for name in names]
    registers = {upload_prefix(key) + b"%032d" % n: key for key in keys for n in range(per_key)}
    rows = Rows(live(register) for register in registers)
    expected: list[bytes] = []
    for item, is_prefix in model(keys, prefix.encode(), delimiter.encode()):
        if is_prefix:
            expected.append(item)
        else:
            expected += sorted(register for register, key in registers.items() if key == item)
    start, count, got = b"", 0, []
    while True:
        page = fold_uploads(rows.seek, ListQuery(prefix.encode(), delimiter.encode(), start, limit))
        tagged = [(row.key, row.key) for row in page.rows]
        tagged += [(upload_prefix(p), p) for p in page.prefixes]
        got += [item for _, item in sorted(tagged)]
        count += len(tagged)
        assert len(tagged) <= limit
        assert page.truncated == (count < len(expected))
        if not page.truncated:
            break
        start = page.last
    assert got == expected


def stamp(number: int) -> bytes:
    return number.to_bytes(20, "big")


def make_head(
    newest: int, in_head: int, page_sizes: Sequence[int], null_at: int
) -> tuple[Head, dict[bytes, list[Version]], list[Version]]:
    """A head, its pages by id, and all its versions, newest first; one of them may be null."""
    versions = [
        Version(stamp(newest - n), n == null_at, n, f"e{n}", EMPTY_BODY, "o", n % 3 == 2)
        for n in range(in_head + sum(page_sizes))
    ]
    pages, refs, at = {}, [], in_head
    for size in page_sizes:
        content = versions[at : at + size]
        id = content[0].stamp[::-1]
        pages[id] = content
        has_null = any(version.is_null for version in content)
        refs.append(PageRef(id, content[0].stamp, content[-1].stamp, size, has_null))
        at += size
    return Head(stamp(newest), tuple(versions[:in_head]), tuple(refs)), pages, versions


HEADS = st.tuples(st.integers(0, 4), st.lists(st.integers(1, 4), max_size=2), st.integers(-1, 8))


@given(st.dictionaries(st.text("ab/", min_size=1, max_size=4), HEADS, max_size=8), SHORT,
       DELIMITERS, st.integers(1, 5))  # fmt: skip
def test_pages_of_versions_joined_are_the_naive_listing(
    shapes: dict[str, tuple[int, list[int], int]], prefix: str, delimiter: str, limit: int
) -> None:
    heads, pages, all_versions = {}, {}, {}
    for n, (name, (in_head, sizes, null_at)) in enumerate(shapes.items()):
        head, own, versions = make_head(1000 * (n + 1), in_head, sizes if in_head else [], null_at)
        heads[name.encode()] = head
        pages.update(own)
        if versions:
            all_versions[name.encode()] = versions
    expected: list[tuple[bytes, str, bool]] = []
    for item, is_prefix in model(all_versions, prefix.encode(), delimiter.encode()):
        if is_prefix:
            expected.append((item, "", False))
        else:
            expected += [(item, v.version_id, not n) for n, v in enumerate(all_versions[item])]
    rows, got, query = Rows(heads.items()), [], VersionQuery(prefix.encode(), delimiter.encode())
    key_marker, version_marker = b"", ""
    while True:
        page = fold_versions(
            rows.seek,
            pages.__getitem__,
            VersionQuery(query.prefix, query.delimiter, key_marker, version_marker, limit),
        )
        items = [(key, version.version_id, latest) for key, version, latest in page.versions]
        items += [(p, "", False) for p in page.prefixes]
        got += sorted(items, key=lambda item: item[0])
        assert len(items) <= limit
        assert page.truncated == (len(got) < len(expected))
        if not page.truncated:
            break
        key_marker, version_marker = page.next_key, page.next_version
    assert got == expected


def seek_of(*keys: bytes) -> Callable[[bytes], Iterable[LiveRow]]:
    return Rows(live(key) for key in keys).seek


class TestDetails:
    def test_a_common_prefix_is_passed_by_a_seek_not_by_a_walk(self) -> None:
        rows = Rows(live(b"%c/%05d" % (c, n)) for c in b"abc" for n in range(2000))
        page = fold_live(rows.seek, ListQuery(delimiter=b"/"))
        assert page.prefixes == [b"a/", b"b/", b"c/"]
        assert rows.taken < 40
        assert rows.seeks <= 4

    def test_small_groups_are_stepped_over_without_a_seek(self) -> None:
        rows = Rows(live(b"%03d/x" % n) for n in range(200))
        assert len(fold_live(rows.seek, ListQuery(delimiter=b"/")).prefixes) == 200
        assert rows.seeks == 1

    def test_limit_zero_gives_an_empty_page_that_is_not_truncated(self) -> None:
        for page in (
            fold_live(seek_of(b"a"), ListQuery(limit=0)),
            fold_uploads(seek_of(upload_prefix(b"a")), ListQuery(limit=0)),
        ):
            assert (page.rows, page.prefixes, page.truncated) == ([], [], False)
        head, pages, _ = make_head(9, 2, [], -1)
        versions = fold_versions(
            Rows([(b"a", head)]).seek, pages.__getitem__, VersionQuery(limit=0)
        )
        assert (versions.versions, versions.truncated) == ([], False)

    def test_truncated_only_when_another_item_follows(self) -> None:
        seek = seek_of(b"a/1", b"a/2", b"a/3", b"a/4", b"a/5", b"a/6", b"a/7")
        page = fold_live(seek, ListQuery(delimiter=b"/", limit=1))
        assert (page.prefixes, page.truncated) == ([b"a/"], False)
        page = fold_live(seek_of(b"a/1", b"b"), ListQuery(prefix=b"a", limit=1))
        assert (len(page.rows), page.truncated) == (1, False)

    def test_a_marker_inside_a_common_prefix_passes_all_of_it(self) -> None:
        page = fold_live(
            seek_of(b"a/1", b"a/2", b"b"), ListQuery(delimiter=b"/", start_after=b"a/1")
        )
        assert (page.prefixes, [row.key for row in page.rows]) == ([], [b"b"])

    def test_a_marker_beyond_the_prefix_gives_nothing(self) -> None:
        assert fold_live(seek_of(b"a", b"z"), ListQuery(b"a", b"", b"b")).rows == []

    def test_the_key_that_equals_the_prefix_is_listed_beside_its_delimiter(self) -> None:
        page = fold_live(seek_of(b"a/", b"a/b", b"a/c/d"), ListQuery(b"a/", b"/"))
        assert [row.key for row in page.rows] == [b"a/", b"a/b"]
        assert page.prefixes == [b"a/c/"]

    def test_a_group_at_the_end_of_all_keys_ends_the_listing(self) -> None:
        seek = seek_of(*(b"\xff\xff%d" % n for n in range(9)))
        page = fold_live(seek, ListQuery(b"", b"\xff\xff", b"", 5))
        assert (page.prefixes, page.truncated) == ([b"\xff\xff"], False)
        assert fold_live(seek, ListQuery(b"", b"\xff\xff", b"\xff\xff", 5)).prefixes == []

    def test_pages_of_versions_that_the_marker_passed_are_not_read(self) -> None:
        head, pages, versions = make_head(1000, 2, [3, 3, 3], -1)
        read: list[bytes] = []

        def read_page(id: bytes) -> list[Version]:
            read.append(id)
            return pages[id]

        query = VersionQuery(b"", b"", b"k", versions[6].version_id, 2)
        page = fold_versions(Rows([(b"k", head)]).seek, read_page, query)
        assert [version for _, version, _ in page.versions] == versions[7:9]
        assert page.truncated
        assert read == [head.pages[1].id, head.pages[2].id]

    def test_a_null_marker_that_is_gone_goes_on_with_what_the_key_has(self) -> None:
        head, pages, versions = make_head(1000, 2, [2], -1)
        query = VersionQuery(b"", b"", b"k", "null", 10)
        page = fold_versions(Rows([(b"k", head)]).seek, pages.__getitem__, query)
        assert [version for _, version, _ in page.versions] == versions

    def test_a_version_marker_that_was_deleted_keeps_its_place(self) -> None:
        head, pages, versions = make_head(1000, 4, [], -1)
        left = Head(head.last, head.versions[:1] + head.versions[2:])
        query = VersionQuery(b"", b"", b"k", versions[1].version_id, 10)
        page = fold_versions(Rows([(b"k", left)]).seek, pages.__getitem__, query)
        assert [version for _, version, _ in page.versions] == versions[2:]
        assert [latest for _, _, latest in page.versions] == [False, False]

    def test_a_head_without_versions_makes_no_common_prefix(self) -> None:
        rows = Rows([(b"a/b", Head(stamp(1), ()))])
        page = fold_versions(rows.seek, {}.__getitem__, VersionQuery(delimiter=b"/"))
        assert (page.versions, page.prefixes) == ([], [])


@pytest.mark.parametrize(
    ("prefix", "successor"),
    [(b"a", b"b"), (b"a\xff\xff", b"b"), (b"", b""), (b"\xff", b""), (b"\x00", b"\x01")],
)
def test_the_successor_of_a_prefix_is_the_least_string_after_all_that_start_with_it(
    prefix: bytes, successor: bytes
) -> None:
    assert prefix_successor(prefix) == successor


def test_markers_beyond_the_prefix_end_uploads_and_versions() -> None:
    after = upload_prefix(b"b") + b"\xff"
    page = fold_uploads(
        seek_of(upload_prefix(b"a"), upload_prefix(b"c")), ListQuery(b"a", b"", after)
    )
    assert (page.rows, page.truncated) == ([], False)
    head, pages, _ = make_head(9, 2, [], -1)
    rows = Rows([(b"a", head), (b"c", head)])
    versions = fold_versions(rows.seek, pages.__getitem__, VersionQuery(b"a", b"", b"b"))
    assert (versions.versions, versions.truncated) == ([], False)
    assert rows.seeks == 0


def test_a_null_marker_is_found_in_a_page_of_older_versions() -> None:
    head, pages, versions = make_head(1000, 2, [2, 3], 5)
    query = VersionQuery(b"", b"", b"k", "null", 10)
    page = fold_versions(Rows([(b"k", head)]).seek, pages.__getitem__, query)
    assert [version for _, version, _ in page.versions] == versions[6:]
