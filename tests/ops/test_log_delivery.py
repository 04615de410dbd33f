"""Log lines become objects of the target bucket."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import START_MS, Harness, run
from tests.ops.test_bucket_logging import OFF, ForService, document
from tests.ops.test_notifications import queue
from z4tw.errors import S3Error
from z4tw.interfaces import Effect
from z4tw.ops.authorize import Access
from z4tw.ops.context import Settings
from z4tw.ops.log_delivery import LogDelivery

DAY_MS = 86_400_000


class Delivery:
    """A harness with a source, a target, and a delivery of its own."""

    def __init__(self, more: str = "", evaluators: list[Any] | None = None) -> None:
        settings = Settings(event_sinks=("hook",), inline_limit_bytes=64)
        self.harness = Harness(settings=settings)
        self.harness.bucket()
        self.harness.bucket("logs")
        put = self.harness.request("PUT", "/bucket?logging", body=document(more=more))
        assert put.status == 200
        self.delivery = LogDelivery(
            store=self.harness.store,
            blobs=self.harness.blobs,
            access=Access(evaluators or []),
            settings=settings,
            stamp=self.harness.stamps.stamp,
            random_bytes=lambda size: bytes(range(1, size + 1)),
        )

    def deliver(self, *lines: tuple[int, bytes], name: str = "bucket") -> int:
        made: int = run(self.delivery.deliver(name, list(lines)))
        return made

    def objects(self) -> dict[str, bytes]:
        keys = self.harness.request("GET", "/logs").texts("Contents/Key")
        return {key: self.harness.request("GET", f"/logs/{key}").body for key in keys}


@pytest.mark.parametrize("size", [10, 100])
def test_lines_become_one_object_of_the_targets_owner(size: int) -> None:
    world = Delivery()
    line = b"x" * (size - 1) + b"\n"
    assert world.deliver((START_MS, line), (START_MS + 1, line)) == 1
    ((key, data),) = world.objects().items()
    assert data == 2 * line
    assert key.startswith("p/2025-10-09-08-53-20-")
    assert key.endswith("0102030405060708")
    head = world.harness.request("HEAD", f"/logs/{key}")
    assert head.headers["content-type"] == "text/plain"
    owner = world.harness.request("GET", "/logs").text("Contents/Owner/ID")
    assert owner == world.harness.user.account_id


def test_by_event_time_each_day_has_its_object() -> None:
    source = (
        "<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>EventTime"
        "</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat>"
    )
    world = Delivery(source)
    lines = ((START_MS, b"a\n"), (START_MS + DAY_MS, b"b\n"), (START_MS + 1, b"c\n"))
    assert world.deliver(*lines) == 2
    number = world.harness.user.account_number
    base = f"p/{number}/us-east-1/bucket/2025/10/"
    assert world.objects() == {
        f"{base}09/2025-10-09-00-00-00-0102030405060708": b"a\nc\n",
        f"{base}10/2025-10-10-00-00-00-0102030405060708": b"b\n",
    }


def test_deliveries_are_no_requests_and_are_not_logged_themselves() -> None:
    world = Delivery()
    world.harness.request("PUT", "/logs?logging", body=document("logs", "self/"))
    assert world.deliver((START_MS, b"a\n")) == 1
    assert list(world.objects()) == ["p/2025-10-09-08-53-20-0102030405060708"]


def test_nothing_is_delivered_for_a_bucket_without_logging() -> None:
    world = Delivery()
    world.harness.request("PUT", "/bucket?logging", body=OFF)
    assert world.deliver((START_MS, b"a\n")) == 0
    assert world.deliver((START_MS, b"a\n"), name="absent") == 0
    assert world.objects() == {}


def test_a_target_that_is_gone_is_an_error() -> None:
    world = Delivery()
    assert world.harness.request("DELETE", "/logs").status == 204
    with pytest.raises(S3Error, match="is not there"):
        world.deliver((START_MS, b"a\n"))


def test_a_target_that_became_another_accounts_gets_nothing() -> None:
    world = Delivery()
    world.harness.request("DELETE", "/logs")
    world.harness.bucket("logs", key=world.harness.admin_key)
    with pytest.raises(S3Error, match="does not permit"):
        world.deliver((START_MS, b"a\n"))


def test_a_deny_of_the_target_holds_for_the_service() -> None:
    world = Delivery(evaluators=[ForService(Effect.DENY)])
    with pytest.raises(S3Error, match="does not permit"):
        world.deliver((START_MS, b"a\n"))
    assert world.objects() == {}


def test_a_full_or_read_only_store_takes_no_log() -> None:
    world = Delivery()
    world.harness.blobs.refuse_writes()
    with pytest.raises(S3Error):
        world.deliver((START_MS, b"a\n"))
    with pytest.raises(S3Error):
        world.deliver((START_MS, b"a" * 100))


def test_log_objects_are_announced_and_versioned_as_all_others() -> None:
    world = Delivery()
    body = f"<NotificationConfiguration>{queue()}</NotificationConfiguration>".encode()
    world.harness.request("PUT", "/logs?notification", body=body)
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    world.harness.request("PUT", "/logs?versioning", body=enabled)
    world.deliver((START_MS, b"a\n"))
    (_, (_, event)) = run(world.harness.store.outbox("hook", 10))
    assert event.occurrence.principal == "logging.s3.amazonaws.com"
    assert event.version_id not in ("", "null")
