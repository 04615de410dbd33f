"""A process that makes load: a job on standard input, lines of JSON on standard output.

It prepares, says that it is ready, waits for a line, and runs. Another line, or the end of the
input, stops it.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from typing import BinaryIO

import msgspec

from z4tw.bench.bodies import Bodies
from z4tw.bench.connection import Dialer
from z4tw.bench.job import Job, Operation
from z4tw.bench.loop import Loop
from z4tw.bench.recorder import Interval
from z4tw.bench.sources import Source, make_source
from z4tw.bench.target import BenchError
from z4tw.bench.uploads import Uploads

SPARE_DESCRIPTORS = 64


class Message(msgspec.Struct, omit_defaults=True):
    """A line to the parent: ``ready`` with the operations, an interval, the end, or an error."""

    ready: list[Operation] | None = None
    interval: Interval | None = None
    done: bool = False
    error: str = ""
    cpu_s: float = 0.0


def main(stdin: BinaryIO, stdout: BinaryIO) -> int:
    """Run one job."""

    def say(message: Message) -> None:
        stdout.write(msgspec.json.encode(message) + b"\n")
        stdout.flush()

    line = stdin.readline()
    if not line.endswith(b"\n"):
        return 1  # The parent was interrupted.
    job = msgspec.json.decode(line, type=Job)
    try:
        allow_descriptors(job.concurrency + SPARE_DESCRIPTORS)
        bodies = Bodies()
        source: Source | Uploads
        if job.workload == "multipart":
            source = Uploads(job, bodies)
        else:
            source = make_source(job, bodies, time.time())
        loop = Loop(job, Dialer(job.target), source, bodies, lambda i: say(Message(interval=i)))
    except BenchError as error:
        say(Message(error=str(error)))
        return 1
    say(Message(ready=list(source.operations)))
    if not stdin.readline():
        return 1
    # Nothing of the loop makes cycles; the prepared requests would be walked again and again.
    gc.collect()
    gc.freeze()
    gc.disable()
    before = time.process_time()
    loop.run(stdin.fileno())
    say(Message(done=True, cpu_s=time.process_time() - before))
    return 0


def allow_descriptors(needed: int) -> None:
    """Raise the limit of open files where that is too low. Raises ``BenchError``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BenchError(f"this system allows {hard} open files; --concurrency is too high")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
    except BrokenPipeError:
        sys.exit(1)
