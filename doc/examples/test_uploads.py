"""Tests of a program that stores things in S3."""

import boto3
import pytest


@pytest.fixture
def s3(z4_server):
    return boto3.client(
        "s3",
        endpoint_url=z4_server.endpoint_url,
        region_name=z4_server.region,
        aws_access_key_id=z4_server.access_key_id,
        aws_secret_access_key=z4_server.secret_access_key,
    )


def test_an_upload_can_be_read_back(s3, z4_bucket):
    s3.put_object(Bucket=z4_bucket, Key="report.txt", Body=b"all well")
    assert s3.get_object(Bucket=z4_bucket, Key="report.txt")["Body"].read() == b"all well"


def test_only_the_first_writer_creates_a_lock(s3, z4_bucket):
    s3.put_object(Bucket=z4_bucket, Key="lock", Body=b"me", IfNoneMatch="*")
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=z4_bucket, Key="lock", Body=b"you", IfNoneMatch="*")
