"""An interval holds what happened since the one before, and passes as JSON."""

from __future__ import annotations

import msgspec

from z4tw.bench.histogram import bucket_of
from z4tw.bench.recorder import Counted, Interval, Recorder


def test_an_interval_is_taken_once() -> None:
    recorder = Recorder(2)
    lists = [id(counts) for counts in recorder.counts]
    recorder.record(1, 5000, 100)
    recorder.record(1, 5000, 100)
    recorder.errors["SlowDown"] += 1
    recorder.reconnects += 2
    taken = recorder.take(1.5, 0.25)
    assert taken == Interval(
        1.5, [Counted({}), Counted({bucket_of(5000): 2}, 200)], {"SlowDown": 1}, 2, 0.25
    )
    assert recorder.take(2.0) == Interval(2.0, [Counted({}), Counted({})])
    assert [id(counts) for counts in recorder.counts] == lists


def test_an_interval_survives_its_way() -> None:
    recorder = Recorder(1)
    recorder.record(0, 1 << 40, 1)
    taken = recorder.take(1.0)
    assert msgspec.json.decode(msgspec.json.encode(taken), type=Interval) == taken
