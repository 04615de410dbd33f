"""The entry point of worker processes: ``python -m z4tw.worker NUMBER``, started by the node.

It inherits a briefing, the link to the store process, the shared generations and the listening
sockets (``z4tw.node.workers`` says as which descriptors), and ends when the link is lost.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import msgspec

from z4tw.interfaces import Steps, no_steps


def main(arguments: Sequence[str], steps: Steps = no_steps) -> int:
    """Serve until told to stop; the exit status."""
    from twisted.internet import reactor

    from z4tw.compose import build_worker
    from z4tw.node.logs import NodeLog
    from z4tw.node.running import run_service
    from z4tw.node.workers import BRIEFING_FD, Briefing

    # The terminal's interrupt and hang-up reach every process: only the store process acts.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    number = int(arguments[0])
    with os.fdopen(BRIEFING_FD, "rb") as file:
        briefing = msgspec.json.decode(file.read(), type=Briefing)
    log = NodeLog(sys.stderr, f"worker {number}", briefing.config.debug)
    log.begin()
    node = build_worker(
        number,
        briefing,
        reactor,
        environ=os.environ,
        report=lambda line: print(f"z4: worker {number}: {line}", file=sys.stderr),
        set_debug=log.set_debug,
        steps=steps,
    )
    return run_service(node, reactor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
