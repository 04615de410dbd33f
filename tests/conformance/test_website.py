"""Websites over real HTTP: configured by boto3 and the AWS command line, read by anybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.raw import Reply, Request, Wire
from tests.processes import Key, ServerProcess

CONFIGURATION = {
    "IndexDocument": {"Suffix": "index.html"},
    "ErrorDocument": {"Key": "error.html"},
    "RoutingRules": [
        {
            "Condition": {"KeyPrefixEquals": "old/"},
            "Redirect": {
                "HttpRedirectCode": "302",
                "Protocol": "https",
                "ReplaceKeyPrefixWith": "new/",
            },
        }
    ],
}


def make_public(s3: Any, bucket: str) -> None:
    """Let everybody read the bucket's objects, and not list them."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def ask(server: ServerProcess, host: str, path: str, method: str = "GET", **more: str) -> Reply:
    headers = {"Host": host, **{name.replace("_", "-"): value for name, value in more.items()}}
    with Wire(server.port) as wire:
        return wire.ask(Request(method, path, headers=headers))


def test_boto3_puts_reads_and_deletes_a_configuration(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="NoSuchWebsiteConfiguration"):
        s3.get_bucket_website(Bucket=bucket)
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=CONFIGURATION)
    seen = s3.get_bucket_website(Bucket=bucket)
    del seen["ResponseMetadata"]
    assert seen == CONFIGURATION
    s3.delete_bucket_website(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchWebsiteConfiguration"):
        s3.get_bucket_website(Bucket=bucket)


def test_the_aws_command_line_publishes_a_site(
    aws: Callable[..., str], s3: Any, server: ServerProcess, bucket: str, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    (site / "docs").mkdir(parents=True)
    (site / "index.html").write_text("<h1>home</h1>")
    (site / "docs" / "index.html").write_text("<h1>docs</h1>")
    (site / "oops.html").write_text("<h1>oops</h1>")
    aws("s3", "sync", str(site), f"s3://{bucket}")
    aws(
        "s3", "website", f"s3://{bucket}", "--index-document", "index.html", "--error-document",
        "oops.html",
    )  # fmt: skip
    shown = json.loads(aws("s3api", "get-bucket-website", "--bucket", bucket))
    assert shown["IndexDocument"] == {"Suffix": "index.html"}
    host = f"{bucket}.web.localhost:{server.port}"
    assert ask(server, host, "/").status == 403  # nobody may read it yet
    make_public(s3, bucket)
    reply = ask(server, host, "/")
    assert (reply.status, reply.body) == (200, b"<h1>home</h1>")
    assert reply.headers["content-type"] == "text/html"
    reply = ask(server, host, "/docs")
    assert (reply.status, reply.headers["location"]) == (302, f"http://{host}/docs/")
    assert ask(server, host, "/docs/").body == b"<h1>docs</h1>"
    reply = ask(server, host, "/missing")
    assert (reply.status, reply.body) == (403, b"<h1>oops</h1>")
    aws("s3api", "delete-bucket-website", "--bucket", bucket)
    reply = ask(server, host, "/")
    assert (reply.status, b"NoSuchWebsiteConfiguration" in reply.body) == (404, True)


def test_rules_moved_objects_and_head(s3: Any, server: ServerProcess, bucket: str) -> None:
    make_public(s3, bucket)
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=CONFIGURATION)
    s3.put_object(Bucket=bucket, Key="page", Body=b"x" * 500_000)
    s3.put_object(Bucket=bucket, Key="away", WebsiteRedirectLocation="https://a.example/")
    host = f"{bucket}.web.localhost"
    reply = ask(server, host, "/old/a?b=c")
    assert (reply.status, reply.headers["location"]) == (302, f"https://{host}/new/a")
    reply = ask(server, host, "/away")
    assert (reply.status, reply.headers["location"]) == (301, "https://a.example/")
    reply = ask(server, host, "/page", "HEAD")
    assert (reply.status, reply.headers["content-length"], reply.body) == (200, "500000", b"")
    assert ask(server, host, "/page").body == b"x" * 500_000
    reply = ask(server, host, "/page", Range="bytes=1-3")
    assert (reply.status, reply.body) == (206, b"xxx")
    etag = ask(server, host, "/page").headers["etag"]
    assert ask(server, host, "/page", If_None_Match=etag).status == 304


def test_the_two_endpoints_never_answer_for_each_other(
    s3: Any, server: ServerProcess, alice: Key, bucket: str
) -> None:
    make_public(s3, bucket)
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=CONFIGURATION)
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"home")
    website = f"{bucket}.web.localhost"
    for path in ("/", "/?acl", "/?list-type=2"):
        assert ask(server, website, path).body == b"home"
    for path in ("/_z4/metrics", "/_z4/health/live", "/minio/health/live"):
        reply = ask(server, website, path)
        assert (reply.status, b"<li>Code: AccessDenied</li>" in reply.body) == (403, True)
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        reply = ask(server, website, "/index.html", method)
        assert (reply.status, b"MethodNotAllowed" in reply.body) == (405, True)
    assert s3.get_object(Bucket=bucket, Key="index.html")["Body"].read() == b"home"
    for host, path in ((f"127.0.0.1:{server.port}", f"/{bucket}/"), (f"{bucket}.s3.local", "/")):
        reply = ask(server, host, path)
        assert (reply.status, reply.code) == (403, "AccessDenied")
    assert ask(server, "web.localhost", f"/{bucket}/index.html").status == 404
