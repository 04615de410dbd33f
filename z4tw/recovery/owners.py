"""Which objects a damaged or missing body belongs to: for the person who has to upload it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from z4tw.model.annotations import Annotation
from z4tw.model.objects import BodyKind
from z4tw.model.registers import Kind
from z4tw.model.uploads import Part
from z4tw.objects import records
from z4tw.recovery.registers import Registers
from z4tw.recovery.scratch import Scratch

MOST = 10
"""Objects named for one body."""


def find_owners(
    scratch: Scratch, registers: Registers, ids: Iterable[bytes]
) -> dict[bytes, list[str]]:
    """Up to ``MOST`` versions or parts for each body id, as text; walks all registers once more.
    Raises ``apsw.Error``."""
    wanted: dict[bytes, list[bytes]] = {id: [id] for id in ids if id}
    found: dict[bytes, list[str]] = {id: [] for id in wanted}
    if not wanted:
        return found
    for manifest_id, data in scratch.rows("SELECT id, data FROM main.manifests"):
        try:
            parts = records.decode_manifest(data).parts
        except ValueError:
            continue
        # The body of a part stands for the part list's own: objects name only that.
        within = {part.body.id for part in parts if part.body.id in found}
        if within:
            wanted[manifest_id] = sorted(within | ({manifest_id} & found.keys()))
    for text, id in _references(scratch, registers):
        for bad in wanted.get(id, ()):
            if len(found[bad]) < MOST and text not in found[bad]:
                found[bad].append(text)
    return found


def _references(scratch: Scratch, registers: Registers) -> Iterator[tuple[str, bytes]]:
    for kind, incarnation, key, data in scratch.rows(
        "SELECT kind, inc, key, value FROM main.heads WHERE kind IN (5, 7, 9)"
    ):
        try:
            value = records.decode(kind, data)
        except ValueError:
            continue
        if kind in (Kind.PART, Kind.ANNOTATION):
            named: Part | Annotation = value
            yield registers.where(kind, incarnation, key), named.body.id
            continue
        versions = list(value.versions)
        for page in value.pages:
            page_data = scratch.value("SELECT data FROM main.pages WHERE id = ?", (page.id,))
            if page_data is not None:
                try:
                    versions.extend(records.decode_page(page_data))
                except ValueError:
                    continue
        for version in versions:
            if version.body.kind != BodyKind.EMPTY:
                where = registers.where(kind, incarnation, key)
                yield f"{where} ({version.version_id})", version.body.id
