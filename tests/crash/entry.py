"""A server whose processes kill themselves at a named step, for the crash tests.

Usage: python -m tests.crash.entry server OPTIONS... (its workers: ... worker NUMBER)

``Z4_TEST_CRASH`` is JSON: ``role`` (store or worker), ``step`` (as ``z4tw.interfaces.Steps``
names it), ``hit`` (die when the step is passed for the n-th time in one process), ``group`` (kill
the whole process group, else only the process), ``hits`` (a file to which a line is appended when
it dies), ``armed`` (a file: steps count only while it exists).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable


def crash_points(role: str) -> Callable[[str], None]:
    """The ``steps`` of a process of that role: counts, and kills when the time has come."""
    plan = json.loads(os.environ.get("Z4_TEST_CRASH", "{}"))
    if plan.get("role") != role:
        return lambda step: None
    left = [int(plan["hit"])]
    lock = threading.Lock()

    def pass_step(step: str) -> None:
        if step != plan["step"] or not os.path.exists(plan["armed"]):
            return
        with lock:
            left[0] -= 1
            if left[0] != 0:
                return
            with open(plan["hits"], "a", encoding="ascii") as hits:
                hits.write(f"{role} {step} {'group' if plan['group'] else 'process'}\n")
            if plan["group"]:
                os.killpg(os.getpgrp(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    return pass_step


def run(arguments: list[str]) -> int:
    """``z4 server`` with crash points, in this process and in its workers."""
    from z4tw.cli.server import serve
    from z4tw.config import load

    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    flags = {name.removeprefix("--"): value for name, value in pairs}
    return serve(
        lambda: load(dict(flags), os.environ, os.getcwd()),
        lambda started: None,
        steps=crash_points("store"),
        command=(sys.executable, "-m", "tests.crash.entry", "worker"),
    )


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        from z4tw.worker import main

        sys.exit(main(sys.argv[2:], crash_points("worker")))
    sys.exit(run(sys.argv[2:]))
