"""The bounds and the order of the register cache."""

from __future__ import annotations

from tests.metadata.values import register
from z4tw.metadata.cache import Cached, RegisterCache


def entry(size: int = 10, value: object = "v") -> Cached:
    return Cached(value, 0, 0, size)


def test_the_least_recently_used_entry_goes_first() -> None:
    cache = RegisterCache(max_entries=2)
    cache.put(register(b"a"), entry())
    cache.put(register(b"b"), entry())
    assert cache.get(register(b"a")) is not None
    cache.put(register(b"c"), entry())
    assert cache.get(register(b"b")) is None
    assert cache.get(register(b"a")) is not None
    assert len(cache) == 2


def test_stored_bytes_are_bounded_and_counted() -> None:
    cache = RegisterCache(max_bytes=160)
    for number in range(40):
        cache.put(register(b"%d" % number), entry(9))
    assert cache.stored_bytes <= 160
    assert cache.stored_bytes == 9 * len(cache)
    for number in range(40):
        cache.drop(register(b"%d" % number))
    assert (len(cache), cache.stored_bytes) == (0, 0)


def test_a_replaced_entry_is_counted_once() -> None:
    cache = RegisterCache(max_bytes=1600)
    for size in (10, 20, 30):
        cache.put(register(b"k"), entry(size, size))
    assert cache.stored_bytes == 30
    found = cache.get(register(b"k"))
    assert found is not None
    assert found.value == 30


def test_a_long_value_is_not_kept_and_drops_its_older_one() -> None:
    cache = RegisterCache(max_bytes=160)
    cache.put(register(b"k"), entry(10))
    cache.put(register(b"k"), entry(11))
    assert cache.get(register(b"k")) is None
    assert cache.stored_bytes == 0
