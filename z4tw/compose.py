"""The composition root: builds a node's services from concrete classes, by constructor argument.

Roles: ``single`` (everything in one process), ``store`` (the parent of worker processes) and
worker. Nothing is opened before the services start.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.logger import Logger

from z4tw.config import Config
from z4tw.interfaces import IDisk, Steps, no_steps
from z4tw.node.openings import Outside
from z4tw.node.owner import Owner
from z4tw.node.service import NodeService
from z4tw.node.started import Started
from z4tw.node.workers import Briefing

log = Logger()
_CPU_MAX = "/sys/fs/cgroup/cpu.max"
DATABASE_FAILED = 70
"""The exit status of a process whose database failed (EX_SOFTWARE of sysexits.h)."""


def worker_command() -> tuple[str, ...]:
    """How the node starts its workers."""
    return (sys.executable, "-P", "-m", "z4tw.worker")


def build_node(
    config: Config,
    reactor: Any,
    *,
    environ: Mapping[str, str],
    load_config: Callable[[], Config],
    announce: Callable[[Started], None],
    report: Callable[[str], None],
    set_debug: Callable[[bool], None] = lambda debug: None,
    dev: bool = False,
    disk: IDisk | None = None,
    steps: Steps = no_steps,
    command: Sequence[str] | None = None,
) -> NodeService:
    """The service of a node: in one process, or with as many workers as the configuration says.

    ``load_config`` reads the configuration again (SIGHUP). ``announce`` is told when the node
    serves, ``report`` why it cannot. ``dev`` makes the key and bucket of ``z4 dev``. ``disk`` and
    ``steps`` are for tests, ``command`` replaces the worker's program there.
    """
    outside = _outside(reactor, environ, disk, steps)
    owner = Owner(
        config,
        outside,
        load_config=load_config,
        announce=announce,
        report=report,
        set_debug=set_debug,
        dev=dev,
        workers=config.worker_count(_cpus()),
        command=worker_command() if command is None else tuple(command),
    )
    return owner.node


def build_worker(
    number: int,
    briefing: Briefing,
    reactor: Any,
    *,
    environ: Mapping[str, str],
    report: Callable[[str], None],
    set_debug: Callable[[bool], None],
    steps: Steps = no_steps,
) -> NodeService:
    """The service of a worker process, whose parent tells it the rest."""
    from z4tw.node.working import Worker  # the web, of which the store process needs nothing

    outside = _outside(reactor, environ, None, steps)
    return Worker(number, briefing, outside, report=report, set_debug=set_debug).node


def _cpus() -> int:
    """The CPUs that this process may use: by its affinity, and by its control group's quota."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return min(count, quota_cpus(_CPU_MAX) or count)


def quota_cpus(path: str) -> int | None:
    """The whole CPUs of a control group's ``cpu.max`` file (quota and period in microseconds), at
    least 1; None without a quota.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    """
    try:
        with open(path, encoding="ascii") as file:
            quota, period = file.read().split()
        return None if quota == "max" else max(1, round(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return None  # no control groups here, or of another version


def _outside(reactor: Any, environ: Mapping[str, str], disk: IDisk | None, steps: Steps) -> Outside:
    return Outside(
        reactor=reactor,
        now=time.time,
        random_bytes=os.urandom,
        environ=dict(environ),
        on_fatal=_database_failed,
        on_disk_error=_disk_failed,
        disk=disk,
        steps=steps,
    )


def _database_failed(error: BaseException) -> None:
    """Nobody knows any more what is stored: end at once, without answering what is in work."""
    log.critical("the database failed ({error}): the process ends", error=str(error))
    sys.stderr.flush()
    os._exit(DATABASE_FAILED)


def _disk_failed(error: OSError) -> None:
    log.critical("the disk failed ({error}): the store is read-only from now on", error=str(error))
