"""Clients that write to a server that may die, and remember what they were promised."""

from __future__ import annotations

import hashlib
import random
import threading
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

SIZES = (0, 10, 3_000, 4_096, 4_097, 70_000, 1_200_000)
PART = 5 * 1024 * 1024
LOST = (BotoCoreError, HTTPClientError, OSError)


@dataclass
class Expected:
    """What a key may hold: the last state that was acknowledged, and those of requests whose
    answer never came. A state is the SHA-256 of the body, or None for absent."""

    acknowledged: str | None = None
    possible: set[str | None] = field(default_factory=set)

    def allows(self, found: str | None) -> bool:
        return found == self.acknowledged or found in self.possible


class Writer(threading.Thread):
    """One client with keys of its own, so that its own answers tell what the keys hold."""

    def __init__(
        self, number: int, client: Any, bucket: str, seed: int, expected: dict[str, Expected]
    ) -> None:
        super().__init__(daemon=True)
        self._number = number
        self._client = client
        self._bucket = bucket
        self._rng = random.Random(seed)
        self._expected = expected
        self.stopping = False
        self.acknowledged = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Write until the server is gone, or told to stop."""
        try:
            while not self.stopping:
                self._step()
        except LOST:
            return
        except ClientError as error:
            # 503: the store process is gone, the outcome is unknown.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                self.failure = error
        except BaseException as error:
            self.failure = error

    def _step(self) -> None:
        rng = self._rng
        key = f"w{self._number}/{rng.randrange(12)}"
        action = rng.choices(("put", "delete", "copy", "multipart"), (12, 3, 3, 1))[0]
        where = {"Bucket": self._bucket, "Key": key}
        if action == "delete":
            self._do(key, None, lambda: self._client.delete_object(**where))
        elif action == "copy":
            source = f"w{self._number}/{rng.randrange(12)}"
            digest = self._expected.get(source, Expected())
            if digest.acknowledged is None or digest.possible or source == key:
                return
            self._do(
                key,
                digest.acknowledged,
                lambda: self._client.copy_object(
                    **where, CopySource={"Bucket": self._bucket, "Key": source}
                ),
            )
        elif action == "put":
            body = rng.randbytes(rng.choice(SIZES))
            self._do(key, sha(body), lambda: self._client.put_object(**where, Body=body))
        else:
            self._multipart(key, where)

    def _multipart(self, key: str, where: dict[str, str]) -> None:
        bodies = [self._rng.randbytes(PART), self._rng.randbytes(1000)]
        upload = self._client.create_multipart_upload(**where)["UploadId"]
        parts = []
        for number, body in enumerate(bodies, 1):
            answer = self._client.upload_part(
                **where, UploadId=upload, PartNumber=number, Body=body
            )
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._do(
            key,
            sha(b"".join(bodies)),
            lambda: self._client.complete_multipart_upload(
                **where, UploadId=upload, MultipartUpload={"Parts": parts}
            ),
        )

    def _do(self, key: str, state: str | None, request: Any) -> None:
        expected = self._expected.setdefault(key, Expected())
        expected.possible.add(state)
        request()
        expected.acknowledged = state
        expected.possible.clear()
        self.acknowledged += 1


def sha(body: bytes) -> str:
    """How a state is remembered."""
    return hashlib.sha256(body).hexdigest()


def check(client: Any, bucket: str, expected: dict[str, Expected]) -> list[str]:
    """Compare every key with what it may hold, by reading it and by listing; what is wrong."""
    wrong = []
    listed = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        listed |= {item["Key"]: item["Size"] for item in page.get("Contents", [])}
    for key, state in expected.items():
        found: str | None
        try:
            body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            found = sha(body)
            if listed.get(key) != len(body):
                wrong.append(f"{key} has {len(body)} bytes, the listing says {listed.get(key)}")
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            found = None
            if key in listed:
                wrong.append(f"{key} is listed but not there")
        if not state.allows(found):
            wrong.append(f"{key} holds {found}, promised {state.acknowledged}")
        # From here on the key holds what it was seen to hold.
        state.acknowledged = found
        state.possible.clear()
    for key in set(listed) - set(expected):
        wrong.append(f"{key} was never written")
    return wrong
