"""boto3 and aws-cli against users, policies, and the token service on the same endpoint."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conformance.world import logged
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


def environ_of(session: dict[str, str]) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": session["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": session["aws_secret_access_key"],
        "AWS_SESSION_TOKEN": session["aws_session_token"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def test_the_command_line_of_aws_works_in_a_session(
    server: ServerProcess, alice: Key, bucket: str, tmp_path: Path
) -> None:
    sts = client(server, "sts", of_key(alice))
    session = of_session(sts.get_session_token()["Credentials"])
    file = tmp_path / "file"
    file.write_bytes(os.urandom(9 * 1024 * 1024))  # in parts, with trailers
    aws = [sys.executable, "-m", "awscli", "--endpoint-url", server.endpoint, "s3", "cp"]
    for source, target in (
        (str(file), f"s3://{bucket}/file"),
        (f"s3://{bucket}/file", str(tmp_path / "again")),
    ):
        subprocess.run(
            [*aws, source, target], env=environ_of(session), capture_output=True, check=True
        )
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_form_is_signed_in_a_session(server: ServerProcess, alice: Key, bucket: str) -> None:
    sts = client(server, "sts", of_key(alice))
    session = client(server, "s3", of_session(sts.get_session_token()["Credentials"]))
    form = session.generate_presigned_post(bucket, "posted")
    assert "x-amz-security-token" in form["fields"]

    def post(fields: dict[str, str]) -> int:
        pieces = [
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        pieces.append('--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ndata\r\n--x--\r\n')
        request = urllib.request.Request(
            form["url"],
            "".join(pieces).encode(),
            {"Content-Type": "multipart/form-data; boundary=x"},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert post(form["fields"]) == 204
    assert session.get_object(Bucket=bucket, Key="posted")["Body"].read() == b"data"
    other = of_session(sts.get_session_token()["Credentials"])["aws_session_token"]
    assert post({**form["fields"], "x-amz-security-token": other}) == 400
    bare = {k: v for k, v in form["fields"].items() if k != "x-amz-security-token"}
    assert post(bare) == 403


def test_a_denial_is_explained_to_the_operator_alone(
    server: ServerProcess, bucket: str, user: Key
) -> None:
    below = boto3_client(server, user)
    with pytest.raises(ClientError) as caught:
        below.get_object(Bucket=bucket, Key="key")
    assert "nothing allows it" not in str(caught.value.response)
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    [line] = logged(server, request_id)
    assert line["denied"] == "s3:GetObject: nothing allows it"
    asked = ("--action", "s3:GetObject", "--bucket", bucket, "--object", "key")
    told = z4(
        "explain", "--key", user.name, *asked, "--data", str(server.data), "--json", check=False
    )
    assert told.returncode == 1
    assert json.loads(told.stdout)["reason"] == "nothing allows it"


def test_a_wrong_signature_is_found_in_the_clients_log(
    server: ServerProcess, alice: Key, bucket: str, tmp_path: Path
) -> None:
    environ = environ_of(
        {
            "aws_access_key_id": alice.access_key_id,
            "aws_secret_access_key": "wrong" * 8,
            "aws_session_token": "",
        }
    )
    aws = [sys.executable, "-m", "awscli", "--debug", "--endpoint-url", server.endpoint]
    ran = subprocess.run(
        [*aws, "s3api", "list-objects-v2", "--bucket", bucket],
        env=environ,
        capture_output=True,
        check=False,
    )
    log = tmp_path / "log"
    log.write_bytes(ran.stderr)
    told = z4("explain", "--request", str(log), "--data", str(server.data), "--json", check=False)
    found = json.loads(told.stdout)
    assert "the secret keys differ" in found["verdict"]
    assert found["server"] == found["client"]
    assert found["server"]["canonical_request"].startswith(f"GET\n/{bucket}\n")
