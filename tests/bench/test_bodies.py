"""Bodies of all sizes come out of one block, the same ones each time."""

from __future__ import annotations

from hashlib import sha256

import pytest

from z4tw.bench.bodies import BLOCK_BYTES, Bodies


@pytest.mark.parametrize("size", [0, 1, 1000, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES - 7])
def test_pieces_make_up_the_body_that_was_hashed(size: int) -> None:
    bodies, sent = Bodies(), bytearray()
    while len(sent) < size:
        sent += bodies.piece(len(sent), size)
    assert len(sent) == size
    assert sha256(sent).hexdigest() == bodies.sha256(size)


def test_a_piece_may_begin_anywhere() -> None:
    bodies = Bodies()
    assert bytes(bodies.piece(BLOCK_BYTES + 5, BLOCK_BYTES + 8)) == bodies.block[5:8]
