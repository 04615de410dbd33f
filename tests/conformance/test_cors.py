"""CORS over real HTTP: boto3 and the AWS command line set rules, and answers obey them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.raw import Request, Wire
from tests.processes import Key, ServerProcess

RULES = {
    "CORSRules": [
        {
            "ID": "uploads",
            "AllowedOrigins": ["https://*.example.com"],
            "AllowedMethods": ["PUT", "POST"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "x-amz-version-id"],
            "MaxAgeSeconds": 300,
        },
        {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
    ]
}


def test_boto3_puts_reads_and_deletes_rules(s3: Any, bucket: str) -> None:
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=RULES)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES["CORSRules"]
    s3.delete_bucket_cors(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=bucket)


def test_the_aws_command_line_does_too(aws: Callable[..., str], bucket: str) -> None:
    aws(
        "s3api", "put-bucket-cors", "--bucket", bucket, "--cors-configuration", json.dumps(RULES)
    )  # fmt: skip
    assert json.loads(aws("s3api", "get-bucket-cors", "--bucket", bucket)) == RULES
    aws("s3api", "delete-bucket-cors", "--bucket", bucket)


def test_preflights_and_answers_on_the_wire(
    s3: Any, server: ServerProcess, bucket: str, alice: Key
) -> None:
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=RULES)
    ask = {
        "Host": f"127.0.0.1:{server.port}",
        "Origin": "https://www.example.com",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,x-amz-date",
    }
    with Wire(server.port) as wire:
        reply = wire.ask(Request("OPTIONS", f"/{bucket}/key", headers=ask))
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["access-control-allow-origin"] == "https://www.example.com"
        assert reply.headers["access-control-allow-headers"] == "authorization, x-amz-date"
        assert reply.headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
        ask["Origin"] = "https://example.org"
        reply = wire.ask(Request("OPTIONS", f"/{bucket}/key", headers=ask))
        assert (reply.status, reply.code) == (403, "AccessForbidden")
        plain = {"Host": ask["Host"], "Origin": "https://example.org"}
        reply = wire.ask(Request("GET", f"/{bucket}/key", headers=plain))
        assert (reply.status, reply.code) == (403, "AccessDenied")
        assert reply.headers["access-control-allow-origin"] == "*"
        reply = wire.ask(Request("PUT", f"/{bucket}/key", headers=plain, body=b"x"))
        assert (reply.status, reply.code) == (403, "AccessDenied")
        assert "access-control-allow-origin" not in reply.headers
