"""A harness with keys, and the headers that ask for encryption."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from tests.ops.harness import Harness
from z4tw.blobs.memory import MemoryBlobStore
from z4tw.ops.context import Settings
from z4tw.s3.encryption import CUSTOMER, KMS_KEY, SSE
from z4tw.sse.envelope import Envelope, NamedKey, key_id

OWN, ORDERS, BILLS, FROZEN = (bytes([number]) * 32 for number in range(1, 5))
ONE, TWO = bytes(range(32)), bytes(range(1, 33))
FILE = b"These words stand at the very beginning of the file. " + b"some bytes " * 1000
ARN = "arn:aws:kms:us-east-1:000000000000:key/"


class EncryptedHarness(Harness):
    """``seals_all`` False: only what asks for encryption is encrypted."""

    def __init__(self, *, seals_all: bool = True, **options: Any) -> None:
        self._seals_all = seals_all
        super().__init__(settings=Settings(region="us-east-1", min_part_bytes=1), **options)
        self.bucket()

    def make_blobs(self) -> Any:
        named = {
            "orders": NamedKey(key_id(ORDERS), True),
            "bills": NamedKey(key_id(BILLS), True),
            "frozen": NamedKey(key_id(FROZEN), False),
        }
        keys = Envelope(
            (OWN, ORDERS, BILLS, FROZEN),
            key_id(OWN),
            self.random.randbytes,
            named=named,
            seals_all=self._seals_all,
        )
        return MemoryBlobStore(self.clock.now_ms, self.random.randbytes, keys=keys)

    def stored(self) -> bytes:
        """All that lies in the blob store."""
        return b"".join(bytes(one.content) + one.record for one in self.blobs.blobs.values())


def customer(key: bytes = ONE, prefix: str = CUSTOMER) -> dict[str, str]:
    return {
        f"{prefix}algorithm": "AES256",
        f"{prefix}key": base64.b64encode(key).decode(),
        f"{prefix}key-md5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }


def kms(key_id: str = "orders", **more: str) -> dict[str, str]:
    return {SSE: "aws:kms", KMS_KEY: key_id, **more}
