"""The value that a request becomes."""

from __future__ import annotations

import pytest

from z4tw.s3.call import S3Call


def test_a_call_cannot_be_changed_after_it_was_authorized() -> None:
    call = S3Call("GetObject", "bucket", "key", {}, {}, False)
    with pytest.raises(AttributeError):
        call.operation = "PutObject"  # type: ignore[misc]
