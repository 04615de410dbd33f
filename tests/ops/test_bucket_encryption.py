"""The default encryption of buckets."""

from __future__ import annotations

from tests.ops.encrypted import ARN, EncryptedHarness, customer
from tests.ops.harness import Answer, Harness
from z4tw.s3.encryption import KMS_KEY, SSE

ROOT = "ServerSideEncryptionConfiguration"


def configuration(default: str, more: str = "") -> bytes:
    applied = f"<ApplyServerSideEncryptionByDefault>{default}</ApplyServerSideEncryptionByDefault>"
    return f"<{ROOT}><Rule>{applied if default else ''}{more}</Rule></{ROOT}>".encode()


AES = "<SSEAlgorithm>AES256</SSEAlgorithm>"
KMS = "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{}</KMSMasterKeyID>"
BLOCKED = "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"


def put(harness: Harness, default: str, more: str = "") -> Answer:
    return harness.request("PUT", "/bucket?encryption", body=configuration(default, more))


def told(harness: Harness) -> str | None:
    answer = harness.request("GET", "/bucket?encryption")
    if answer.error:
        return answer.error
    return answer.text("Rule/ApplyServerSideEncryptionByDefault/SSEAlgorithm")


def test_without_a_configuration_it_says_what_the_store_does() -> None:
    assert told(EncryptedHarness()) == "AES256"
    missing = "ServerSideEncryptionConfigurationNotFoundError"
    assert told(EncryptedHarness(seals_all=False)) == missing
    plain = Harness()
    plain.bucket()
    assert told(plain) == missing


def test_what_was_configured_is_done_and_told() -> None:
    harness = EncryptedHarness(seals_all=False)
    assert put(harness, AES).status == 200
    assert told(harness) == "AES256"
    assert harness.put("/bucket/key").headers[SSE] == "AES256"
    assert put(harness, KMS.format("orders")).status == 200
    assert told(harness) == "aws:kms"
    assert harness.put("/bucket/key").headers[KMS_KEY] == f"{ARN}orders"
    for _ in range(2):
        assert harness.request("DELETE", "/bucket?encryption").status == 204
    assert SSE not in harness.put("/bucket/key").headers


def test_a_missing_key_fails_the_write_and_not_the_setting() -> None:
    harness = EncryptedHarness()
    assert put(harness, KMS.format("none")).status == 200
    refused = harness.request("PUT", "/bucket/key", body=b"x")
    assert (refused.status, refused.error) == (400, "KMS.NotFoundException")
    assert harness.request("POST", "/bucket/key?uploads").error == "KMS.NotFoundException"


def test_a_store_without_keys_takes_no_default_but_may_block() -> None:
    harness = Harness()
    harness.bucket()
    assert put(harness, AES).error == "NotImplemented"
    assert put(harness, "", BLOCKED).status == 200
    blocked = harness.request("PUT", "/bucket/key", customer(), b"x")
    assert (blocked.status, blocked.error) == (403, "AccessDenied")
    assert harness.put("/bucket/key", b"x").status == 200
    answer = harness.request("GET", "/bucket?encryption")
    assert answer.texts("Rule/BlockedEncryptionTypes/EncryptionType") == ["SSE-C"]


def test_a_malformed_document_changes_nothing() -> None:
    harness = EncryptedHarness()
    put(harness, KMS.format("orders"))
    assert put(harness, "<SSEAlgorithm>DES</SSEAlgorithm>").error == "MalformedXML"
    assert told(harness) == "aws:kms"
