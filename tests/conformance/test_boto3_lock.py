"""boto3 and the AWS command line: object lock."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import code_of
from tests.processes import Key, ServerProcess, boto3_client, clean_environ, z4

TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
WEEK = TOMORROW + timedelta(days=6)
LOCKED = "Access Denied because object protected by object lock."


@pytest.fixture
def locked(s3: Any, bucket: str) -> str:
    """A bucket with object lock."""
    name = f"{bucket}-locked"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def default(mode: str, **period: int) -> dict[str, Any]:
    return {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": mode, **period}},
    }


def test_a_bucket_is_made_with_object_lock_and_keeps_it(s3: Any, locked: str) -> None:
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    found = s3.get_object_lock_configuration(Bucket=locked)
    assert found["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    with pytest.raises(ClientError) as error:
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})
    assert code_of(error) == ("InvalidBucketState", 409)
    s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Enabled"})


def test_a_bucket_with_versioning_gets_it_and_one_without_does_not(
    s3: Any, bucket: str, locked: str
) -> None:
    rule = default("COMPLIANCE", Years=1)
    with pytest.raises(ClientError) as error:
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=rule)
    assert code_of(error) == ("InvalidBucketState", 409)
    with pytest.raises(ClientError) as error:
        s3.get_object_lock_configuration(Bucket=bucket)
    assert code_of(error) == ("ObjectLockConfigurationNotFoundError", 404)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=rule)
    found = s3.get_object_lock_configuration(Bucket=bucket)
    assert found["ObjectLockConfiguration"] == rule
    # Nothing is left to be deleted here: the rule is for objects that are put.
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_locked_object_stays(s3: Any, locked: str, mode: str) -> None:
    put = s3.put_object(
        Bucket=locked,
        Key="k",
        Body=b"x",
        ObjectLockMode=mode,
        ObjectLockRetainUntilDate=TOMORROW,
    )
    version = put["VersionId"]
    head = s3.head_object(Bucket=locked, Key="k")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == (mode, TOMORROW)
    assert "ObjectLockLegalHoldStatus" not in head
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket=locked, Key="k", VersionId=version)
    assert code_of(error) == ("AccessDenied", 403)
    assert error.value.response["Error"]["Message"] == LOCKED
    answer = s3.delete_objects(
        Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": version}]}
    )
    assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"]
    assert s3.delete_object(Bucket=locked, Key="k")["DeleteMarker"]
    got = s3.get_object(Bucket=locked, Key="k", VersionId=version)
    assert got["Body"].read() == b"x"
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket=locked)
    assert code_of(error) == ("BucketNotEmpty", 409)
    if mode == "GOVERNANCE":
        s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)
        assert "Versions" not in s3.list_object_versions(Bucket=locked)
    else:
        with pytest.raises(ClientError) as error:
            s3.delete_object(
                Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True
            )
        assert code_of(error) == ("AccessDenied", 403)


def test_retention_is_set_made_longer_and_weakened_only_with_the_bypass(
    s3: Any, locked: str
) -> None:
    s3.put_object(Bucket=locked, Key="k", Body=b"x")
    with pytest.raises(ClientError) as error:
        s3.get_object_retention(Bucket=locked, Key="k")
    assert code_of(error) == ("NoSuchObjectLockConfiguration", 404)

    def retain(mode: str, until: datetime, **more: Any) -> None:
        retention = {"Mode": mode, "RetainUntilDate": until}
        s3.put_object_retention(Bucket=locked, Key="k", Retention=retention, **more)

    retain("GOVERNANCE", TOMORROW)
    retain("GOVERNANCE", WEEK)
    found = s3.get_object_retention(Bucket=locked, Key="k")["Retention"]
    assert found == {"Mode": "GOVERNANCE", "RetainUntilDate": WEEK}
    for mode, until in (("GOVERNANCE", TOMORROW), ("COMPLIANCE", WEEK)):
        with pytest.raises(ClientError) as error:
            retain(mode, until)
        assert code_of(error) == ("AccessDenied", 403)
    with pytest.raises(ClientError) as error:
        retain("GOVERNANCE", TOMORROW - timedelta(days=2))
    assert code_of(error) == ("InvalidArgument", 400)
    retain("COMPLIANCE", TOMORROW, BypassGovernanceRetention=True)
    with pytest.raises(ClientError) as error:
        retain("GOVERNANCE", WEEK, BypassGovernanceRetention=True)
    assert code_of(error) == ("AccessDenied", 403)


def test_retention_in_governance_mode_is_taken_away_by_an_empty_document(
    s3: Any, locked: str
) -> None:
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": TOMORROW}
    version = s3.put_object(Bucket=locked, Key="k", Body=b"x")["VersionId"]
    s3.put_object_retention(Bucket=locked, Key="k", Retention=retention)
    s3.put_object_retention(Bucket=locked, Key="k", Retention={}, BypassGovernanceRetention=True)
    s3.delete_object(Bucket=locked, Key="k", VersionId=version)


def test_a_legal_hold_protects_until_it_is_ended(s3: Any, locked: str) -> None:
    version = s3.put_object(Bucket=locked, Key="k", Body=b"x")["VersionId"]
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "ON"})
    held = s3.get_object_legal_hold(Bucket=locked, Key="k", VersionId=version)
    assert held["LegalHold"] == {"Status": "ON"}
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert code_of(error) == ("AccessDenied", 403)
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "OFF"})
    head = s3.head_object(Bucket=locked, Key="k")
    assert head["ObjectLockLegalHoldStatus"] == "OFF"
    s3.delete_object(Bucket=locked, Key="k", VersionId=version)


def test_the_default_is_for_puts_copies_and_completions(s3: Any, locked: str) -> None:
    s3.put_object_lock_configuration(
        Bucket=locked, ObjectLockConfiguration=default("GOVERNANCE", Days=1)
    )
    s3.put_object(Bucket=locked, Key="put", Body=b"x")
    s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/put")
    upload = s3.create_multipart_upload(Bucket=locked, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(
        Bucket=locked, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    for key in ("put", "copy", "parts"):
        head = s3.head_object(Bucket=locked, Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        age = head["ObjectLockRetainUntilDate"] - head["LastModified"]
        assert abs(age - timedelta(days=1)) < timedelta(seconds=10)


def test_an_upload_is_made_with_a_lock_and_a_copy_takes_none_along(
    s3: Any, locked: str, versioned: str
) -> None:
    asked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": TOMORROW}
    upload = s3.create_multipart_upload(
        Bucket=locked, Key="k", ObjectLockLegalHoldStatus="ON", **asked
    )["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(
        Bucket=locked, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    head = s3.head_object(Bucket=locked, Key="k")
    assert head["ObjectLockRetainUntilDate"] == TOMORROW
    assert head["ObjectLockLegalHoldStatus"] == "ON"
    s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/k")
    assert "ObjectLockMode" not in s3.head_object(Bucket=locked, Key="copy")
    s3.copy_object(Bucket=locked, Key="held", CopySource=f"{locked}/k", **asked)
    assert s3.head_object(Bucket=locked, Key="held")["ObjectLockMode"] == "GOVERNANCE"
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=versioned, Key="k", CopySource=f"{locked}/k", **asked)
    assert code_of(error) == ("InvalidRequest", 400)


def test_who_may_only_write_neither_locks_nor_passes_a_lock(
    s3: Any, locked: str, server: ServerProcess, bob: Key
) -> None:
    z4("bucket", "allow", locked, "--key", bob.name, "--write", "--data", str(server.data))
    other = boto3_client(server, bob)
    asked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": TOMORROW}
    for more in (asked, {"ObjectLockLegalHoldStatus": "ON"}):
        with pytest.raises(ClientError) as error:
            other.put_object(Bucket=locked, Key="k", Body=b"x", **more)
        assert code_of(error) == ("AccessDenied", 403)
    version = s3.put_object(Bucket=locked, Key="k", Body=b"x", **asked)["VersionId"]
    with pytest.raises(ClientError) as error:
        other.delete_object(
            Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True
        )
    assert code_of(error) == ("AccessDenied", 403)


def test_the_aws_command_line(
    server: ServerProcess, alice: Key, bucket: str, tmp_path: Path
) -> None:
    name = f"{bucket}-aws"
    environ = clean_environ(
        AWS_ACCESS_KEY_ID=alice.access_key_id,
        AWS_SECRET_ACCESS_KEY=alice.secret_access_key,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_CONFIG_FILE=str(tmp_path / "config"),
        AWS_ENDPOINT_URL=server.endpoint,
        AWS_EC2_METADATA_DISABLED="true",
    )

    def aws(*arguments: str) -> Any:
        command = [str(Path(sys.executable).with_name("aws")), "s3api", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=120)
        if done.returncode:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    aws("create-bucket", "--bucket", name, "--object-lock-enabled-for-bucket")
    rule = json.dumps(default("GOVERNANCE", Days=1))
    aws(
        "put-object-lock-configuration",
        "--bucket", name, "--object-lock-configuration", rule,
    )  # fmt: skip
    found = aws("get-object-lock-configuration", "--bucket", name)
    assert found["ObjectLockConfiguration"] == json.loads(rule)
    version = aws("put-object", "--bucket", name, "--key", "k")["VersionId"]
    one = ("--bucket", name, "--key", "k", "--version-id", version)
    assert "AccessDenied" in aws("delete-object", *one)
    aws("put-object-legal-hold", *one, "--legal-hold", "Status=ON")
    assert "AccessDenied" in aws("delete-object", *one, "--bypass-governance-retention")
    aws("put-object-legal-hold", *one, "--legal-hold", "Status=OFF")
    assert aws("get-object-legal-hold", *one) == {"LegalHold": {"Status": "OFF"}}
    retention = "Mode=GOVERNANCE,RetainUntilDate=2099-01-01T00:00:00Z"
    aws("put-object-retention", *one, "--retention", retention)
    kept = aws("get-object-retention", *one)["Retention"]
    assert kept["RetainUntilDate"].startswith("2099-01-01T00:00:00")
    aws("delete-object", *one, "--bypass-governance-retention")
    assert "Versions" not in aws("list-object-versions", "--bucket", name)
