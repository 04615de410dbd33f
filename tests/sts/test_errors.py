"""The token service's own error codes."""

from __future__ import annotations

import pytest

from z4tw import errors
from z4tw.sts.errors import StsError, access_denied, as_sts, validation


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.InvalidAccessKeyId(), "InvalidClientTokenId", 403),
        (errors.InvalidToken(), "InvalidClientTokenId", 403),
        (errors.ExpiredToken(), "ExpiredToken", 403),
        (errors.SignatureDoesNotMatch(), "SignatureDoesNotMatch", 403),
        (errors.AuthorizationHeaderMalformed(), "IncompleteSignature", 400),
        (errors.RequestTimeTooSkewed(), "RequestExpired", 400),
        (errors.AccessDenied(), "AccessDenied", 403),
    ],
)
def test_errors_of_signatures_have_the_names_of_this_service(
    error: errors.S3Error, code: str, status: int
) -> None:
    translated = as_sts(error)
    assert (translated.code, translated.status) == (code, status)
    assert translated.message


def test_what_is_refused_names_who_asked_and_for_what() -> None:
    error = access_denied("arn:aws:iam::1:user/x", "sts:AssumeRole", "arn:aws:iam::1:role/y")
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert "user/x is not authorized to perform: sts:AssumeRole" in error.message
    assert isinstance(validation("why"), StsError)
    assert validation("why").code == "ValidationError"
