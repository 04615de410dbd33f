"""The offloads for tests."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from z4tw.interfaces import IOffload
from z4tw.testing.offload import HeldOffload, InlineOffload


class OffloadTests(SynchronousTestCase):
    """Without threads."""

    def test_they_provide_the_interface(self) -> None:
        verifyObject(IOffload, InlineOffload())
        verifyObject(IOffload, HeldOffload())

    def test_inline_work_is_done_at_once(self) -> None:
        offload = InlineOffload()
        assert self.successResultOf(offload.run(divmod, 7, 3)) == (2, 1)
        self.failureResultOf(offload.run(divmod, 7, 0), ZeroDivisionError)
        assert offload.count == 2

    def test_held_work_waits_for_the_test(self) -> None:
        offload = HeldOffload()
        first, second = offload.run(divmod, 7, 3), offload.run(divmod, 7, 0)
        assert offload.waiting == 2
        offload.step(1)
        self.failureResultOf(second, ZeroDivisionError)
        self.assertNoResult(first)
        third: list[object] = []
        first.addCallback(lambda _: offload.run(third.append, 1))
        offload.run_all()
        assert third == [1]
        assert offload.waiting == 0
