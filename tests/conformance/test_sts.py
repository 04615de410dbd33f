"""boto3 and aws-cli against users, policies, and the token service on the same endpoint."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.processes import Key, ServerProcess, boto3_client, make_key, z4

_numbers = itertools.count()
READ = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"},
    ],
}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def client(server: ServerProcess, service: str, credentials: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            signature_version="s3v4" if service == "s3" else "v4",
        ),
        **credentials,
    )


def of_key(key: Key) -> dict[str, str]:
    return {
        "aws_access_key_id": key.access_key_id,
        "aws_secret_access_key": key.secret_access_key,
    }


def of_session(issued: dict[str, Any]) -> dict[str, str]:
    return {
        "aws_access_key_id": issued["AccessKeyId"],
        "aws_secret_access_key": issued["SecretAccessKey"],
        "aws_session_token": issued["SessionToken"],
    }


def code(caught: Any) -> str:
    return str(caught.value.response["Error"]["Code"])


def put_policy(server: ServerProcess, tmp: Path, kind: str, owner: str, policy: Any) -> None:
    file = tmp / "policy.json"
    file.write_text(json.dumps(policy))
    z4(kind, "policy", "put", owner, "--file", str(file), "--data", str(server.data))


@pytest.fixture
def user(server: ServerProcess, alice: Key) -> Key:
    """A user of alice's account without policies, with a key of its own."""
    name = f"user-{next(_numbers)}"
    z4("user", "create", name, "--account", "alice", "--data", str(server.data))
    return make_key(server.data, f"key-of-{name}", "--user", name)


@pytest.fixture
def user_name(user: Key) -> str:
    return user.name.removeprefix("key-of-")


def test_who_am_i(server: ServerProcess, alice: Key, user: Key, user_name: str) -> None:
    root = client(server, "sts", of_key(alice)).get_caller_identity()
    assert root["Arn"] == f"arn:aws:iam::{root['Account']}:root"
    below = client(server, "sts", of_key(user)).get_caller_identity()
    assert below["Account"] == root["Account"]
    assert below["Arn"] == f"arn:aws:iam::{root['Account']}:user/{user_name}"


def test_a_user_may_do_what_its_policies_allow(
    server: ServerProcess, s3: Any, bucket: str, user: Key, user_name: str, tmp_path: Path
) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"data")
    below = boto3_client(server, user)
    with pytest.raises(ClientError) as caught:
        below.get_object(Bucket=bucket, Key="key")
    assert code(caught) == "AccessDenied"
    put_policy(server, tmp_path, "user", user_name, READ)
    assert below.get_object(Bucket=bucket, Key="key")["Body"].read() == b"data"
    with pytest.raises(ClientError) as caught:
        below.put_object(Bucket=bucket, Key="key", Body=b"more")
    assert code(caught) == "AccessDenied"


def test_a_session_token_works_and_ends_with_its_key(
    server: ServerProcess, s3: Any, bucket: str, user: Key, user_name: str, tmp_path: Path
) -> None:
    put_policy(server, tmp_path, "user", user_name, ALL)
    issued = client(server, "sts", of_key(user)).get_session_token(DurationSeconds=900)
    session = client(server, "s3", of_session(issued["Credentials"]))
    for _ in range(8):  # whichever worker
        session.put_object(Bucket=bucket, Key="key", Body=b"data")
        assert session.get_object(Bucket=bucket, Key="key")["Body"].read() == b"data"
    url = session.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "key"})
    assert "X-Amz-Security-Token=" in url
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"data"
    z4("key", "deactivate", user.name, "--data", str(server.data))
    with pytest.raises(ClientError) as caught:
        session.get_object(Bucket=bucket, Key="key")
    assert code(caught) == "InvalidToken"


def test_a_session_policy_restricts(
    server: ServerProcess, alice: Key, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"data")
    sts = client(server, "sts", of_key(alice))
    account = sts.get_caller_identity()["Account"]
    assumed = sts.assume_role(
        RoleArn=f"arn:aws:iam::{account}:root",
        RoleSessionName="narrow",
        Policy=json.dumps(READ),
    )
    assert assumed["AssumedRoleUser"]["AssumedRoleId"].endswith(":narrow")
    session = client(server, "s3", of_session(assumed["Credentials"]))
    assert session.get_object(Bucket=bucket, Key="key")["Body"].read() == b"data"
    with pytest.raises(ClientError) as caught:
        session.delete_object(Bucket=bucket, Key="key")
    assert code(caught) == "AccessDenied"


def test_a_role_is_assumed_by_whom_policies_allow(
    server: ServerProcess, alice: Key, user: Key, user_name: str, bucket: str, tmp_path: Path
) -> None:
    role = f"role-{next(_numbers)}"
    z4("user", "create", role, "--account", "alice", "--role", "--data", str(server.data))
    put_policy(server, tmp_path, "user", role, ALL)
    sts = client(server, "sts", of_key(user))
    arn = f"arn:aws:iam::{sts.get_caller_identity()['Account']}:role/{role}"
    with pytest.raises(ClientError) as caught:
        sts.assume_role(RoleArn=arn, RoleSessionName="job")
    assert code(caught) == "AccessDenied"
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}
    put_policy(server, tmp_path, "user", user_name, {"Statement": assume})
    issued = sts.assume_role(RoleArn=arn, RoleSessionName="job")["Credentials"]
    session = of_session(issued)
    client(server, "s3", session).put_object(Bucket=bucket, Key="key", Body=b"data")
    acting = client(server, "sts", session).get_caller_identity()
    assert acting["Arn"].endswith(f":assumed-role/{role}/job")
    with pytest.raises(ClientError) as caught:
        client(server, "sts", session).assume_role(RoleArn=arn, RoleSessionName="again")
    assert code(caught) == "AccessDenied"


def test_errors_are_those_of_sts(server: ServerProcess, alice: Key) -> None:
    unknown = {**of_key(alice), "aws_access_key_id": "Z4NOBODY"}
    wrong = {**of_key(alice), "aws_secret_access_key": "x" * 40}
    for credentials, expected in (
        (unknown, "InvalidClientTokenId"),
        (wrong, "SignatureDoesNotMatch"),
        ({**of_key(alice), "aws_session_token": "none"}, "InvalidClientTokenId"),
    ):
        with pytest.raises(ClientError) as caught:
            client(server, "sts", credentials).get_caller_identity()
        assert code(caught) == expected
    with pytest.raises(ClientError) as caught:
        client(server, "sts", of_key(alice)).get_access_key_info(AccessKeyId="Z4" + "A" * 18)
    assert code(caught) == "InvalidAction"
    with pytest.raises(ClientError) as caught:
        client(server, "sts", of_key(alice)).get_session_token(DurationSeconds=129_601)
    assert code(caught) == "ValidationError"


def test_the_command_line_of_aws_asks_who_it_is(server: ServerProcess, alice: Key) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": alice.access_key_id,
        "AWS_SECRET_ACCESS_KEY": alice.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    aws = [sys.executable, "-m", "awscli", "--endpoint-url", server.endpoint, "sts"]
    ran = subprocess.run(
        [*aws, "get-caller-identity"], env=environ, capture_output=True, check=True, text=True
    )
    assert json.loads(ran.stdout)["Arn"].endswith(":root")
    ran = subprocess.run(
        [*aws, "get-session-token"], env=environ, capture_output=True, check=True, text=True
    )
    assert json.loads(ran.stdout)["Credentials"]["AccessKeyId"].startswith("ZT4")
