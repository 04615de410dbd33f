"""A view over a dictionary of pages, which applies changes as a store would."""

from __future__ import annotations

from typing import Any

from z4tw.model.annotations import Annotation
from z4tw.model.objects import Version
from z4tw.model.registers import BucketUsage, Change
from z4tw.model.uploads import Upload
from z4tw.objects import apply
from z4tw.objects.commands import Command


class PageView:
    """Pages in a dictionary, ids from a counter, and one register's value."""

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.value: Any = None
        self.guard: Upload | None = None
        self.pages: dict[bytes, tuple[Version, ...]] = {}
        self.references: dict[bytes, int] = {}
        self.inline: dict[bytes, bytes] = {}
        self.usage = BucketUsage()
        self.annotations: dict[tuple[bytes, str], Annotation] = {}
        self._ids = 0

    def load_page(self, id: bytes) -> tuple[Version, ...]:
        return self.pages[id]

    def load_annotation(self, version: bytes, name: str) -> Annotation | None:
        return self.annotations.get((version, name))

    def new_id(self) -> bytes:
        self._ids += 1
        return self._ids.to_bytes(16, "big")

    def held(self) -> BucketUsage:
        return self.usage

    def change(self, command: Command) -> Change:
        """Apply a command and carry out its effects."""
        change = apply(self.kind, self.value, command, self)
        if not change.write:
            assert change.value is self.value
            return change
        self.value = change.value
        self.usage = BucketUsage(
            self.usage.bytes + change.added_bytes, self.usage.objects + change.added_objects
        )
        self.pages.update(change.pages)
        for id in change.drop_pages:
            del self.pages[id]
        for body in change.acquire:
            self.references[body.id] = self.references.get(body.id, 0) + 1
        for body in change.release:
            self.references[body.id] -= 1
        if change.inline is not None:
            self.inline[change.inline[0]] = change.inline[1]
        for id in change.drop_inline:
            del self.inline[id]
        self.inline.update(change.more_inline)
        for at in [at for at in self.annotations if at[0] in change.clear_annotations]:
            body = self.annotations.pop(at).body
            self.references[body.id] = self.references.get(body.id, 0) - 1
            self.inline.pop(body.id, None)
        for version, name, annotation in change.annotations:
            self.annotations.pop((version, name), None)
            if annotation is not None:
                self.annotations[version, name] = annotation
        return change
