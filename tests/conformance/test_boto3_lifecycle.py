"""boto3 and the AWS command line: lifecycle configurations, and a server that obeys them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import code_of
from tests.processes import Key, ServerProcess, boto3_client, clean_environ, make_key, z4

RULES = [
    {
        "ID": "logs",
        "Filter": {"Prefix": "logs/"},
        "Status": "Enabled",
        "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
        "Expiration": {"Days": 365},
    },
    {
        "ID": "old form",
        "Prefix": "tmp/",
        "Status": "Disabled",
        "Expiration": {"Days": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
    {
        "ID": "all at once",
        "Filter": {
            "And": {
                "Prefix": "a/",
                "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": ""}],
                "ObjectSizeGreaterThan": 500,
                "ObjectSizeLessThan": 64000,
            }
        },
        "Status": "Enabled",
        "NoncurrentVersionTransitions": [
            {"NoncurrentDays": 30, "StorageClass": "GLACIER", "NewerNoncurrentVersions": 2}
        ],
        "NoncurrentVersionExpiration": {"NoncurrentDays": 60, "NewerNoncurrentVersions": 3},
    },
    {
        "ID": "markers",
        "Filter": {},
        "Status": "Enabled",
        "Expiration": {"ExpiredObjectDeleteMarker": True},
    },
]


def test_a_configuration_is_put_read_and_deleted(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert code_of(error) == ("NoSuchLifecycleConfiguration", 404)
    answer = s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": RULES}
    )
    assert answer["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    answer = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert answer["Rules"] == RULES
    assert answer["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={"Rules": RULES[:1]},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    answer = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert answer["Rules"] == RULES[:1]
    assert answer["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    put = s3.put_object(Bucket=bucket, Key="logs/1", Body=b"x")
    assert put["Expiration"].endswith('00:00:00 GMT", rule-id="logs"')
    assert s3.head_object(Bucket=bucket, Key="logs/1")["Expiration"] == put["Expiration"]
    for _ in range(2):
        s3.delete_bucket_lifecycle(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert code_of(error) == ("NoSuchLifecycleConfiguration", 404)


# A server whose days have a second


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    data: Path = tmp_path_factory.mktemp("lifecycle") / "data"
    options = ("--workers", "2", "--lifecycle-day-seconds", "1", "--lifecycle-interval", "0.2")
    with ServerProcess(data, *options) as started:
        client = boto3_client(started, make_key(data, "alice"))
        client.meta.data = data
        yield client


def until(looked: Callable[[], bool]) -> None:
    """Wait until the server has done what it has to."""
    deadline = time.monotonic() + 20
    while not looked():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def rules(s3: Any, bucket: str, *found: dict[str, Any], **more: str) -> None:
    full = [{"Status": "Enabled", "Filter": {}, **rule} for rule in found]
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": full}, **more
    )


def keys(s3: Any, bucket: str) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_objects_expire_by_prefix_tag_and_size(quick: Any) -> None:
    s3, bucket = quick, "expiring"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="logs/a", Body=b"x")
    s3.put_object(Bucket=bucket, Key="kept", Body=b"x")
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="end=soon")
    s3.put_object(Bucket=bucket, Key="other", Body=b"x", Tagging="end=late")
    s3.put_object(Bucket=bucket, Key="large", Body=b"x" * 10_000)
    rules(
        s3,
        bucket,
        {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}},
        {"Filter": {"Tag": {"Key": "end", "Value": "soon"}}, "Expiration": {"Days": 1}},
        {"Filter": {"ObjectSizeGreaterThan": 9_999}, "Expiration": {"Days": 1}},
        {"Status": "Disabled", "Expiration": {"Days": 1}},
        {"Expiration": {"Date": datetime(2090, 1, 1, tzinfo=UTC)}},
    )
    until(lambda: keys(s3, bucket) == ["kept", "other"])
    assert "2090" in s3.head_object(Bucket=bucket, Key="kept")["Expiration"]
    rules(s3, bucket, {"Expiration": {"Date": datetime(2020, 1, 1, tzinfo=UTC)}})
    until(lambda: keys(s3, bucket) == [])


def test_versions_markers_and_uploads_go(quick: Any) -> None:
    s3, bucket = quick, "versioned"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2", b"3", b"4"):
        s3.put_object(Bucket=bucket, Key="key", Body=body)
    s3.create_multipart_upload(Bucket=bucket, Key="up")
    rules(
        s3,
        bucket,
        {
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    )
    until(lambda: len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2)
    until(lambda: "Uploads" not in s3.list_multipart_uploads(Bucket=bucket))
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"4"
    rules(
        s3,
        bucket,
        {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
    )
    until(lambda: not {"Versions", "DeleteMarkers"} & s3.list_object_versions(Bucket=bucket).keys())


def test_a_class_of_s3_is_a_label(quick: Any) -> None:
    s3, bucket = quick, "moving"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="small", Body=b"x")
    s3.put_object(Bucket=bucket, Key="large", Body=b"x" * 200_000)
    rules(s3, bucket, {"Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]})
    until(lambda: s3.head_object(Bucket=bucket, Key="large").get("StorageClass") == "GLACIER")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="small")
    rules(
        s3,
        bucket,
        {"Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    until(lambda: s3.head_object(Bucket=bucket, Key="small").get("StorageClass") == "GLACIER")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["StorageClass"] for one in listed] == ["GLACIER", "GLACIER"]
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == b"x" * 200_000


@pytest.mark.parametrize("seal", ["plain", "sealed"])
def test_the_class_zstd_packs_bodies_and_nobody_notices(
    quick: Any, tmp_path: Path, seal: str
) -> None:
    if seal == "plain":
        check_packing(quick, Path(quick.meta.data), "packing")
        return
    data = tmp_path / "sealed"
    options = ("--workers", "1", "--lifecycle-day-seconds", "1", "--lifecycle-interval", "0.2")
    environ = {"Z4_ENCRYPTION_KEY": "07" * 32}
    with ServerProcess(data, *options, environ=environ) as started:
        s3 = boto3_client(started, make_key(data, "alice", environ=environ))
        check_packing(s3, data, "packing")
    assert "no problem was found" in z4("fsck", "--data", str(data), environ=environ).stdout


def check_packing(s3: Any, data: Path, bucket: str) -> None:
    s3.create_bucket(Bucket=bucket)
    lines = b"".join(b"line %d of a log that says the same again\n" % n for n in range(70_000))
    noise = Random(1).randbytes(700_000)
    s3.put_object(Bucket=bucket, Key="log", Body=lines, Metadata={"a": "b"})
    s3.put_object(Bucket=bucket, Key="noise", Body=noise)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/log")
    part = lines * 2
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    etags = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                Bucket=bucket, Key="parts", UploadId=upload, PartNumber=number, Body=part
            )["ETag"],
        }
        for number in (1, 2)
    ]
    s3.complete_multipart_upload(
        Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": etags}
    )
    contents = {"log": lines, "noise": noise, "copy": lines, "parts": part * 2}
    before = {key: s3.get_object(Bucket=bucket, Key=key) for key in contents}
    rules(s3, bucket, {"Transitions": [{"Days": 0, "StorageClass": "ZSTD"}]})

    def moved() -> bool:
        listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
        return {one["StorageClass"] for one in listed} == {"ZSTD"}

    until(moved)
    for key, content in contents.items():
        got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert got["StorageClass"] == "ZSTD"
        assert got["Body"].read() == content
        for same in ("ETag", "LastModified", "ContentLength", "Metadata"):
            assert got[same] == before[key][same], (key, same)
        for first, last in ((0, 0), (262_143, 262_144), (5, 699_999), (500_000, 600_000)):
            ranged = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")
            assert ranged["Body"].read() == content[first : last + 1]
    sizes = {
        path.name.partition("~")[0]: path.stat().st_size
        for path in sorted((data / bucket).rglob("*~*"), key=lambda path: path.stat().st_mtime)
    }
    assert sizes["log"] < len(lines) / 4
    assert sizes["noise"] > len(noise)
    assert sizes["parts"] < len(part) / 4
    s3.copy_object(Bucket=bucket, Key="again", CopySource=f"{bucket}/log")
    assert s3.get_object(Bucket=bucket, Key="again")["Body"].read() == lines


def test_a_walk_by_hand_beside_a_running_node(s3: Any, server: ServerProcess, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    rules(s3, bucket, {"Expiration": {"Date": datetime(2020, 1, 1, tzinfo=UTC)}})
    command = ("lifecycle", "run", "--data", str(server.data), "--bucket", bucket, "--json")
    assert json.loads(z4(*command, "--dry-run").stdout)["expired"] == 1
    assert keys(s3, bucket) == ["key"]
    assert json.loads(z4(*command).stdout)["expired"] == 1
    assert keys(s3, bucket) == []


def test_the_command_line_puts_a_configuration_from_a_file(
    server: ServerProcess, alice: Key, bucket: str, tmp_path: Path
) -> None:
    """As the manual page of ``aws s3api put-bucket-lifecycle-configuration`` shows it."""
    document = {
        "Rules": [
            {
                "ID": "Move rotated logs to Glacier",
                "Prefix": "rotated/",
                "Status": "Enabled",
                "Transitions": [{"Date": "2015-11-10T00:00:00.000Z", "StorageClass": "GLACIER"}],
            },
            {
                "Status": "Enabled",
                "Prefix": "",
                "NoncurrentVersionTransitions": [{"NoncurrentDays": 2, "StorageClass": "GLACIER"}],
                "ID": "Move old versions to Glacier",
            },
        ]
    }
    path = tmp_path / "lifecycle.json"
    path.write_text(json.dumps(document))

    def aws(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--endpoint-url", server.endpoint, "s3api",
             *arguments, "--bucket", bucket],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
            env=clean_environ(
                AWS_ACCESS_KEY_ID=alice.access_key_id,
                AWS_SECRET_ACCESS_KEY=alice.secret_access_key,
                AWS_DEFAULT_REGION="us-east-1",
            ),
        )  # fmt: skip
        return json.loads(done.stdout) if done.stdout.strip() else {}

    aws("put-bucket-lifecycle-configuration", "--lifecycle-configuration", f"file://{path}")
    answer = aws("get-bucket-lifecycle-configuration")
    by_id = {rule["ID"]: rule for rule in answer["Rules"]}
    assert set(by_id) == {rule["ID"] for rule in document["Rules"]}
    moved = by_id["Move rotated logs to Glacier"]
    assert moved["Prefix"] == "rotated/"
    assert moved["Transitions"][0]["StorageClass"] == "GLACIER"
    assert moved["Transitions"][0]["Date"].startswith("2015-11-10T00:00:00")
    aws("delete-bucket-lifecycle")
