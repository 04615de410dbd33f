"""``python -m z4tw.testing.attached FOLDER OPTIONS``: a ``z4 server`` that ends with its test run.

Standard input is a pipe that the test run holds open. However the run ends, the pipe is closed:
then the server stops, and FOLDER, which holds its data, is removed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence

STDIN = 0


def watch(fd: int, ended: Callable[[], None]) -> None:
    """Call ``ended`` when a pipe's other end is closed; whatever is written to it is ignored."""
    while os.read(fd, 1024):
        continue
    ended()


def main(arguments: Sequence[str]) -> int:
    """Serve; the exit status of ``z4 server``."""
    from z4tw.cli import main as z4

    folder, *options = arguments
    orphaned = threading.Event()

    def stop() -> None:
        orphaned.set()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, args=(STDIN, stop), daemon=True).start()
    status = z4(["server", *options])
    if orphaned.is_set():
        shutil.rmtree(folder)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
