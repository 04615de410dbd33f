"""ACLs of buckets and objects: what they say, what they give, and what they do not."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.ops.harness import Harness, run
from z4tw.metadata.memory import MemoryStore
from z4tw.model.rebuild import decode_blob_record
from z4tw.objects.commands import SetAcl
from z4tw.ops.context import Settings
from z4tw.policy.acl import is_public


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


def test_the_expansion_of_a_copys_source_is_not_copied() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/open", headers={"x-amz-acl": "public-read"})
    harness.put("/bucket/copy", b"", headers={"x-amz-copy-source": "/bucket/open"})
    assert harness.anonymous("GET", "/bucket/copy").error == "AccessDenied"


def test_the_permission_to_set_an_acl_is_for_the_version_that_was_judged() -> None:
    """Between the judgement and the change the object becomes somebody else's."""

    class Replacing(MemoryStore):
        writer: Any = None

        async def change(self, register: Any, command: Any) -> Any:
            if isinstance(command, SetAcl) and self.writer is not None:
                writer, self.writer = self.writer, None
                writer()
            return await super().change(register, command)

    clock = Harness().clock
    store = Replacing(clock.now_ms, Random(0).randbytes)
    harness = Harness(store=store)
    harness.bucket()
    stranger = harness.key("stranger")
    run(harness.admin.bucket_allow("bucket", "stranger", write=True))
    harness.put("/bucket/key", b"theirs", key=stranger)
    public = {"x-amz-acl": "public-read"}
    store.writer = lambda: harness.put("/bucket/key", b"secret")
    answer = harness.request("PUT", "/bucket/key?acl", headers=public, key=stranger)
    assert answer.error == "AccessDenied"
    assert harness.anonymous("GET", "/bucket/key").error == "AccessDenied"
    store.writer = lambda: harness.put("/bucket/key", b"newer")
    assert harness.request("PUT", "/bucket/key?acl", headers=public).status == 200
    assert harness.anonymous("GET", "/bucket/key").body == b"newer"


def test_a_writer_by_grant_may_publish_what_it_writes_and_nothing_else() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    writer = harness.key("writer")
    run(harness.admin.bucket_allow("bucket", "writer", write=True))
    public = {"x-amz-acl": "public-read"}
    assert harness.request("PUT", "/bucket/key?acl", headers=public, key=writer).error == (
        "AccessDenied"
    )
    assert harness.anonymous("GET", "/bucket/key").error == "AccessDenied"
    harness.put("/bucket/own", headers=public, key=writer)
    assert harness.anonymous("GET", "/bucket/own").body == b"data"


def test_the_acl_is_refused_before_the_body_is_read() -> None:
    harness = Harness()
    harness.bucket()
    run(harness.admin.bucket_allow("bucket", harness.key("reader").name, read=True))
    for headers in ({"x-amz-acl": "nobody"}, {"x-amz-grant-read": "id=unknown"}):
        answer = harness.request("PUT", "/bucket/key", headers=headers, body=b"data")
        assert answer.error == "InvalidArgument"
        assert not answer.exchange.body.touched


def test_a_footer_keeps_the_acl_that_a_version_was_written_with() -> None:
    harness = Harness(settings=Settings(inline_limit_bytes=0))
    harness.bucket()
    harness.put("/bucket/open", headers={"x-amz-acl": "public-read"})
    (record,) = [decode_blob_record(blob.record) for blob in harness.blobs.blobs.values()]
    assert record.version is not None
    assert is_public(record.version.acl)
    upload = harness.request(
        "POST", "/bucket/up?uploads", headers={"x-amz-acl": "public-read"}
    ).text("UploadId")
    harness.put(f"/bucket/up?uploadId={upload}&partNumber=1")
    records = [decode_blob_record(blob.record) for blob in harness.blobs.blobs.values()]
    assert any(one.upload is not None and is_public(one.upload.acl) for one in records)


def block(harness: Harness, flag: str) -> None:
    body = f"<PublicAccessBlockConfiguration><{flag}>true</{flag}></PublicAccessBlockConfiguration>"
    answer = harness.request("PUT", "/bucket?publicAccessBlock", body=body.encode())
    assert answer.status == 200, answer


def test_a_block_refuses_public_acls() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    block(harness, "BlockPublicAcls")
    for acl in ("public-read", "public-read-write", "authenticated-read"):
        headers = {"x-amz-acl": acl}
        copy = {**headers, "x-amz-copy-source": "/bucket/key"}
        assert harness.request("PUT", "/bucket/new", headers=headers).error == "AccessDenied"
        assert harness.request("PUT", "/bucket/new", headers=copy).error == "AccessDenied"
        assert harness.request("POST", "/bucket/new?uploads", headers).error == "AccessDenied"
        assert harness.request("PUT", "/bucket/key?acl", headers=headers).error == "AccessDenied"
        assert harness.request("PUT", "/bucket?acl", headers=headers).error == "AccessDenied"
    owner = {"x-amz-acl": "bucket-owner-full-control"}
    assert harness.request("PUT", "/bucket/key?acl", headers=owner).status == 200


def test_a_block_takes_the_effect_from_public_grants() -> None:
    harness = Harness()
    harness.bucket()
    friend = harness.key("friend")
    stranger = harness.key("stranger")
    grants = {
        "x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers",'
        f'id="{friend.account_id}"'
    }
    harness.put("/bucket/key", headers=grants)
    harness.put("/bucket/open", headers={"x-amz-acl": "public-read"})
    assert harness.request("GET", "/bucket/key", key=stranger).status == 200
    block(harness, "IgnorePublicAcls")
    assert harness.request("GET", "/bucket/key", key=stranger).error == "AccessDenied"
    assert harness.anonymous("GET", "/bucket/open").error == "AccessDenied"
    assert harness.request("GET", "/bucket/key", key=friend).status == 200
    assert harness.request("DELETE", "/bucket?publicAccessBlock").status == 204
    assert harness.anonymous("GET", "/bucket/open").status == 200


def test_a_policy_may_deny_what_an_acl_grants() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/open", headers={"x-amz-acl": "public-read"})
    policy = (
        b'{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",'
        b' "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}'
    )
    assert harness.request("PUT", "/bucket?policy", body=policy).status in (200, 204)
    assert harness.anonymous("GET", "/bucket/open").error == "AccessDenied"


def test_who_may_list_is_told_that_the_source_of_a_copy_is_not_there() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/closed")
    stranger = harness.key("stranger")
    harness.bucket("own", key=stranger)

    def copy(source: str) -> str:
        headers = {"x-amz-copy-source": f"/bucket/{source}"}
        return harness.request("PUT", "/own/copy", headers=headers, key=stranger).error

    absent = f"absent?versionId={'0' * 32}"
    assert (copy("absent"), copy("closed"), copy(absent)) == ("AccessDenied",) * 3
    harness.request("PUT", "/bucket?acl", headers={"x-amz-acl": "public-read"})
    assert (copy("absent"), copy("closed")) == ("NoSuchKey", "AccessDenied")
    assert copy(absent) == "NoSuchVersion"
