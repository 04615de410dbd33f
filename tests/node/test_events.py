"""The sinks of a configuration, and the gauges of events."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.metadata.values import OWNER, put, register
from tests.ops.harness import InlineOffload, run
from z4tw.config import ConfigError, load
from z4tw.metadata.memory import MemoryStore
from z4tw.model.notices import Notice, Occurrence, Target
from z4tw.node.events import Events, make_sinks
from z4tw.node.openings import Outside
from z4tw.objects.commands import PutVersion
from z4tw.plugins.registry import discover


def outside() -> Outside:
    return Outside(
        reactor=Clock(),
        now=lambda: 10.0,
        random_bytes=Random(1).randbytes,
        environ={},
        on_fatal=lambda error: None,
        on_disk_error=lambda error: None,
    )


def config(folder: Path, text: str) -> Any:
    path = folder / "z4.toml"
    path.write_text(text)
    return load({"config": str(path), "data": str(folder)}, {}, str(folder))


def test_a_sink_is_named_by_its_section_and_made_by_its_kind(tmp_path: Path) -> None:
    text = '[plugins.events.audit]\nkind = "jsonlines"\npath = "a"\n[plugins.policy.x]\n'
    sinks = make_sinks(discover(), config(tmp_path, text), InlineOffload(), outside())
    assert list(sinks) == ["audit"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "kind is needed"),
        ('kind = "pigeon"', "no events plugin"),
        ('kind = "jsonlines"', "path"),
    ],
)
def test_a_wrong_section_is_refused(tmp_path: Path, text: str, said: str) -> None:
    wrong = config(tmp_path, f"[plugins.events.one]\n{text}\n")
    with pytest.raises(ConfigError, match=said):
        make_sinks(discover(), wrong, InlineOffload(), outside())


def test_the_gauges_say_what_waits(tmp_path: Path) -> None:
    events = Events()
    store = MemoryStore(lambda: 1, Random(1).randbytes)
    nothing = {
        "z4_outbox_events": 0, "z4_outbox_oldest_seconds": 0.0,
        "z4_events_delivered": 0, "z4_events_failed": 0, "z4_events_dropped": 0,
    }  # fmt: skip
    assert run(events.gauges(store, lambda: 3000)) == nothing
    events.open(discover(), config(tmp_path, ""), InlineOffload(), outside())
    events.daemon(store, Clock(), 10)
    about = Occurrence("s3:ObjectCreated:Put", "b", OWNER, "r", "k")
    notice = Notice(about, (Target("gone", "c"),))
    run(store.change(register(b"k"), PutVersion(put(1000).version, notice=notice)))
    waiting = {"z4_outbox_events": 1, "z4_outbox_oldest_seconds": 2.0}
    assert run(events.gauges(store, lambda: 3000)) == {**nothing, **waiting}
