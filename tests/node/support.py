"""What the tests of the node share: configurations, opened storages without threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from z4tw.config import Config, load
from z4tw.metadata.generations import Generations
from z4tw.node.directory import DataDirectory
from z4tw.node.offline import drive
from z4tw.node.offload import InlineOffload
from z4tw.node.openings import Outside, open_owned
from z4tw.node.storage import Storage
from z4tw.plugins.registry import Plugins, discover

NOW = 1_800_000_000.0


def make_config(data: Path, **settings: Any) -> Config:
    """A configuration on a data directory, any free port, other settings by their fields."""
    flags = {"data": str(data), "port": "0"}
    flags |= {name.replace("_", "-"): value for name, value in settings.items()}
    return load(flags, {}, "/")


def make_outside(reactor: Any = None, environ: Mapping[str, str] | None = None) -> Outside:
    """The outside of a process, without a disk or a database that may fail."""

    def failed(error: BaseException) -> None:
        raise AssertionError("a store failed") from error

    return Outside(
        reactor=reactor,
        now=lambda: NOW,
        random_bytes=os.urandom,
        environ=environ or {},
        on_fatal=failed,
        on_disk_error=failed,
    )


class Opened:
    """A storage opened on a data directory, in this thread; closed by ``close``."""

    def __init__(
        self,
        config: Config,
        plugins: Plugins | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.outside = make_outside(environ=environ)
        self.directory = DataDirectory.open(config, self.outside.random_bytes)
        inline = InlineOffload()
        try:
            self.storage: Storage = drive(
                open_owned(
                    self.outside,
                    config,
                    self.directory,
                    plugins or discover(),
                    commit=inline,
                    files=inline,
                    generations=Generations(),
                    batching=False,
                )
            )
        except BaseException:
            self.directory.close()
            raise

    def close(self) -> None:
        """Close store and directory."""
        drive(self.storage.store.close())
        self.directory.close()

    def __enter__(self) -> Storage:
        return self.storage

    def __exit__(self, *exc: object) -> None:
        self.close()
