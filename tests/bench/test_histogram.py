"""Percentiles of a histogram are those of the values, to one percent, in bounded memory."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from z4tw.bench.histogram import BUCKETS, Histogram, bucket_of, sparse, value_of


@given(st.integers(0, (1 << 64) - 1))
def test_a_bucket_stands_for_its_values_to_half_a_percent(value: int) -> None:
    bucket = bucket_of(value)
    assert 0 <= bucket < BUCKETS
    assert abs(value_of(bucket) - value) <= value / 200


@given(st.integers(0, 1 << 62))
def test_buckets_are_in_the_order_of_values(value: int) -> None:
    assert bucket_of(value) <= bucket_of(value + 1) <= bucket_of(value) + 1


def test_percentiles_are_those_of_the_sorted_values() -> None:
    rng = random.Random(3)
    values = sorted(int(rng.lognormvariate(13, 2)) for _ in range(10_000))
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    shares = [50, 90, 99, 99.9, 100]
    for share, found in zip(shares, histogram.percentiles(shares), strict=True):
        exact = values[max(0, -int(-len(values) * share // 100) - 1)]
        assert abs(found - exact) <= exact / 100


def test_few_values() -> None:
    histogram = Histogram()
    assert histogram.percentiles([50, 100]) == [0, 0]
    histogram.record(7)
    assert histogram.percentiles([0, 50, 99.9, 100]) == [7, 7, 7, 7]
    histogram.record(9)
    assert histogram.percentiles([50, 51, 100]) == [7, 9, 9]


def test_a_share_of_a_round_number_is_not_rounded_up() -> None:
    histogram = Histogram()
    histogram.add({1: 999, 100: 1})
    assert histogram.percentiles([99.9, 100]) == [1, 100]


def test_histograms_add_up() -> None:
    one, two = Histogram(), Histogram()
    one.add(sparse([0, 2, 0, 1]))
    two.add({3: 5})
    one.merge(two)
    assert one.count == 8
    assert one.percentiles([25, 26]) == [1, 3]
