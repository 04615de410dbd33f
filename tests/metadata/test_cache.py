"""The bounds and the order of the register cache."""

from __future__ import annotations

from tests.metadata.values import register
from z4tw.metadata.cache import Cached, RegisterCache


def entry(size: int = 10, value: object = "v") -> Cached:
    return Cached(value, 0, 0, size)


def test_the_least_recently_used_entry_goes_first() -> None:
    cache = RegisterCache(max_bytes=320)
    for number in range(16):
        cache.put(register(b"%d" % number), entry(20))
    assert cache.get(register(b"0")) is not None
    cache.put(register(b"another"), entry(20))
    assert cache.get(register(b"1")) is None
    assert cache.get(register(b"0")) is not None
    assert len(cache) == 16


def test_the_memory_is_bounded_and_counted() -> None:
    cache = RegisterCache(max_bytes=160)
    for number in range(40):
        cache.put(register(b"%d" % number), entry(9))
    assert cache.bytes_taken <= 160
    assert cache.bytes_taken == 9 * len(cache)
    for number in range(40):
        cache.drop(register(b"%d" % number))
    assert (len(cache), cache.bytes_taken) == (0, 0)


def test_a_replaced_entry_is_counted_once() -> None:
    cache = RegisterCache(max_bytes=1600)
    for size in (10, 20, 30):
        cache.put(register(b"k"), entry(size, size))
    assert cache.bytes_taken == 30
    found = cache.get(register(b"k"))
    assert found is not None
    assert found.value == 30


def test_a_long_value_is_not_kept_and_drops_its_older_one() -> None:
    cache = RegisterCache(max_bytes=160)
    cache.put(register(b"k"), entry(10))
    cache.put(register(b"k"), entry(11))
    assert cache.get(register(b"k")) is None
    assert cache.bytes_taken == 0


def test_a_cache_of_no_size_keeps_nothing() -> None:
    cache = RegisterCache(max_bytes=0)
    cache.put(register(b"k"), entry(1))
    assert len(cache) == 0
