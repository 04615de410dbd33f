"""Requests are prepared in bounded number, each with its own signature, and renewed in time."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from typing import Any

import pytest

from tests.bench.support import make_job
from z4tw.bench import sources
from z4tw.bench.bodies import Bodies
from z4tw.bench.sources import make_source
from z4tw.sigv4.dates import parse_amz_date

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PREPARED", 1000)
    monkeypatch.setattr(sources, "LATER", 7)


def taken(source: sources.Source, now: float = NOW) -> list[tuple[bytes, int]]:
    batch = source.batch(now)
    return [] if batch is None else list(batch)


def dates(requests: list[tuple[bytes, int]]) -> list[int]:
    found = [re.search(rb"x-amz-date: (\S+)", head) for head, _ in requests]
    parsed = [parse_amz_date(match[1].decode()) for match in found if match]
    return [date for date in parsed if date is not None]


def make(**changes: Any) -> sources.Source:
    return make_source(make_job(**changes), Bodies(), NOW)


@pytest.mark.parametrize("workload", ["get", "head", "put", "list", "mixed"])
@pytest.mark.parametrize("objects", [1, 10, 5000])
def test_no_two_signatures_are_alike(workload: str, objects: int) -> None:
    requests = taken(make(workload=workload, objects=objects))
    signatures = {head.rpartition(b"Signature=")[2] for head, _ in requests}
    assert len(signatures) == len(requests)
    assert 0 < len(requests) <= max(sources.PREPARED, sources.LISTS)
    assert all(NOW - sources.MAX_ROUNDS <= date <= NOW for date in dates(requests))


def test_they_come_again_and_again() -> None:
    source = make()
    assert taken(source) == taken(source)


@pytest.mark.parametrize("objects", [10, 300])
def test_the_mix(objects: int) -> None:
    source = make(workload="mixed", objects=objects)
    counts = Counter(source.operations[kind].name for _, kind in taken(source))
    share = {name: count / sum(counts.values()) for name, count in counts.items()}
    assert abs(share["GetObject"] - 0.7) < 0.15
    assert abs(share["PutObject"] - 0.2) < 0.15


def test_all_objects_are_read_alike() -> None:
    paths = Counter(head.split(b" ")[1] for head, _ in taken(make(objects=50)))
    assert len(paths) == 50
    assert len(set(paths.values())) == 1


@pytest.mark.parametrize("workload", ["fill", "delete"])
def test_each_object_is_filled_and_deleted_once_by_one_process(workload: str) -> None:
    paths: list[bytes] = []
    for index in range(3):
        source = make(workload=workload, objects=3100, index=index, processes=3, keys="delete")
        while requests := taken(source):
            paths += [head.split(b" ")[1] for head, _ in requests]
    assert len(paths) == len(set(paths)) == 3100
    assert all(b"/delete/" in path for path in paths)


def test_processes_that_put_have_keys_of_their_own() -> None:
    sets = []
    for index in range(2):
        requests = taken(make(workload="put", index=index, processes=2))
        sets.append({head.split(b" ")[1] for head, _ in requests})
    assert len(sets[0]) == len(sets[1]) == 5
    assert not sets[0] & sets[1]


def test_old_requests_are_renewed_before_they_expire() -> None:
    source = make()
    count = len(taken(source))
    later = 0.0
    for later in range(0, 1200, 5):
        source.renew(NOW + later)
        if later % 100 == 0:
            requests = taken(source, NOW + later)
            assert len(requests) == count
            assert min(dates(requests)) > NOW + later - 600
    assert min(dates(taken(source))) > NOW + 600


def test_a_renewed_request_is_for_the_same_object() -> None:
    source = make()
    before = [(head.split(b" ")[1], kind) for head, kind in taken(source)]
    for later in range(240, 400):
        source.renew(NOW + later)
    assert [(head.split(b" ")[1], kind) for head, kind in taken(source)] == before


def test_a_page_begins_at_a_random_object() -> None:
    source = make(workload="list", objects=1000)
    queries = {head.split(b" ")[1] for head, _ in islice(source.batch(NOW) or (), 100)}
    assert len(queries) > 50
    assert all(b"list-type=2&prefix=z4-bench-1%2Fobjects%2F&start-after=" in q for q in queries)
