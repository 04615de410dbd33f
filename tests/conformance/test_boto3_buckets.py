"""boto3: buckets, listings, versioning."""

from __future__ import annotations

import http.client
from typing import Any

import botocore.auth
import botocore.awsrequest
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import code_of
from tests.processes import Key, ServerProcess, boto3_client, z4


def test_buckets_are_made_listed_and_deleted(s3: Any, bucket: str) -> None:
    s3.create_bucket(Bucket=bucket)  # one's own bucket again: 200
    names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert bucket in names
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket=bucket)
    assert code_of(error) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket=bucket)
    assert code_of(error) == ("404", 404)
    s3.create_bucket(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_buckets_are_listed_in_pages(s3: Any) -> None:
    names = [f"paged-{n}" for n in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    found: list[str] = []
    token: dict[str, Any] = {}
    while True:
        page = s3.list_buckets(Prefix="paged-", MaxBuckets=2, **token)
        found += [b["Name"] for b in page["Buckets"]]
        assert len(page["Buckets"]) <= 2
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert found == names


@pytest.mark.parametrize("name", ["AB", "ab", "a..b", "-ab", "192.168.1.1", "xn--abc", "a_b"])
def test_bad_bucket_names(server: ServerProcess, alice: Key, name: str) -> None:
    client = boto3_client(server, alice, parameter_validation=False)
    client.meta.events.unregister("before-parameter-build.s3", _validator())
    with pytest.raises(ClientError) as error:
        client.create_bucket(Bucket=name)
    assert code_of(error) == ("InvalidBucketName", 400)


def _validator() -> Any:
    from botocore.handlers import validate_bucket_name

    return validate_bucket_name


def test_a_wrong_region_is_refused(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.create_bucket(
            Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
    assert code_of(error)[1] == 400


def test_another_account_sees_and_does_nothing(
    server: ServerProcess, s3: Any, bucket: str, bob: Key
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    other = boto3_client(server, bob)
    for call in (
        lambda: other.get_object(Bucket=bucket, Key="k"),
        lambda: other.put_object(Bucket=bucket, Key="k", Body=b"y"),
        lambda: other.list_objects_v2(Bucket=bucket),
        lambda: other.delete_bucket(Bucket=bucket),
        lambda: other.create_bucket(Bucket="bobs-own"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code_of(error) == ("AccessDenied", 403)
    with pytest.raises(ClientError) as error:
        boto3_client(server, bob).head_bucket(Bucket=bucket)
    assert code_of(error) == ("403", 403)
    assert other.list_buckets()["Buckets"] == []
    with pytest.raises(ClientError) as error:
        other.create_bucket(Bucket=bucket)
    assert code_of(error)[0] in ("AccessDenied", "BucketAlreadyExists")


def test_grants_open_a_bucket_step_by_step(
    server: ServerProcess, s3: Any, bucket: str, bob: Key
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    other = boto3_client(server, bob)
    data = ("--data", str(server.data))
    z4("bucket", "allow", bucket, "--key", "bob", "--read", *data)
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert [b["Name"] for b in other.list_buckets()["Buckets"]] == [bucket]
    with pytest.raises(ClientError):
        other.put_object(Bucket=bucket, Key="k", Body=b"y")
    z4("bucket", "allow", bucket, "--key", "bob", "--write", *data)
    other.put_object(Bucket=bucket, Key="k2", Body=b"y")
    owners = {
        c["Key"]: c["Owner"]["DisplayName"] for c in s3.list_objects(Bucket=bucket)["Contents"]
    }
    assert owners == {"k": "alice", "k2": "bob"}
    z4("bucket", "deny", bucket, "--key", "bob", *data)
    with pytest.raises(ClientError):
        other.get_object(Bucket=bucket, Key="k")


def fill(s3: Any, bucket: str) -> list[str]:
    keys = sorted(
        ["a/1", "a/2", "a/b/3", "b", "c/1", "c//2", "d%2Fe", "é/1", "z"], key=lambda k: k.encode()
    )
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return keys


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_of_v1_and_v2_give_all_keys(s3: Any, bucket: str, size: int) -> None:
    keys = fill(s3, bucket)
    for operation in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(operation).paginate(
            Bucket=bucket, PaginationConfig={"PageSize": size}
        )
        found = [item["Key"] for page in pages for item in page.get("Contents", [])]
        assert found == keys


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_delimiters_fold_folders(s3: Any, bucket: str, size: int) -> None:
    fill(s3, bucket)
    for operation in ("list_objects", "list_objects_v2"):
        pages = list(
            s3.get_paginator(operation).paginate(
                Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}
            )
        )
        folders = [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]
        found = [item["Key"] for page in pages for item in page.get("Contents", [])]
        assert folders == ["a/", "c/", "é/"]
        assert found == ["b", "d%2Fe", "z"]


def test_prefix_delimiter_and_start_after(s3: Any, bucket: str) -> None:
    fill(s3, bucket)
    page = s3.list_objects_v2(
        Bucket=bucket, Prefix="a/", Delimiter="/", StartAfter="a/1", FetchOwner=True
    )
    assert [c["Key"] for c in page["Contents"]] == ["a/2"]
    assert [c["Prefix"] for c in page["CommonPrefixes"]] == ["a/b/"]
    assert page["KeyCount"] == 2
    assert page["Contents"][0]["Owner"]["DisplayName"] == "alice"
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    wide = s3.list_objects_v2(Bucket=bucket, Delimiter="b/")
    assert [c["Prefix"] for c in wide["CommonPrefixes"]] == ["a/b/"]


def test_bad_listing_parameters(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="rubbish")
    assert code_of(error) == ("InvalidArgument", 400)
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)
    assert code_of(error) == ("InvalidArgument", 400)


def test_versions_live_and_die(s3: Any, versioned: str) -> None:
    ids = [s3.put_object(Bucket=versioned, Key="k", Body=str(n))["VersionId"] for n in range(3)]
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"]
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=versioned, Key="k")
    assert code_of(error) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert code_of(error) == ("MethodNotAllowed", 405)
    for number, id in enumerate(ids):
        got = s3.get_object(Bucket=versioned, Key="k", VersionId=id)
        assert got["Body"].read() == str(number).encode()
    listed = s3.list_object_versions(Bucket=versioned)
    assert [v["VersionId"] for v in listed["Versions"]] == ids[::-1]
    assert [m["VersionId"] for m in listed["DeleteMarkers"]] == [marker["VersionId"]]
    assert [v["IsLatest"] for v in listed["Versions"]] == [False] * 3
    assert listed["DeleteMarkers"][0]["IsLatest"]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"2"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"1"
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert code_of(error) == ("NoSuchVersion", 404)


def test_the_null_version_is_replaced_while_suspended(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    s3.put_object(Bucket=bucket, Key="k", Body=b"null again")
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [v["VersionId"] for v in listed] == ["null", first]
    got = s3.get_object(Bucket=bucket, Key="k", VersionId="null")
    assert got["Body"].read() == b"null again"


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_pages_of_versions_give_all(s3: Any, versioned: str, size: int) -> None:
    made = []
    for key in ("a", "b/1", "b/2", "c"):
        for _ in range(3):
            made.append((key, s3.put_object(Bucket=versioned, Key=key, Body=b"")["VersionId"]))
    s3.delete_object(Bucket=versioned, Key="c")
    pages = list(
        s3.get_paginator("list_object_versions").paginate(
            Bucket=versioned, PaginationConfig={"PageSize": size}
        )
    )
    found = [(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", [])]
    assert sorted(found) == sorted(made)
    assert sum(len(page.get("DeleteMarkers", [])) for page in pages) == 1


def test_a_key_with_hundreds_of_versions(s3: Any, versioned: str) -> None:
    ids = [s3.put_object(Bucket=versioned, Key="k", Body=str(n))["VersionId"] for n in range(150)]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned)
    assert [v["VersionId"] for page in pages for v in page["Versions"]] == ids[::-1]
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=ids[3])["Body"].read() == b"3"


def test_bucket_tags(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_bucket_tagging(Bucket=bucket)
    assert code_of(error) == ("NoSuchTagSet", 404)
    tags = [{"Key": "team", "Value": "red"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    with pytest.raises(ClientError):
        s3.get_bucket_tagging(Bucket=bucket)


def test_virtual_hosts(server: ServerProcess, alice: Key, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"by host")
    host = f"{bucket}.s3.local:{server.port}"
    request = botocore.awsrequest.AWSRequest("GET", f"http://{host}/k")
    request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
    credentials = Credentials(alice.access_key_id, alice.secret_access_key)
    botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/k", headers={**dict(request.headers.items()), "Host": host})
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"by host")
