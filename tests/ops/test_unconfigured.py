"""What a bucket answers that never has what is asked for."""

from __future__ import annotations

import pytest

from tests.ops.harness import Harness
from z4tw.ops.unconfigured import OPERATIONS

KINDS = ("analytics", "intelligent-tiering", "inventory", "metrics")


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.bucket()
    return harness


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_listed_and_nothing_found(harness: Harness, kind: str) -> None:
    answer = harness.request("GET", f"/bucket?{kind}")
    assert (answer.status, answer.texts("*")) == (200, ["false"])
    assert answer.text("IsTruncated") == "false"
    answer = harness.request("GET", f"/bucket?{kind}&id=x")
    assert (answer.status, answer.error) == (404, "NoSuchConfiguration")
    for method in ("PUT", "DELETE"):
        answer = harness.request(method, f"/bucket?{kind}&id=x")
        assert (answer.status, answer.error) == (501, "NotImplemented")


def test_single_settings_are_those_of_a_new_bucket(harness: Harness) -> None:
    answer = harness.request("GET", "/bucket?accelerate")
    assert (answer.status, answer.xml.tag, list(answer.xml)) == (200, "AccelerateConfiguration", [])
    assert harness.request("GET", "/bucket?requestPayment").text("Payer") == "BucketOwner"
    answer = harness.request("GET", "/bucket?replication")
    assert (answer.status, answer.error) == (404, "ReplicationConfigurationNotFoundError")
    for what in ("accelerate", "requestPayment", "replication"):
        assert harness.request("PUT", f"/bucket?{what}").error == "NotImplemented"


def test_strangers_learn_nothing(harness: Harness) -> None:
    stranger = harness.key("stranger")
    names = [f"{kind}{more}" for kind in KINDS for more in ("", "&id=x")]
    for name in (*names, "accelerate", "requestPayment", "replication"):
        assert harness.request("GET", f"/bucket?{name}", key=stranger).error == "AccessDenied"
    assert len(OPERATIONS) == len(names) + 3
