"""The token service's answers are well-formed, whatever they hold."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from z4tw.sts.documents import (
    IssuedCredentials,
    assumed_role,
    caller_identity,
    error_document,
    session_token,
)
from z4tw.sts.errors import StsError

NS = "{https://sts.amazonaws.com/doc/2011-06-15/}"
ISSUED = IssuedCredentials("ZT4AAA", "secret", "token==", 1_760_000_000)


def texts(document: bytes) -> dict[str, str]:
    root = ET.fromstring(document)
    return {element.tag.removeprefix(NS): element.text or "" for element in root.iter()}


def test_the_answers_hold_what_clients_read() -> None:
    identity = texts(caller_identity("arn", "id", "123456789012", "r"))
    assert (identity["Arn"], identity["UserId"]) == ("arn", "id")
    assert (identity["Account"], identity["RequestId"]) == ("123456789012", "r")
    issued = texts(session_token(ISSUED, "r"))
    assert issued["AccessKeyId"] == "ZT4AAA"
    assert issued["SecretAccessKey"] == "secret"
    assert issued["SessionToken"] == "token=="
    assert issued["Expiration"] == "2025-10-09T08:53:20Z"
    assumed = texts(assumed_role(ISSUED, "arn", "id:x", 7, "r"))
    assert (assumed["AssumedRoleId"], assumed["PackedPolicySize"]) == ("id:x", "7")
    assert "PackedPolicySize" not in texts(assumed_role(ISSUED, "arn", "id:x", None, "r"))


def test_an_error_is_escaped_and_says_whose_fault_it_is() -> None:
    found = texts(error_document(StsError("InvalidAction", "<a>&\x00", 400), "r"))
    assert (found["Code"], found["Type"], found["Message"]) == (
        "InvalidAction",
        "Sender",
        "<a>&\ufffd",
    )
    assert texts(error_document(StsError("InternalFailure", "", 500), "r"))["Type"] == "Receiver"


def test_issued_credentials_do_not_show_what_is_secret() -> None:
    assert "secret" not in repr(ISSUED)
    assert "token" not in repr(ISSUED)
