"""Access logging of a bucket into another one, by boto3 on a real server."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.processes import ServerProcess, boto3_client, make_key

FIELD = re.compile(r'\[[^]]*\]|"[^"]*"|[^ ]+')


def lines_of(s3: Any, bucket: str, wanted: int) -> list[list[str]]:
    """The fields of all lines in a bucket of logs, once there are so many."""
    deadline = time.monotonic() + 30
    while True:
        listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        text = "".join(
            s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode("ascii")
            for one in listed
        )
        lines = [FIELD.findall(line) for line in text.splitlines()]
        if len(lines) >= wanted:
            return lines
        assert time.monotonic() < deadline, text
        time.sleep(0.1)


def test_requests_upon_a_bucket_become_lines(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess(data, "--workers", "2", "--bucket-log-seconds", "0.5") as server:
        key = make_key(data, "alice")
        s3 = boto3_client(server, key)
        for name in ("source", "logs"):
            s3.create_bucket(Bucket=name)
        asked = {
            "TargetBucket": "logs",
            "TargetPrefix": "of/source/",
            "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}},
        }
        s3.put_bucket_logging(Bucket="source", BucketLoggingStatus={"LoggingEnabled": asked})
        assert s3.get_bucket_logging(Bucket="source")["LoggingEnabled"] == asked
        s3.put_object(Bucket="source", Key="a b", Body=b"12345")
        s3.get_object(Bucket="source", Key="a b", Range="bytes=0-1")["Body"].read()
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket="source", Key="absent")
        s3.put_object(Bucket="logs", Key="not/logged", Body=b"")
        s3.delete_object(Bucket="logs", Key="not/logged")
        lines = lines_of(s3, "logs", 4)
        assert {len(fields) for fields in lines} == {27}
        by_operation = {fields[6]: fields for fields in lines}
        assert set(by_operation) == {
            "REST.GET.LOGGING_STATUS",
            "REST.PUT.OBJECT",
            "REST.GET.OBJECT",
        }
        put = by_operation["REST.PUT.OBJECT"]
        assert (put[1], put[7], put[9], put[10], put[12]) == ("source", "a%20b", "200", "-", "5")
        assert (put[19], put[21]) == ("SigV4", "AuthHeader")
        gets = {fields[9]: fields for fields in lines if fields[6] == "REST.GET.OBJECT"}
        assert (gets["206"][11], gets["206"][12]) == ("2", "5")
        assert gets["404"][10] == "NoSuchKey"
        (first, *_) = s3.list_objects_v2(Bucket="logs")["Contents"]
        assert re.fullmatch(
            r"of/source/\d{12}/us-east-1/source/\d{4}/\d\d/\d\d/"
            r"\d{4}-\d\d-\d\d-00-00-00-[0-9A-F]{16}",
            first["Key"],
        )
        for name in ("absent", "Not_A_Bucket"):
            with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
                s3.put_bucket_logging(
                    Bucket="source",
                    BucketLoggingStatus={
                        "LoggingEnabled": {"TargetBucket": name, "TargetPrefix": ""}
                    },
                )


def test_a_stop_delivers_what_was_collected(tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = make_key(data, "alice")
    with ServerProcess(data, "--workers", "1") as server:
        s3 = boto3_client(server, key)
        s3.create_bucket(Bucket="logs")
        s3.put_bucket_logging(
            Bucket="logs",
            BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "x-"}},
        )
        s3.head_bucket(Bucket="logs")
        assert server.stop() == 0
    with ServerProcess(data, "--workers", "1") as server:
        (fields,) = lines_of(boto3_client(server, key), "logs", 1)
        assert fields[6] == "REST.HEAD.BUCKET"
