"""ACLs with boto3: anonymous clients, a second account, canned ACLs, grants and documents."""

from __future__ import annotations

import http.client
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import code_of
from tests.processes import Key, ServerProcess, boto3_client

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture(scope="session")
def unsigned(server: ServerProcess, alice: Key) -> Any:
    return boto3_client(server, alice, signature_version=botocore.UNSIGNED)


@pytest.fixture(scope="session")
def other(server: ServerProcess, bob: Key) -> Any:
    return boto3_client(server, bob)


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return code_of(error)


def test_a_public_object_is_read_without_a_signature(
    server: ServerProcess, s3: Any, unsigned: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="open", Body=b"hello", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"secret")
    assert unsigned.get_object(Bucket=bucket, Key="open")["Body"].read() == b"hello"
    assert unsigned.head_object(Bucket=bucket, Key="open")["ContentLength"] == 5
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", f"/{bucket}/open")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"hello")
    connection.close()
    denied = ("AccessDenied", 403)
    assert refused(unsigned.get_object, Bucket=bucket, Key="closed") == denied
    assert refused(unsigned.get_object, Bucket=bucket, Key="absent") == denied
    assert refused(unsigned.list_objects_v2, Bucket=bucket) == denied
    assert refused(unsigned.put_object, Bucket=bucket, Key="open", Body=b"x") == denied
    assert refused(unsigned.get_object_acl, Bucket=bucket, Key="open") == denied


def test_who_may_list_is_told_what_is_not_there(
    s3: Any, unsigned: Any, other: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="closed", Body=b"secret")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    for client in (unsigned, other):
        assert [o["Key"] for o in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["closed"]
        assert refused(client.get_object, Bucket=bucket, Key="absent") == ("NoSuchKey", 404)
        assert refused(client.head_object, Bucket=bucket, Key="absent") == ("404", 404)
        assert refused(client.get_object, Bucket=bucket, Key="closed") == ("AccessDenied", 403)
        assert refused(client.put_object, Bucket=bucket, Key="new") == ("AccessDenied", 403)
        assert refused(client.delete_bucket, Bucket=bucket) == ("AccessDenied", 403)
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    assert refused(unsigned.get_object, Bucket=bucket, Key="absent") == ("AccessDenied", 403)
    assert refused(unsigned.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)


def test_authenticated_read_takes_a_signature(
    s3: Any, unsigned: Any, other: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="authenticated-read")
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(unsigned.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)


def test_a_public_read_write_bucket_is_written_by_all(
    s3: Any, unsigned: Any, other: Any, bucket: str
) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    unsigned.put_object(Bucket=bucket, Key="anonymous", Body=b"a")
    other.put_object(Bucket=bucket, Key="bob", Body=b"b")
    assert refused(unsigned.get_object, Bucket=bucket, Key="bob") == ("AccessDenied", 403)
    assert refused(unsigned.get_object, Bucket=bucket, Key="anonymous") == ("AccessDenied", 403)
    assert other.get_object(Bucket=bucket, Key="bob")["Body"].read() == b"b"
    assert other.get_object_acl(Bucket=bucket, Key="bob")["Owner"]["DisplayName"] == "bob"
    public = {"Bucket": bucket, "Key": "x", "ACL": "public-read"}
    assert refused(unsigned.put_object, **public) == ("AccessDenied", 403)
    other.put_object(Bucket=bucket, Key="x", Body=b"x", ACL="public-read")
    assert unsigned.get_object(Bucket=bucket, Key="x")["Body"].read() == b"x"
    unsigned.delete_object(Bucket=bucket, Key="bob")
    assert refused(s3.head_object, Bucket=bucket, Key="bob") == ("404", 404)


def test_an_acl_goes_out_as_it_came_in(s3: Any, other: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    mine = s3.get_object_acl(Bucket=bucket, Key="k")
    owner = mine["Owner"]
    assert mine["Grants"] == [
        {"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    ]
    bob = other.list_buckets()["Owner"]
    grants = [
        *mine["Grants"],
        {"Grantee": {**bob, "Type": "CanonicalUser"}, "Permission": "READ"},
        {"Grantee": {"URI": ALL_USERS, "Type": "Group"}, "Permission": "READ_ACP"},
    ]
    policy = {"Owner": owner, "Grants": grants}
    assert refused(other.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=policy)
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    seen = other.get_object_acl(Bucket=bucket, Key="k")
    assert (seen["Owner"], seen["Grants"]) == (owner, grants)
    arguments = {"Bucket": bucket, "Key": "k", "AccessControlPolicy": policy}
    assert refused(other.put_object_acl, **arguments) == ("AccessDenied", 403)
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"] == grants
    assert other.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_an_acl_belongs_to_one_version(s3: Any, unsigned: Any, versioned: str) -> None:
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="k", Body=b"2")["VersionId"]
    s3.put_object_acl(Bucket=versioned, Key="k", VersionId=first, ACL="public-read")
    place = {"Bucket": versioned, "Key": "k"}
    assert unsigned.get_object(**place, VersionId=first)["Body"].read() == b"1"
    assert refused(unsigned.get_object, **place, VersionId=second) == ("AccessDenied", 403)
    assert refused(unsigned.get_object, **place) == ("AccessDenied", 403)
    assert len(s3.get_object_acl(**place, VersionId=first)["Grants"]) == 2
    assert len(s3.get_object_acl(**place)["Grants"]) == 1


def test_a_copy_is_private_unless_it_says_so(s3: Any, unsigned: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="open", Body=b"x", ACL="public-read")
    source = {"Bucket": bucket, "Key": "open"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    assert refused(unsigned.get_object, Bucket=bucket, Key="copy") == ("AccessDenied", 403)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, ACL="public-read")
    assert unsigned.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"x"


def test_a_second_account_copies_what_it_may_read(
    server: ServerProcess, s3: Any, other: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="open", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"x")
    s3.put_bucket_acl(Bucket=bucket, GrantWrite=f"id={other.list_buckets()['Owner']['ID']}")
    place = {"Bucket": bucket, "Key": "copy"}
    other.copy_object(**place, CopySource={"Bucket": bucket, "Key": "open"})
    closed = {"Bucket": bucket, "Key": "closed"}
    assert refused(other.copy_object, **place, CopySource=closed) == ("AccessDenied", 403)


def test_a_multipart_object_gets_the_acl_of_its_upload(s3: Any, unsigned: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**place, ACL="public-read")["UploadId"]
    part = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)
    assert unsigned.get_object(**place)["Body"].read() == b"part"


def test_ownership_decides_who_owns_what_others_write(s3: Any, other: Any, bucket: str) -> None:
    bob = other.list_buckets()["Owner"]["ID"]
    alice = s3.list_buckets()["Owner"]["ID"]
    full = {"ACL": "bucket-owner-full-control"}
    s3.create_bucket(
        Bucket=f"{bucket}-p", ObjectOwnership="BucketOwnerPreferred", GrantWrite=f"id={bob}"
    )
    for name, extra, owner in (
        (bucket, {}, bob),
        (bucket, full, bob),
        (f"{bucket}-p", {}, bob),
        (f"{bucket}-p", full, alice),
    ):
        s3.put_bucket_acl(Bucket=name, GrantWrite=f"id={bob}")
        other.put_object(Bucket=name, Key="k", Body=b"x", **extra)
        acl = s3.get_object_acl(Bucket=name, Key="k")
        assert acl["Owner"]["ID"] == owner
        assert acl["Grants"][0]["Grantee"]["ID"] == owner
    assert refused(other.get_object, Bucket=f"{bucket}-p", Key="k") == ("AccessDenied", 403)


def test_a_bucket_without_acls_obeys_none(s3: Any, unsigned: Any, bucket: str) -> None:
    name = f"{bucket}-e"
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced")
    unsupported = ("AccessControlListNotSupported", 400)
    place = {"Bucket": name, "Key": "k"}
    assert refused(s3.put_object, **place, ACL="public-read") == unsupported
    s3.put_object(**place, Body=b"x", ACL="bucket-owner-full-control")
    assert refused(s3.put_object_acl, **place, ACL="public-read") == unsupported
    assert refused(s3.put_bucket_acl, Bucket=name, ACL="public-read") == unsupported
    s3.put_object_acl(**place, ACL="private")
    assert len(s3.get_object_acl(**place)["Grants"]) == 1
    assert len(s3.get_bucket_acl(Bucket=name)["Grants"]) == 1
    assert refused(unsigned.get_object, **place) == ("AccessDenied", 403)
    assert refused(
        s3.create_bucket,
        Bucket=f"{bucket}-f",
        ObjectOwnership="BucketOwnerEnforced",
        ACL="public-read",
    ) == ("InvalidBucketAclWithObjectOwnership", 400)
