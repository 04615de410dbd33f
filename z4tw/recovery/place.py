"""Where things lie in a data directory, for what works on one from outside a running node."""

from __future__ import annotations

import calendar
import os
import re
import time

DATABASE = "meta.db"
META = "_z4meta"
BACKUP_FILE = "backup.json"
"""In a backup's root; written last, so that a directory without it is no backup."""
_SNAPSHOT = re.compile(r"meta-(\d{8}T\d{6})(\d{3})Z\.db")


class Place:
    """The paths of a data directory."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.meta = os.path.join(self.root, META)
        self.database = os.path.join(self.meta, DATABASE)
        self.format_file = os.path.join(self.meta, "format.json")
        self.keyring_file = os.path.join(self.meta, "keyring.json")
        self.quarantine = os.path.join(self.meta, "quarantine")
        self.backup_file = os.path.join(self.root, BACKUP_FILE)

    def inside(self, path: str) -> str:
        """The absolute path of a blob's relative one."""
        return os.path.join(self.root, path)

    def snapshots(self) -> list[tuple[int, str]]:
        """(Unix milliseconds, path) of the periodic snapshots of the database, newest first."""
        directory = os.path.join(self.meta, "snapshots")
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            return []
        found = [
            (_time_of(match), os.path.join(directory, match.group()))
            for match in map(_SNAPSHOT.fullmatch, names)
            if match is not None
        ]
        return sorted(found, reverse=True)


def _time_of(match: re.Match[str]) -> int:
    """The Unix milliseconds in a snapshot's name, 0 for a name that holds no time."""
    try:
        moment = time.strptime(match.group(1), "%Y%m%dT%H%M%S")
    except ValueError:
        return 0
    return calendar.timegm(moment) * 1000 + int(match.group(2))


def stamp_name(now_ms: int) -> str:
    """A time in UTC as part of a file's name."""
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ms / 1000))
    return f"{moment}{now_ms % 1000:03d}Z"
