"""The commands by name, as the admin socket calls them."""

from __future__ import annotations

import inspect
import json

from tests.ops.harness import Harness, run
from z4tw.ops.admin import COMMANDS


def test_every_command_is_a_coroutine_method() -> None:
    admin = Harness().admin
    for name in COMMANDS:
        assert inspect.iscoroutinefunction(getattr(admin, name)), name


def test_nothing_else_is_public() -> None:
    admin = Harness().admin
    assert {name for name in vars(admin) if not name.startswith("_")} == set(COMMANDS)


def test_answers_are_plain_json() -> None:
    harness = Harness()
    harness.bucket("one")
    answers = [
        run(harness.admin.key_list()),
        run(harness.admin.key_info("user")),
        run(harness.admin.bucket_list()),
        run(harness.admin.bucket_info("one")),
        run(harness.admin.bucket_allow("one", "admin", read=True)),
    ]
    assert json.loads(json.dumps(answers)) == answers
