"""The errors of the Security Token Service, whose codes and statuses are not S3's.

https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from z4tw.errors import S3Error


class StsError(Exception):
    """An error answer of the service: its code, its text and its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


_BAD_TOKEN = "The security token included in the request is invalid."  # noqa: S105
_INCOMPLETE = "IncompleteSignature"
_SIGNATURE = {
    "AuthorizationHeaderMalformed": (_INCOMPLETE, 400),
    "ExpiredToken": ("ExpiredToken", 403),
    "InvalidAccessKeyId": ("InvalidClientTokenId", 403),
    "InvalidArgument": (_INCOMPLETE, 400),
    "InvalidRequest": (_INCOMPLETE, 400),
    "InvalidToken": ("InvalidClientTokenId", 403),
    "RequestTimeTooSkewed": ("RequestExpired", 400),
    "SignatureDoesNotMatch": ("SignatureDoesNotMatch", 403),
}
"""What an error of checking a signature is called here."""


def as_sts(error: S3Error) -> StsError:
    """An error that S3 would answer, as this service says it."""
    code, status = _SIGNATURE.get(error.code, (error.code, error.status))
    return StsError(code, _BAD_TOKEN if code == "InvalidClientTokenId" else error.message, status)


def validation(why: str) -> StsError:
    """The refusal of a parameter."""
    return StsError("ValidationError", why)


def access_denied(arn: str, action: str, resource: str) -> StsError:
    """The refusal of an action, as AWS words it; absent roles are refused with the same words."""
    return StsError(
        "AccessDenied",
        f"User: {arn} is not authorized to perform: {action} on resource: {resource}",
        403,
    )
