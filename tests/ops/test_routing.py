"""A single node serves everything itself."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from tests.ops.harness import run
from z4tw.interfaces import IRouter, RequestHead
from z4tw.ops.routing import LocalRouter
from z4tw.s3.call import S3Call


def test_the_local_router_never_sends_a_request_away() -> None:
    router = LocalRouter()
    assert verifyObject(IRouter, router)
    assert router.alone
    head = RequestHead("GET", b"/b/k", {}, None, False, "127.0.0.1", False, 0.0, "0" * 16)
    call = S3Call("GetObject", "b", "k", {}, {}, False)
    assert run(router.route(head, call, 3)) is None
    assert run(router.route(head, call, None)) is None
