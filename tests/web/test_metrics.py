"""Counts, their merging over processes, and their text."""

from __future__ import annotations

import msgspec

from z4tw.web.metrics import Metrics, merge, render


def some() -> Metrics:
    metrics = Metrics()
    metrics.observe("GetObject", 200, 0.0004)
    metrics.observe("GetObject", 200, 0.003)
    metrics.observe("GetObject", 404, 100.0)
    metrics.observe("PutObject", 200, 0.005)
    metrics.bytes_received = 10
    metrics.bytes_sent = 20
    metrics.open_connections = 3
    return metrics


def test_requests_are_counted_by_operation_and_status() -> None:
    text = render(some().snapshot())
    assert 'z4_requests_total{operation="GetObject",status="200"} 2\n' in text
    assert 'z4_requests_total{operation="GetObject",status="404"} 1\n' in text
    assert 'z4_requests_total{operation="PutObject",status="200"} 1\n' in text
    assert "# TYPE z4_requests_total counter\n" in text


def test_buckets_are_cumulative_and_a_bound_belongs_to_its_bucket() -> None:
    lines = render(some().snapshot()).splitlines()
    name = "z4_request_duration_seconds"
    got = 'operation="GetObject"'
    assert f'{name}_bucket{{{got},le="0.0005"}} 1' in lines
    assert f'{name}_bucket{{{got},le="0.0025"}} 1' in lines
    assert f'{name}_bucket{{{got},le="0.005"}} 2' in lines
    assert f'{name}_bucket{{{got},le="60"}} 2' in lines
    assert f'{name}_bucket{{{got},le="+Inf"}} 3' in lines
    assert f"{name}_count{{{got}}} 3" in lines
    assert f'{name}_bucket{{operation="PutObject",le="0.005"}} 1' in lines
    assert f'{name}_bucket{{operation="PutObject",le="0.0025"}} 0' in lines
    [total] = [line for line in lines if line.startswith(f"{name}_sum{{{got}}}")]
    assert abs(float(total.split(" ")[1]) - 100.0034) < 1e-9


def test_every_line_is_of_the_format() -> None:
    for line in render(some().snapshot(), {"z4_objects": 5}).splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name.startswith("z4_")
            float(value)


def test_snapshots_survive_a_process_boundary_and_add_up() -> None:
    wire = msgspec.msgpack.encode(some().snapshot())
    other = Metrics()
    other.observe("GetObject", 200, 0.0001)
    other.observe("ListObjectsV2", 503, 1.0)
    other.open_connections = 1
    total = merge([msgspec.msgpack.decode(wire), other.snapshot()])
    text = render(total)
    assert 'z4_requests_total{operation="GetObject",status="200"} 3\n' in text
    assert 'z4_requests_total{operation="ListObjectsV2",status="503"} 1\n' in text
    assert 'duration_seconds_bucket{operation="GetObject",le="0.0005"} 2\n' in text
    assert "z4_open_connections 4\n" in text
    assert "z4_bytes_received_total 10\n" in text
    assert render(merge([total])) == text


def test_merging_changes_no_snapshot() -> None:
    first, second = some().snapshot(), some().snapshot()
    merge([first, second])
    assert first == second == some().snapshot()


def test_gauges_of_the_caller_are_appended() -> None:
    text = render(Metrics().snapshot(), {"z4_objects": 5, "z4_disk_free_bytes": 0.5})
    assert "# TYPE z4_objects gauge\nz4_objects 5\n" in text
    assert "z4_disk_free_bytes 0.5\n" in text


def test_labels_are_escaped() -> None:
    metrics = Metrics()
    metrics.observe('a"b\\c\nd', 200, 0.1)
    assert 'operation="a\\"b\\\\c\\nd"' in render(metrics.snapshot())
