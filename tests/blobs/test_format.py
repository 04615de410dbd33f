"""The file format: names, layouts, digests and footers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.blobs.format import (
    BLOCK_BYTES,
    SEALED_BLOCK_BYTES,
    TRAILER_BYTES,
    Layout,
    blob_path,
    check_blocks,
    cut_blocks,
    decode_footer,
    decode_trailer,
    digest_blocks,
    digests_of,
    encode_footer,
    id_of_path,
    is_temporary,
    seed_of,
)
from z4tw.errors import CorruptBlob

ID = bytes(range(16))


def footer_of(size: int, encrypted: bool = False, record: bytes = b"r", key: bytes = b"") -> bytes:
    layout = Layout.of(size, encrypted)
    return encode_footer(ID, layout, bytes(8 * layout.count), record, key)


class TestNames:
    def test_a_path_shows_bucket_and_the_keys_last_segment(self) -> None:
        path = blob_path("photos", b"2024/holiday/sun set.jpg", ID)
        assert re.fullmatch(
            r"photos/[0-9a-f]{2}/[0-9a-f]{2}/sunset\.jpg~000102030405060708090a0b0c0d0e0f", path
        )

    @pytest.mark.parametrize(
        ("key", "label"),
        [
            (b"a/b/", "b"),
            (b"/", ""),
            (b"...", ""),
            (b".bashrc", "bashrc"),
            ("größe.txt".encode(), "gre.txt"),
            (b"a~b%c:d\\e\x00f\ng", "abcdefg"),
            (b"x" * 300, "x" * 80),
            (b"../../etc/passwd", "passwd"),
        ],
    )
    def test_labels_hold_only_safe_characters(self, key: bytes, label: str) -> None:
        assert blob_path("b", key, ID).split("/")[3] == f"{label}~{ID.hex()}"

    @given(st.binary(max_size=1024), st.binary(min_size=16, max_size=16))
    def test_any_key_gives_a_short_safe_path_with_the_id(self, key: bytes, id: bytes) -> None:
        path = blob_path("bucket", key, id)
        assert re.fullmatch(
            r"bucket/[0-9a-f]{2}/[0-9a-f]{2}/[A-Za-z0-9._-]{0,80}~[0-9a-f]{32}", path
        )
        assert not path.split("/")[3].startswith(".")
        assert id_of_path(path) == id

    def test_versions_of_one_key_lie_together_and_keys_apart(self) -> None:
        folders = {blob_path("b", b"key%d" % n, ID).rpartition("/")[0] for n in range(100)}
        assert len(folders) > 90
        assert blob_path("b", b"k", ID)[:8] == blob_path("b", b"k", bytes(16))[:8]

    def test_other_paths_have_no_id(self) -> None:
        good = blob_path("b", b"k", ID)
        for path in (
            good + "0",
            good[:-1],
            good[1:],
            good.upper(),
            "_z4meta" + good[1:],
            good.replace("~", ""),
            "x/" + good,
            good.replace("/", "", 1),
            good[:-1] + "g",
        ):
            assert id_of_path(path) is None, path

    def test_temporary_names(self) -> None:
        assert is_temporary("_z4meta/tmp/" + "0a" * 16 + ".part")
        for path in (
            "_z4meta/tmp/" + "0a" * 16,
            "_z4meta/tmp/x.part",
            "0a" * 16 + ".part",
            "_z4meta/" + "0a" * 16 + ".part",
            "_z4meta/tmp/a/" + "0a" * 15 + ".part",
            "_z4meta/tmp/" + "0g" * 16 + ".part",
        ):
            assert not is_temporary(path), path


class TestLayout:
    @pytest.mark.parametrize(
        ("size", "count"),
        [(0, 0), (1, 1), (BLOCK_BYTES - 1, 1), (BLOCK_BYTES, 1), (BLOCK_BYTES + 1, 2)],
    )
    def test_plain(self, size: int, count: int) -> None:
        layout = Layout.of(size, False)
        assert (layout.count, layout.stored, layout.stored_block) == (count, size, BLOCK_BYTES)

    @pytest.mark.parametrize(("size", "count"), [(0, 1), (1, 1), (BLOCK_BYTES + 1, 2)])
    def test_encrypted_blocks_are_longer_and_there_is_always_one(
        self, size: int, count: int
    ) -> None:
        layout = Layout.of(size, True)
        assert (layout.count, layout.stored) == (count, size + 16 * count)
        assert layout.stored_block == SEALED_BLOCK_BYTES

    def test_spans_end_with_the_last_block(self) -> None:
        layout = Layout.of(BLOCK_BYTES + 10, True)
        assert layout.span(0, 1) == (0, SEALED_BLOCK_BYTES)
        assert layout.span(1, 2) == (SEALED_BLOCK_BYTES, 26)
        assert layout.digests(1, 2) == (layout.stored + 8, 8)


class TestDigests:
    def test_pieces_give_the_same_digests_as_the_whole(self) -> None:
        data = bytes(i % 251 for i in range(3 * BLOCK_BYTES + 5))
        whole = digest_blocks(data, 7, 0, BLOCK_BYTES)
        assert len(whole) == 32
        parts = [
            digest_blocks(data[i * BLOCK_BYTES : (i + 1) * BLOCK_BYTES], 7, i, BLOCK_BYTES)
            for i in range(4)
        ]
        assert b"".join(parts) == whole

    def test_blocks_are_cut_from_pieces_of_any_size(self) -> None:
        for size in (0, 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 5):
            data = bytes(i % 251 for i in range(size))
            for step in (1_000, BLOCK_BYTES, 100_000, 2 * BLOCK_BYTES, 1 << 20):
                blocks = cut_blocks([data[at : at + step] for at in range(0, size, step)])
                assert b"".join(blocks) == data
                assert all(len(block) == BLOCK_BYTES for block in blocks[:-1])
                assert len(blocks) == -(-size // BLOCK_BYTES)
                assert digests_of(blocks, 7, 3) == digest_blocks(data, 7, 3, BLOCK_BYTES)

    def test_equal_blocks_elsewhere_have_other_digests(self) -> None:
        digests = digest_blocks(bytes(2 * BLOCK_BYTES), 7, 0, BLOCK_BYTES)
        assert digests[:8] != digests[8:]
        assert digests[:8] != digest_blocks(bytes(BLOCK_BYTES), 9, 0, BLOCK_BYTES)

    def test_the_seed_wraps_around(self) -> None:
        seed = seed_of(b"\xff" * 16)
        assert seed == (1 << 64) - 1
        digests = digest_blocks(bytes(BLOCK_BYTES + 1), seed, 0, BLOCK_BYTES)
        assert digests[8:] == digest_blocks(b"\0", 0, 0, BLOCK_BYTES)

    def test_a_mismatch_names_the_block(self) -> None:
        data = bytes(2 * BLOCK_BYTES)
        digests = digest_blocks(data, 7, 10, BLOCK_BYTES)
        check_blocks(data, digests, 7, 10, BLOCK_BYTES)
        with pytest.raises(CorruptBlob, match="block 11 "):
            check_blocks(data[:-1] + b"x", digests, 7, 10, BLOCK_BYTES)
        with pytest.raises(CorruptBlob, match="block 11 "):
            check_blocks(data, digests[:8], 7, 10, BLOCK_BYTES)


class TestFooter:
    @pytest.mark.parametrize("encrypted", [False, True])
    @pytest.mark.parametrize("size", [0, 1, 200_000])
    def test_it_comes_back(self, size: int, encrypted: bool) -> None:
        footer = footer_of(size, encrypted, b"record", b"key")
        total = Layout.of(size, encrypted).stored + len(footer)
        found = decode_footer(footer, total)
        assert found.id == ID
        assert found.layout == Layout.of(size, encrypted)
        assert (found.record, found.sealed_key, found.file_size) == (b"record", b"key", total)
        assert len(footer) == 8 * found.layout.count + 9 + TRAILER_BYTES

    def test_the_trailer_is_as_specified(self) -> None:
        """Field by field, so that a change of the code without one of the document shows."""
        trailer = footer_of(200_000, True, b"rec", b"key!")[-TRAILER_BYTES:]
        assert trailer[:8] == b"z4blob\r\n"
        numbers = [
            int.from_bytes(trailer[a:b], "big")
            for a, b in ((8, 10), (10, 12), (12, 16), (16, 24), (24, 32), (32, 36), (36, 40))
        ]
        assert numbers == [1, 1, 65_536, 200_000, 4, 3, 4]
        assert trailer[40:56] == ID
        assert len(trailer) == 64

    @given(st.integers(0, 63), st.integers(1, 255))
    def test_any_changed_byte_of_the_trailer_is_refused(self, at: int, flip: int) -> None:
        footer = bytearray(footer_of(5))
        footer[len(footer) - 64 + at] ^= flip
        with pytest.raises(CorruptBlob):
            decode_footer(bytes(footer), 5 + len(footer))

    @given(st.binary(max_size=200))
    def test_any_bytes_are_refused_in_order(self, data: bytes) -> None:
        with pytest.raises(CorruptBlob):
            decode_footer(data, len(data))

    @pytest.mark.parametrize(
        ("offset", "value"), [(8, b"\0\2"), (10, b"\0\2"), (12, b"\0\0\0\1"), (32, b"\xff" * 4)]
    )
    def test_what_a_later_version_may_write_is_refused_even_if_intact(
        self, offset: int, value: bytes
    ) -> None:
        footer = footer_of(5)
        trailer = bytearray(footer[-TRAILER_BYTES:])
        trailer[offset : offset + len(value)] = value
        with pytest.raises(CorruptBlob):
            decode_trailer(bytes(trailer), 5 + len(footer))
