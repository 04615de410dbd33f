"""A test server does not outlive the test run that started it, not even a killed one."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from z4tw.testing.attached import watch

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


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits by pidfd_open")
def test_the_server_of_a_killed_test_run_stops_and_removes_its_data() -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", STARTER], capture_output=True, text=True, env=environ, timeout=60
    )
    endpoint, data, pid = json.loads(done.stdout)
    descriptor = os.pidfd_open(pid) if os.path.exists(f"/proc/{pid}") else None
    if descriptor is not None:
        assert select.select([descriptor], [], [], 20)[0], "the server is still there"
        os.close(descriptor)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{endpoint}/_z4/health/live", timeout=5)
    assert not Path(data).parent.exists()
