"""Register addresses of uploads and parts sort as S3 lists them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from z4tw.model.registers import part_register, split_upload_key, upload_prefix, upload_register

KEYS = st.binary(min_size=1, max_size=6).map(lambda raw: bytes(b % 4 for b in raw))


@given(KEYS, KEYS)
def test_prefixes_sort_as_keys_and_none_begins_another(a: bytes, b: bytes) -> None:
    assert (a < b) == (upload_prefix(a) < upload_prefix(b))
    if a != b:
        assert not upload_prefix(a).startswith(upload_prefix(b))


@given(KEYS)
def test_a_register_key_splits_into_key_and_upload(key: bytes) -> None:
    register = upload_register(7, key, "u1")
    assert split_upload_key(register.key) == (key, b"u1")


def test_parts_sort_by_number_below_their_upload() -> None:
    registers = [part_register(1, b"k", "u", number) for number in (2, 10, 300)]
    assert registers == sorted(registers)
    assert all(r.key.startswith(upload_register(1, b"k", "u").key) for r in registers)
