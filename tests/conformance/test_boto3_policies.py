"""boto3: bucket policies, public access blocks, ownership controls; each rule also denying."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import code_of
from tests.processes import ServerProcess


def statement(effect: str, actions: Any, resource: Any, **more: Any) -> dict[str, Any]:
    made = {"Effect": effect, "Principal": "*", "Action": actions, "Resource": resource}
    return {**made, **{name: value for name, value in more.items() if value is not None}}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def anonymous(server: ServerProcess, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return code_of(error)[0]


def test_a_policy_comes_back_as_it_was_put(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    text = policy(statement("Allow", "s3:GetObject", f"arn:aws:s3:::{bucket}/*")) + "\n "
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    assert refused(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    assert refused(s3.get_bucket_policy_status, Bucket=bucket) == "NoSuchBucketPolicy"


def test_everybody_may_read_what_a_policy_opens(
    server: ServerProcess, s3: Any, bucket: str
) -> None:
    for key in ("open/a", "closed/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert anonymous(server, f"/{bucket}/open/a") == 403
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(statement("Allow", "s3:GetObject", f"arn:aws:s3:::{bucket}/open/*")),
    )
    assert anonymous(server, f"/{bucket}/open/a") == 200
    assert anonymous(server, f"/{bucket}/closed/a") == 403
    assert anonymous(server, f"/{bucket}") == 403
    s3.delete_bucket_policy(Bucket=bucket)
    assert anonymous(server, f"/{bucket}/open/a") == 403
