"""The table of S3 error codes."""

from __future__ import annotations

import pytest

from z4tw import errors
from z4tw.errors import BY_CODE, S3Error


def test_every_code_names_its_class_and_is_in_the_module() -> None:
    assert len(BY_CODE) > 90
    for code, cls in BY_CODE.items():
        assert cls.code == code
        assert cls.__name__ == code.replace(".", "")
        assert getattr(errors, cls.__name__) is cls
        assert issubclass(cls, S3Error)


def test_every_status_is_an_answer_that_is_not_success_and_has_a_text() -> None:
    for cls in BY_CODE.values():
        assert 300 <= cls.status < 600
        assert cls.message.strip() == cls.message != ""
        assert cls().message == cls.message


def test_message_details_and_headers_belong_to_one_error() -> None:
    first = errors.NoSuchKey("gone", Key="a")
    second = errors.NoSuchKey()
    first.headers.append(("x-amz-delete-marker", "true"))
    assert (first.message, first.details, str(first)) == ("gone", {"Key": "a"}, "gone")
    assert (second.message, second.details) == ("The specified key does not exist.", {})
    assert second.headers == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDenied", 403),
        ("BucketAlreadyOwnedByYou", 409),
        ("ConditionalRequestConflict", 409),
        ("InsufficientStorage", 507),
        ("InvalidRange", 416),
        ("MissingContentLength", 411),
        ("NoSuchUpload", 404),
        ("NotImplemented", 501),
        ("NotModified", 304),
        ("PreconditionFailed", 412),
        ("SlowDown", 503),
        ("TemporaryRedirect", 307),
    ],
)
def test_statuses_are_those_that_aws_documents(code: str, status: int) -> None:
    assert BY_CODE[code].status == status


def test_internal_errors_are_not_answers() -> None:
    assert not issubclass(errors.CorruptBlob, S3Error)
    assert "CorruptBlob" not in BY_CODE
