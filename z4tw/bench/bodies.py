"""Bodies of uploads: any size out of one block of random bytes, so that memory stays bounded."""

from __future__ import annotations

import random
from hashlib import sha256

BLOCK_BYTES = 1 << 20
EMPTY_SHA256 = sha256(b"").hexdigest()


class Bodies:
    """The body of each size: the block again and again, cut off at the size."""

    def __init__(self, seed: int = 0) -> None:
        self.block = random.Random(seed).randbytes(BLOCK_BYTES)
        self.view = memoryview(self.block)
        self._hashes: dict[int, str] = {0: EMPTY_SHA256}

    def sha256(self, size: int) -> str:
        """The SHA-256 of the body of a size, in hex."""
        found = self._hashes.get(size)
        if found is None:
            digest = sha256()
            for start in range(0, size, BLOCK_BYTES):
                digest.update(self.view[: size - start])
            found = self._hashes[size] = digest.hexdigest()
        return found

    def piece(self, offset: int, size: int) -> memoryview:
        """The bytes of the body of a size from an offset on, up to the end of a block."""
        start = offset % BLOCK_BYTES
        return self.view[start : start + size - offset]
