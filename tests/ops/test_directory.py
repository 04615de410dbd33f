"""Caches of control records are exact: a change is seen by the next look."""

from __future__ import annotations

from typing import Any

from tests.ops.harness import Harness, run
from z4tw.ops.directory import ControlCache, Directory


class Source:
    """A store's generation and the loads that were asked of it."""

    def __init__(self) -> None:
        self.generation = 0
        self.loads: list[str] = []
        self.values: dict[str, str] = {}
        self.during: Any = None

    def control_generation(self) -> int:
        return self.generation

    async def load(self, name: str) -> str | None:
        self.loads.append(name)
        value = self.values.get(name)
        if self.during is not None:
            self.during()
        return value


def test_a_value_is_loaded_once_while_nothing_changes() -> None:
    source = Source()
    source.values["a"] = "one"
    cache = ControlCache(source, source.load)
    assert cache.peek("a") is None
    assert run(cache.find("a")) == "one"
    assert run(cache.find("a")) == "one"
    assert cache.peek("a") == "one"
    assert source.loads == ["a"]


def test_any_control_change_empties_it() -> None:
    source = Source()
    source.values["a"] = "one"
    cache = ControlCache(source, source.load)
    run(cache.find("a"))
    source.values["a"] = "two"
    source.generation += 1
    assert cache.peek("a") is None
    assert run(cache.find("a")) == "two"


def test_a_value_read_while_a_change_happened_is_not_kept() -> None:
    source = Source()
    source.values["a"] = "one"
    cache = ControlCache(source, source.load)

    def change() -> None:
        source.generation += 1
        source.values["a"] = "two"

    source.during = change
    assert run(cache.find("a")) == "one"
    source.during = None
    assert cache.peek("a") is None
    assert run(cache.find("a")) == "two"


def test_a_slow_load_cannot_put_an_old_value_into_a_newer_cache() -> None:
    source = Source()
    source.values["a"] = "old"
    cache = ControlCache(source, source.load)

    def change() -> None:
        source.during = None
        source.generation += 1
        source.values["a"] = "new"
        assert run(cache.find("a")) == "new"

    source.during = change
    assert run(cache.find("a")) == "old"
    assert cache.peek("a") == "new"


def test_a_generation_that_never_repeats_means_no_caching() -> None:
    """During a change of control records the store answers a new number at every call."""
    source = Source()
    source.values["a"] = "one"
    numbers = iter(range(-1, -1000, -1))
    source.control_generation = lambda: next(numbers)  # type: ignore[method-assign]
    cache = ControlCache(source, source.load)
    assert run(cache.find("a")) == "one"
    assert cache.peek("a") is None
    assert run(cache.find("a")) == "one"
    assert source.loads == ["a", "a"]


def test_absence_is_not_kept_and_the_cache_is_bounded() -> None:
    source = Source()
    cache = ControlCache(source, source.load, limit=3)
    assert run(cache.find("missing")) is None
    assert run(cache.find("missing")) is None
    assert source.loads == ["missing", "missing"]
    for name in "abcdefgh":
        source.values[name] = name
        run(cache.find(name))
    assert len([name for name in "abcdefgh" if cache.peek(name)]) <= 3


def test_the_directory_knows_buckets_and_owners() -> None:
    harness = Harness()
    harness.bucket("one")
    directory = Directory(harness.store)
    found = run(directory.bucket("one"))
    assert found is not None
    assert found.owner == harness.user.account_id
    assert directory.peek_bucket("one") == found
    assert run(directory.bucket("two")) is None
    assert run(directory.owner_name(harness.user.account_id)) == "user"
    assert run(directory.owner_number(harness.user.account_id)) == harness.user.account_number
    assert run(directory.owner_name("f" * 64)) == ""
    assert run(directory.owner_number("f" * 64)) == ""
    harness.request("DELETE", "/one")
    assert directory.peek_bucket("one") is None
    assert run(directory.bucket("one")) is None


def test_the_number_of_a_buckets_owner_is_known_once_the_bucket_was_found() -> None:
    harness = Harness()
    harness.bucket()
    owner = harness.user
    for find in ("bucket", "bucket_in_any_state"):
        directory = Directory(harness.store)
        assert directory.known_number(owner.account_id) == ""
        assert run(getattr(directory, find)("bucket")) is not None
        assert directory.known_number(owner.account_id) == owner.account_number
        harness.key(f"another-{find}")  # a control change
        assert directory.known_number(owner.account_id) == owner.account_number
    assert directory.known_number("0" * 64) == ""
