"""The router of a node that serves everything itself."""

from __future__ import annotations

from zope.interface import implementer

from z4tw.interfaces.http import RequestHead
from z4tw.interfaces.seams import IRouter, Route
from z4tw.s3.call import S3Call


@implementer(IRouter)
class LocalRouter:
    """Serves every request here: the answer of a single node."""

    alone = True

    async def route(self, head: RequestHead, call: S3Call, partition: int | None) -> Route | None:
        """Always None."""
        return None
