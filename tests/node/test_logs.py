"""The node's log: whose line, which level, nothing that steers a terminal."""

from __future__ import annotations

import io

from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from z4tw.node.logs import NodeLog, format_event


class NodeLogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stream = io.StringIO()
        self.log = NodeLog(self.stream, "worker 1", debug=False)
        self.publisher = LogPublisher(self.log.observer)

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    def test_a_line_says_when_whose_and_what(self) -> None:
        event = {
            "log_time": 1_800_000_000.25,
            "log_level": LogLevel.warn,
            "log_format": "{count} left",
            "count": 3,
        }
        self.assertEqual(format_event(event, "z4"), "2027-01-15T08:00:00.250Z z4 warn: 3 left\n")

    def test_debug_lines_come_only_when_asked_for(self) -> None:
        logger = Logger("z4tw.test", observer=self.publisher)
        logger.debug("hidden")
        logger.info("shown")
        self.log.set_debug(True)
        logger.debug("debugged")
        self.log.set_debug(False)
        logger.debug("hidden again")
        texts = [line.split(": ", 1)[1] for line in self.lines()]
        self.assertEqual(texts, ["shown", "debugged"])
        self.assertIn(" worker 1 info: ", self.lines()[0])

    def test_twisteds_chatter_is_left_out_and_its_warnings_are_not(self) -> None:
        logger = Logger("twisted.internet.tcp", observer=self.publisher)
        logger.info("Port starting on 80")
        logger.warn("something is wrong")
        self.assertEqual(len(self.lines()), 1)

    def test_a_traceback_follows_indented(self) -> None:
        logger = Logger("z4tw.test", observer=self.publisher)
        try:
            raise ValueError("broken")
        except ValueError:
            logger.failure("it failed")
        self.assertTrue(self.lines()[0].endswith("critical: it failed"))
        self.assertTrue(all(line.startswith("  ") for line in self.lines()[1:]))
        self.assertIn("ValueError: broken", self.lines()[-1])

    def test_control_characters_are_escaped(self) -> None:
        Logger("z4tw.test", observer=self.publisher).info("key {key}", key="a\x1b[2J\rb")
        self.assertTrue(self.lines()[0].endswith("key a\\x1b[2J\\rb"))
