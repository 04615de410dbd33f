"""ACLs of buckets and objects: what they say, what they give, and what they do not."""

from __future__ import annotations

from tests.ops.harness import Harness


def test_public_read_is_read_by_all_and_written_by_none() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/open", headers={"x-amz-acl": "public-read"})
    harness.put("/bucket/closed")
    stranger = harness.key("stranger")
    assert harness.anonymous("GET", "/bucket/open").body == b"data"
    assert harness.request("GET", "/bucket/open", key=stranger).body == b"data"
    for target in ("/bucket/closed", "/bucket/absent", "/bucket"):
        assert harness.anonymous("GET", target).error == "AccessDenied", target
        assert harness.request("GET", target, key=stranger).error == "AccessDenied", target
    assert harness.anonymous("PUT", "/bucket/open", body=b"x").error == "AccessDenied"
    assert harness.anonymous("DELETE", "/bucket/open").error == "AccessDenied"
    assert harness.anonymous("GET", "/bucket/open?acl").error == "AccessDenied"
