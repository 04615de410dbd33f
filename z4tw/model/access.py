"""Access control lists as they are stored: who was granted what (L0)."""

from __future__ import annotations

import msgspec


class AclGrant(msgspec.Struct, frozen=True, array_like=True):
    """One grant. ``grantee`` is a canonical account id or the URI of a group, ``permission`` READ,
    WRITE, READ_ACP, WRITE_ACP or FULL_CONTROL."""

    grantee: str
    permission: str


class Acl(msgspec.Struct, frozen=True, array_like=True):
    """The grants of a bucket or a version, in the order in which they were given. A record
    without one is private: its owner has FULL_CONTROL and nobody else anything."""

    grants: tuple[AclGrant, ...]
