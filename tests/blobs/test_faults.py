"""What errors of a disk mean."""

from __future__ import annotations

import errno

import pytest

from z4tw.blobs.faults import DiskHealth
from z4tw.errors import InsufficientStorage, InternalError, ServiceUnavailable


@pytest.mark.parametrize(
    ("number", "answer", "read_only"),
    [
        (errno.ENOSPC, InsufficientStorage, False),
        (errno.EDQUOT, InsufficientStorage, False),
        (errno.EMFILE, ServiceUnavailable, False),
        (errno.EEXIST, InternalError, False),
        (errno.EIO, InternalError, True),
        (errno.EROFS, InternalError, True),
        (errno.EACCES, InternalError, True),
        (None, InternalError, True),
    ],
)
def test_answers(number: int | None, answer: type[Exception], read_only: bool) -> None:
    errors: list[OSError] = []
    health = DiskHealth(errors.append)
    error = OSError(number, "injected") if number else OSError("without a number")
    judged = health.judge(error)
    assert type(judged) is answer
    assert judged.__cause__ is error
    assert health.read_only is read_only
    assert errors == ([error] if read_only else [])
    if read_only:
        with pytest.raises(ServiceUnavailable):
            health.check()
    else:
        health.check()


def test_the_first_error_is_told_once() -> None:
    errors: list[OSError] = []
    health = DiskHealth(errors.append)
    first, second = OSError(errno.EIO, "1"), OSError(errno.EIO, "2")
    health.judge(first)
    health.judge(second)
    assert errors == [first]
    assert health.error is first
