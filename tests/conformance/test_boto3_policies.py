"""boto3: bucket policies, public access blocks, ownership controls; each rule also denying."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import code_of
from tests.processes import Key, ServerProcess, boto3_client, make_key, z4


def statement(effect: str, actions: Any, resource: Any, **more: Any) -> dict[str, Any]:
    made = {"Effect": effect, "Principal": "*", "Action": actions, "Resource": resource}
    return {**made, **{name: value for name, value in more.items() if value is not None}}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def anonymous(server: ServerProcess, path: str, headers: dict[str, str] | None = None) -> int:
    url = f"http://127.0.0.1:{server.port}{path}"
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def carol(server: ServerProcess) -> Key:
    """A key of another account, which was granted nothing."""
    return make_key(server.data, "policy-carol")


@pytest.fixture(scope="module")
def other(server: ServerProcess, carol: Key) -> Any:
    return boto3_client(server, carol)


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


def test_another_account_may_do_what_a_policy_says(
    s3: Any, other: Any, bucket: str, number: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refused(other.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    arn = f"arn:aws:s3:::{bucket}"
    principal = {"AWS": f"arn:aws:iam::{number}:root"}
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(
            statement("Allow", ["s3:GetObject", "s3:PutObject"], f"{arn}/*", Principal=principal),
            statement(
                "Allow",
                "s3:ListBucket",
                arn,
                Principal=principal,
                Condition={"StringLike": {"s3:prefix": ["shared/*"]}},
            ),
        ),
    )
    assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    other.put_object(Bucket=bucket, Key="shared/new", Body=b"y")
    assert other.list_objects_v2(Bucket=bucket, Prefix="shared/")["KeyCount"] == 1
    assert refused(other.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert refused(other.list_objects_v2, Bucket=bucket, Prefix="k") == "AccessDenied"
    assert refused(other.delete_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert refused(other.get_bucket_policy, Bucket=bucket) == "AccessDenied"
    assert refused(other.get_object, Bucket=bucket, Key="shared/none") == "NoSuchKey"
    assert refused(other.get_object, Bucket=bucket, Key="none") == "AccessDenied"


@pytest.fixture
def number(other: Any, carol: Key, server: ServerProcess) -> str:
    """The number of the other account."""
    command = ("key", "info", carol.name, "--data", str(server.data), "--json")
    return str(json.loads(z4(*command).stdout)["account_number"])


def test_a_denial_binds_the_owner_too(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="kept/k", Body=b"x")
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(statement("Deny", "s3:DeleteObject", f"arn:aws:s3:::{bucket}/kept/*")),
    )
    assert refused(s3.delete_object, Bucket=bucket, Key="kept/k") == "AccessDenied"
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "kept/k"}]})
    assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"]
    assert s3.get_object(Bucket=bucket, Key="kept/k")["Body"].read() == b"x"
    s3.put_bucket_policy(
        Bucket=bucket, Policy=policy(statement("Deny", "s3:*", f"arn:aws:s3:::{bucket}/*"))
    )
    assert refused(s3.get_object, Bucket=bucket, Key="kept/k") == "AccessDenied"
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="kept/k")


def test_what_uploads_must_say(s3: Any, bucket: str) -> None:
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(
            statement(
                "Deny",
                "s3:PutObject",
                f"arn:aws:s3:::{bucket}/*",
                Condition={"StringNotEquals": {"s3:RequestObjectTag/class": ["a", "b"]}},
            )
        ),
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="class=a")
    assert refused(s3.put_object, Bucket=bucket, Key="k", Tagging="class=c") == "AccessDenied"
    assert refused(s3.put_object, Bucket=bucket, Key="k") == "AccessDenied"


def test_reading_by_tags_and_tagging_by_tags(s3: Any, other: Any, bucket: str, number: str) -> None:
    arn = f"arn:aws:s3:::{bucket}/*"
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(
            statement(
                "Allow",
                "s3:GetObject",
                arn,
                Principal={"AWS": number},
                Condition={"StringEquals": {"s3:ExistingObjectTag/open": "yes"}},
            ),
            statement(
                "Allow",
                "s3:PutObjectTagging",
                arn,
                Principal={"AWS": number},
                Condition={"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["team"]}},
            ),
        ),
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="open=no")
    assert refused(other.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    tags = {"TagSet": [{"Key": "open", "Value": "yes"}]}
    assert refused(other.put_object_tagging, Bucket=bucket, Key="k", Tagging=tags) == "AccessDenied"
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags)
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    other.put_object_tagging(
        Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "team", "Value": "red"}]}
    )
    assert refused(other.get_object, Bucket=bucket, Key="k") == "AccessDenied"


def test_presigned_urls_are_told_from_signed_headers(
    s3: Any, server: ServerProcess, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    path = url.partition(str(server.port))[2]
    assert anonymous(server, path) == 200
    condition = {"StringNotEquals": {"s3:authType": "REST-HEADER"}}
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(statement("Deny", "s3:*", f"arn:aws:s3:::{bucket}/*", Condition=condition)),
    )
    assert anonymous(server, path) == 403
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_addresses(s3: Any, server: ServerProcess, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for network, status in (("127.0.0.0/8", 200), ("192.0.2.0/24", 403)):
        s3.put_bucket_policy(
            Bucket=bucket,
            Policy=policy(
                statement(
                    "Allow",
                    "s3:GetObject",
                    f"arn:aws:s3:::{bucket}/*",
                    Condition={"IpAddress": {"aws:SourceIp": network}},
                )
            ),
        )
        assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
        # Anybody can write such a header: it says nothing.
        forged = {"X-Forwarded-For": "192.0.2.1"}
        assert anonymous(server, f"/{bucket}/k", forged) == status


def test_malformed_policies(s3: Any, bucket: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    for made, message in (
        (statement("Allow", "s3:GetObject", arn), "Action does not apply to any resource(s)"),
        (statement("Allow", "s3:GetObject", "arn:aws:s3:::x/*"), "Policy has invalid resource"),
        (statement("Allow", "s3:Get", f"{arn}/*"), "Policy has invalid action"),
        (
            statement("Allow", "s3:GetObject", f"{arn}/*", Principal={"AWS": "carol"}),
            "Invalid principal in policy",
        ),
    ):
        with pytest.raises(ClientError) as error:
            s3.put_bucket_policy(Bucket=bucket, Policy=policy(made))
        assert code_of(error) == ("MalformedPolicy", 400)
        assert message in str(error.value)
    assert refused(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"


def test_the_public_access_block(s3: Any, server: ServerProcess, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    code = "NoSuchPublicAccessBlockConfiguration"
    assert refused(s3.get_public_access_block, Bucket=bucket) == code
    flags = {
        "BlockPublicAcls": False,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": False,
    }
    public = policy(statement("Allow", "s3:GetObject", f"arn:aws:s3:::{bucket}/*"))

    def block(**changed: bool) -> None:
        s3.put_public_access_block(
            Bucket=bucket, PublicAccessBlockConfiguration={**flags, **changed}
        )

    block()
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == flags
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=public) == "AccessDenied"
    block(BlockPublicPolicy=False)
    s3.put_bucket_policy(Bucket=bucket, Policy=public)
    assert anonymous(server, f"/{bucket}/k") == 200
    block(RestrictPublicBuckets=True)
    assert anonymous(server, f"/{bucket}/k") == 403
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    s3.delete_public_access_block(Bucket=bucket)
    assert anonymous(server, f"/{bucket}/k") == 200
    assert refused(s3.get_public_access_block, Bucket=bucket) == code


def test_ownership_controls(s3: Any, bucket: str) -> None:
    def rules() -> Any:
        return s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]

    assert rules() == [{"ObjectOwnership": "ObjectWriter"}]
    for ownership in ("BucketOwnerEnforced", "BucketOwnerPreferred"):
        wanted = [{"ObjectOwnership": ownership}]
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": wanted})
        assert rules() == wanted
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    code = refused(s3.get_bucket_ownership_controls, Bucket=bucket)
    assert code == "OwnershipControlsNotFoundError"


def test_another_account_changes_none_of_these(s3: Any, other: Any, bucket: str) -> None:
    wanted = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    for call, arguments in (
        (other.put_bucket_policy, {"Policy": policy(statement("Allow", "s3:*", "*"))}),
        (other.delete_bucket_policy, {}),
        (other.get_bucket_policy_status, {}),
        (other.put_public_access_block, {"PublicAccessBlockConfiguration": {}}),
        (other.delete_public_access_block, {}),
        (other.get_public_access_block, {}),
        (other.put_bucket_ownership_controls, {"OwnershipControls": wanted}),
        (other.delete_bucket_ownership_controls, {}),
        (other.get_bucket_ownership_controls, {}),
    ):
        assert refused(call, Bucket=bucket, **arguments) == "AccessDenied"
