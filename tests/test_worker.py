"""A worker process ends by itself when there is no store process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.node.support import Opened, make_config
from tests.processes import clean_environ
from z4tw.metadata.generations import Generations
from z4tw.node import workers as wire
from z4tw.node.sockets import listen
from z4tw.node.workers import Briefing


def test_it_ends_when_its_link_is_lost(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    opened = Opened(config)
    generations = Generations.shared()
    assert generations.fd is not None
    ours, theirs = socket.socketpair()
    with listen("127.0.0.1", 0) as listening, tempfile.TemporaryFile() as briefing, ours, theirs:
        told = Briefing(config, opened.directory.identity.node_uuid, 1, 1)
        briefing.write(msgspec.json.encode(told))
        briefing.seek(0)
        descriptors = {
            wire.LINK_FD: theirs.fileno(),
            wire.GENERATIONS_FD: generations.fd,
            wire.BRIEFING_FD: briefing.fileno(),
            wire.FIRST_SOCKET_FD: listening.fileno(),
        }
        # Through high numbers first, so that no one overwrites another.
        script = "; ".join(
            [f"dup2({fd}, {100 + wanted})" for wanted, fd in descriptors.items()]
            + [f"dup2({100 + wanted}, {wanted})" for wanted in descriptors]
        )
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"from os import dup2; {script}; "
                "import sys; from z4tw.worker import main; sys.exit(main(['0']))",
            ],
            pass_fds=list(descriptors.values()),
            stderr=subprocess.PIPE,
            env=clean_environ(),
            cwd=os.getcwd(),
        )
        theirs.close()
        ours.close()
        _, errors = process.communicate(timeout=30)
        opened.close()
    assert process.returncode == 1
    assert b"z4: worker 0: the store process is gone\n" in errors
