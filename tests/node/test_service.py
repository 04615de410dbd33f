"""Children start in order and stop in reverse order, whatever one of them does."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from z4tw.config import ConfigError
from z4tw.errors import WrongMasterKey
from z4tw.node.failures import StoreError
from z4tw.node.service import Background, NodeService, Step


class Recorded(Service):
    """A child that notes what happens to it, and waits where it is told to."""

    def __init__(self, name: str, events: list[str], **waits: Any) -> None:
        self.setName(name)
        self._events = events
        self._waits = waits

    def startService(self) -> Any:
        super().startService()
        self._events.append(f"start {self.name}")
        return self._waits.get("start")

    def stopService(self) -> Any:
        super().stopService()
        self._events.append(f"stop {self.name}")
        return self._waits.get("stop")


class NodeServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[str] = []
        self.node = NodeService(
            end=lambda: self.events.append("end"),
            report=lambda line: self.events.append(f"report {line}"),
            started=lambda: self.events.append("started"),
            reload=lambda: None,
            hurry=lambda: None,
        )

    def child(self, name: str, **waits: Any) -> Recorded:
        child = Recorded(name, self.events, **waits)
        child.setServiceParent(self.node)
        return child

    def test_children_start_in_order_and_stop_in_reverse(self) -> None:
        for name in ("storage", "daemons", "web"):
            self.child(name)
        self.node.startService()
        self.assertEqual(self.events, ["start storage", "start daemons", "start web", "started"])
        self.events.clear()
        self.successResultOf(self.node.stopService())
        self.assertEqual(self.events, ["stop web", "stop daemons", "stop storage"])

    def test_each_waits_for_the_one_before(self) -> None:
        opening: Deferred[None] = Deferred()
        self.child("storage", start=opening)
        self.child("web")
        self.node.startService()
        self.assertEqual(self.events, ["start storage"])
        opening.callback(None)
        self.assertEqual(self.events, ["start storage", "start web", "started"])

    def test_each_stop_waits_for_the_one_after(self) -> None:
        drain: Deferred[None] = Deferred()
        self.child("storage")
        self.child("web", stop=drain)
        self.node.startService()
        self.events.clear()
        stopped = self.node.stopService()
        self.assertEqual(self.events, ["stop web"])
        self.assertNoResult(stopped)
        drain.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.events, ["stop web", "stop storage"])

    def failing(self, error: Exception) -> None:
        self.child("storage")
        self.child("daemons", start=fail(error))
        self.child("web")
        self.node.startService()

    def test_a_failure_is_reported_in_one_line_and_ends_the_process(self) -> None:
        self.failing(StoreError("the disk is gone"))
        self.assertEqual(
            self.events,
            ["start storage", "start daemons", "report the disk is gone", "end"],
        )
        self.assertEqual(self.node.exit_status, 1)

    def test_what_had_started_is_stopped_after_a_failure(self) -> None:
        self.failing(WrongMasterKey("wrong key"))
        self.events.clear()
        self.successResultOf(self.node.stopService())
        self.assertEqual(self.events, ["stop daemons", "stop storage"])

    def test_a_wrong_configuration_has_its_own_exit_status(self) -> None:
        self.failing(ConfigError("port: wrong"))
        self.assertEqual(self.node.exit_status, 2)

    def test_a_defect_is_logged_with_its_traceback(self) -> None:
        self.failing(ZeroDivisionError("division by zero"))
        self.assertIn(
            "report the node could not start: ZeroDivisionError: division by zero", self.events
        )
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_child_that_stops_badly_does_not_keep_the_others(self) -> None:
        self.child("storage")
        self.child("web", stop=fail(ZeroDivisionError()))
        self.node.startService()
        self.events.clear()
        self.successResultOf(self.node.stopService())
        self.assertEqual(self.events, ["stop web", "stop storage"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_stop_during_the_start_gives_the_start_up(self) -> None:
        self.child("storage", start=Deferred())
        self.child("web")
        self.node.startService()
        self.successResultOf(self.node.stopService())
        self.assertEqual(self.events, ["start storage", "stop storage"])
        self.assertEqual(self.node.exit_status, 0)


class StepTests(SynchronousTestCase):
    def test_the_work_is_waited_for_and_undone_at_the_stop(self) -> None:
        events: list[str] = []
        waiting: Deferred[None] = Deferred()

        async def work() -> None:
            await waiting
            events.append("done")

        step = Step("keys", work, lambda: events.append("undone"))
        starting = step.startService()
        self.assertNoResult(starting)
        waiting.callback(None)
        self.successResultOf(starting)
        step.stopService()
        self.assertEqual(events, ["done", "undone"])


class BackgroundTests(SynchronousTestCase):
    def test_children_are_made_at_the_start_and_forgotten_after_the_stop(self) -> None:
        events: list[str] = []
        ended: Deferred[None] = Deferred()
        background = Background(
            "daemons", lambda: [Recorded("reaper", events, stop=ended), Recorded("audit", events)]
        )
        self.assertEqual(list(background), [])
        background.startService()
        self.assertEqual(events, ["start reaper", "start audit"])
        stopped = background.stopService()
        self.assertNoResult(stopped)
        ended.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(list(background), [])
