"""The sink that appends to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from tests.ops.harness import InlineOffload, run
from z4tw.interfaces import IEventSink, IPluginFactory
from z4tw.plugins.jsonlines import jsonlines
from z4tw.plugins.registry import Ports


def ports(directory: Path) -> Ports:
    return Ports(None, str(directory), {}, InlineOffload())


def test_it_is_an_events_plugin(tmp_path: Path) -> None:
    assert verifyObject(IPluginFactory, jsonlines)
    assert (jsonlines.kind, jsonlines.name) == ("events", "jsonlines")
    assert verifyObject(IEventSink, jsonlines.make({"path": "e.jsonl"}, ports(tmp_path)))


def test_each_message_is_a_line_of_ascii(tmp_path: Path) -> None:
    sink = jsonlines.make({"path": "e.jsonl"}, ports(tmp_path))
    path = tmp_path / "e.jsonl"
    run(sink.deliver([{"a": "ü\n"}, {"b": 2}]))
    run(sink.deliver([{"c": "\ud800"}]))
    lines = path.read_bytes().decode("ascii").splitlines()
    assert [json.loads(line) for line in lines] == [{"a": "ü\n"}, {"b": 2}, {"c": "\ud800"}]
    assert path.stat().st_mode & 0o137 == 0


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    sink = jsonlines.make({"path": str(tmp_path / "e.jsonl")}, ports(tmp_path))
    run(sink.deliver([{"a": 1}]))
    os.rename(tmp_path / "e.jsonl", tmp_path / "old")
    run(sink.deliver([{"a": 2}]))
    assert (tmp_path / "old").read_text() == '{"a":1}\n'
    assert (tmp_path / "e.jsonl").read_text() == '{"a":2}\n'


def test_each_batch_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), real(fd)))
    sink = jsonlines.make({"path": "e.jsonl"}, ports(tmp_path))
    run(sink.deliver([{"a": 1}]))
    assert len(synced) == 2  # the file, and the directory of a new one
    run(sink.deliver([{"a": 1}, {"a": 2}]))
    assert len(synced) == 3


def test_a_failure_is_the_deliverers(tmp_path: Path) -> None:
    sink = jsonlines.make({"path": "e.jsonl"}, ports(tmp_path))
    (tmp_path / "e.jsonl").mkdir()
    with pytest.raises(OSError, match="directory"):
        run(sink.deliver([{"a": 1}]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "path is needed"),
        ({"path": "a", "speed": "1"}, "no option 'speed'"),
        ({"path": "absent/e.jsonl"}, "no directory"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        jsonlines.make(options, ports(tmp_path))
