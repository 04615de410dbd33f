"""A test server does not outlive the test run that started it, not even a killed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from z4tw.testing.attached import main, watch

STARTER = """
import json, os, signal
from z4tw.testing.server import LocalServer
server = LocalServer().start()
print(json.dumps([server.endpoint_url, str(server.data), server._process.pid]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_end_of_the_pipe_is_told_once_whatever_was_written_before() -> None:
    calls = []
    reading, writing = os.pipe()
    os.write(writing, b"something")
    os.close(writing)
    watch(reading, lambda: calls.append("ended"))
    os.close(reading)
    assert calls == ["ended"]


def test_a_wrong_option_is_told_as_z4_server_tells_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr("z4tw.testing.attached.STDIN", reading)
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path), "--no-such-option"])
    assert ended.value.code == 2
    assert "--no-such-option" in capsys.readouterr().err
    assert tmp_path.exists()
    # The watching thread goes on until the pipe ends: let it end with nothing to stop.
    monkeypatch.setattr(os, "kill", lambda pid, number: None)
    os.close(writing)


def test_the_server_of_a_killed_test_run_stops_and_removes_its_data() -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", STARTER], capture_output=True, text=True, env=environ, timeout=60
    )
    endpoint, data, pid = json.loads(done.stdout)
    descriptor = os.pidfd_open(pid) if os.path.exists(f"/proc/{pid}") else None
    if descriptor is not None:
        import select

        assert select.select([descriptor], [], [], 20)[0], "the server is still there"
        os.close(descriptor)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{endpoint}/_z4/health/live", timeout=5)
    assert not Path(data).parent.exists()
