"""Which encryption a request gets, and who may open what."""

from __future__ import annotations

import msgspec
import pytest

from tests.ops.encrypted import ARN, FILE, ONE, TWO, EncryptedHarness, customer, kms
from tests.ops.harness import Answer, Harness
from tests.ops.post_forms import CONTENT_TYPE, form_body, signed_fields
from z4tw.interfaces import Decision, Effect, PolicyRequest
from z4tw.model.objects import SSE_C, SSE_KMS, SSE_S3, Encryption
from z4tw.ops.encryption import same_bytes
from z4tw.s3.encryption import BUCKET_KEY, COPY_CUSTOMER, SECRET_HEADERS, SSE
from z4tw.sse.customer import verifier

SALT = b"s" * 32
CUSTOMERS = Encryption(SSE_C, salt=SALT, verifier=verifier(ONE, SALT))
AT_REST = Encryption(SSE_S3)
ORDERS = Encryption(SSE_KMS, "orders")


def put(harness: Harness, body: bytes = FILE, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return harness.request("PUT", "/bucket/key", named, body)


def test_what_asks_for_nothing_is_as_the_store_is() -> None:
    sealing = EncryptedHarness()
    assert sealing.put("/bucket/key", FILE).headers[SSE] == "AES256"
    assert FILE[:50] not in sealing.stored()
    for_askers = EncryptedHarness(seals_all=False)
    assert SSE not in for_askers.put("/bucket/key", FILE).headers
    assert FILE[:50] in for_askers.stored()


@pytest.mark.parametrize("body", [FILE, b"inline", b""])
def test_what_asks_is_encrypted_in_a_store_that_is_not(body: bytes) -> None:
    harness = EncryptedHarness(seals_all=False)
    asked: tuple[dict[str, str], ...] = ({SSE: "AES256"}, {SSE: "aws:kms"}, kms())
    for headers in asked:
        answer = harness.put("/bucket/key", body, headers=headers)
        assert answer.headers[SSE] == headers[SSE]
        assert harness.request("GET", "/bucket/key").body == body
    assert FILE[:50] not in harness.stored()


def test_a_store_without_keys_does_not_lie() -> None:
    harness = Harness()
    harness.bucket()
    for headers in ({SSE: "AES256"}, {SSE: "aws:kms"}, kms()):
        refused = harness.request("PUT", "/bucket/key", headers, FILE)
        assert (refused.status, refused.error) == (501, "NotImplemented")
        assert "Z4_ENCRYPTION_KEY" in refused.message
    assert harness.put("/bucket/key", FILE, headers=customer()).status == 200


def test_a_key_that_was_disabled_opens_nothing_any_more() -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", FILE, headers=kms("orders"))
    keys = harness.blobs.keys
    keys._named["orders"] = keys._named["orders"]._replace(enabled=False)
    for method in ("GET", "HEAD"):
        refused = harness.request(method, "/bucket/key")
        assert (refused.status, refused.error) == (400, "KMS.DisabledException")
    copy = {"x-amz-copy-source": "/bucket/key"}
    assert harness.request("PUT", "/bucket/copy", copy).error == "KMS.DisabledException"
    del keys._named["orders"]
    assert harness.request("GET", "/bucket/key").error == "KMS.NotFoundException"


@pytest.mark.parametrize(
    ("peer", "secure", "good"),
    [
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("192.0.2.1", True, True),
        ("192.0.2.1", False, False),
        ("2001:db8::1", False, False),
        ("nonsense", False, False),
    ],
)
def test_a_customers_key_takes_a_connection_that_nobody_reads(
    peer: str, secure: bool, good: bool
) -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", FILE, headers=customer())
    head = harness.head_of(
        "GET", "/bucket/key", customer(), b"", harness.user, None, "us-east-1", False, False
    )
    answer = harness.request(
        "GET", "/bucket/key", head=msgspec.structs.replace(head, peer=peer, secure=secure)
    )
    if good:
        assert answer.body == FILE
    else:
        assert (answer.status, answer.error) == (400, "InvalidRequest")
        assert "secure connection" in answer.message


def test_a_customers_key_is_no_part_of_a_url() -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", FILE, headers=customer())
    query = "&".join(f"{name}={value}" for name, value in customer().items())
    for target in (f"/bucket/key?{query.replace('/', '%2F').replace('+', '%2B')}",):
        refused = harness.request("GET", target.replace("==", "%3D%3D"), presign=True)
        assert (refused.status, refused.error) == (400, "InvalidRequest")
        assert "URL" in refused.message


def test_the_right_key_and_no_other() -> None:
    harness = EncryptedHarness()
    for body in (FILE, b"inline", b""):
        harness.put("/bucket/key", body, headers=customer())
        assert harness.request("GET", "/bucket/key", customer()).body == body
        for method in ("GET", "HEAD"):
            missing = harness.request(method, "/bucket/key")
            assert (missing.status, missing.error) == (400, "InvalidRequest")
            wrong = harness.request(method, "/bucket/key", customer(TWO))
            assert (wrong.status, wrong.error) == (403, "AccessDenied")
    harness.put("/bucket/key", FILE)
    needless = harness.request("GET", "/bucket/key", customer())
    assert (needless.status, needless.error) == (400, "InvalidRequest")


def test_conditions_tell_nothing_to_who_has_no_key() -> None:
    harness = EncryptedHarness()
    etag = harness.put("/bucket/key", FILE, headers=customer()).headers["etag"]
    for condition in ({"if-match": "x"}, {"if-none-match": etag}):
        assert harness.request("GET", "/bucket/key", condition).error == "InvalidRequest"
        wrong = {**condition, **customer(TWO)}
        assert harness.request("GET", "/bucket/key", wrong).error == "AccessDenied"


@pytest.mark.parametrize("operation", [("DELETE", "/bucket/key"), ("GET", "/bucket")])
def test_headers_of_encryption_where_there_is_none(operation: tuple[str, str]) -> None:
    harness = EncryptedHarness()
    for headers in ({SSE: "AES256"}, customer(), customer(prefix=COPY_CUSTOMER)):
        assert harness.request(*operation, headers).error == "InvalidArgument"
    assert harness.request("GET", "/bucket/key", {SSE: "AES256"}).error == "InvalidArgument"


def test_evaluators_see_the_wish_and_never_a_customers_key() -> None:
    seen: list[PolicyRequest] = []

    class Looking:
        def evaluate(self, request: PolicyRequest) -> Decision:
            seen.append(request)
            return Decision(Effect.ABSTAIN, "")

    harness = EncryptedHarness(evaluators=[Looking()])
    harness.put("/bucket/key", FILE, headers=kms())
    assert seen[-1].context[f"s3:{SSE}"] == "aws:kms"
    assert seen[-1].context[f"s3:{SSE}-aws-kms-key-id"] == f"{ARN}orders"
    harness.put("/bucket/key", FILE, headers=customer())
    assert seen[-1].context[f"s3:{SSE}-customer-algorithm"] == "AES256"
    for request in seen:
        assert not {f"s3:{name}" for name in SECRET_HEADERS} & set(request.context)


def test_an_explicit_bucket_key_goes_before_the_buckets() -> None:
    harness = EncryptedHarness()
    document = (
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
        "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>bills</KMSMasterKeyID>"
        "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled>"
        "</Rule></ServerSideEncryptionConfiguration>"
    )
    answer = harness.request("PUT", "/bucket?encryption", body=document.encode())
    assert answer.status == 200
    by_default = harness.put("/bucket/key").headers
    assert by_default[BUCKET_KEY] == "true"
    assert by_default[f"{SSE}-aws-kms-key-id"] == f"{ARN}bills"
    assert BUCKET_KEY not in harness.put("/bucket/key", headers={BUCKET_KEY: "false"}).headers
    assert harness.put("/bucket/key", headers=kms()).headers[BUCKET_KEY] == "true"
    assert BUCKET_KEY not in harness.put("/bucket/key", headers={SSE: "AES256"}).headers


@pytest.mark.parametrize(
    ("source", "wanted", "key", "same"),
    [
        (None, None, b"", True),
        (None, AT_REST, b"", False),
        (AT_REST, None, b"", False),
        (AT_REST, AT_REST, b"", True),
        (AT_REST, Encryption(SSE_KMS), b"", True),
        (AT_REST, ORDERS, b"", False),
        (ORDERS, ORDERS, b"", True),
        (ORDERS, Encryption(SSE_KMS, "bills"), b"", False),
        (CUSTOMERS, CUSTOMERS, ONE, True),
        (CUSTOMERS, CUSTOMERS, TWO, False),
        (CUSTOMERS, CUSTOMERS, b"", False),
        (CUSTOMERS, AT_REST, b"", False),
        (AT_REST, CUSTOMERS, ONE, False),
        (None, CUSTOMERS, ONE, False),
    ],
)
def test_which_copies_share_bytes(
    source: Encryption | None, wanted: Encryption | None, key: bytes, same: bool
) -> None:
    assert same_bytes(source, wanted, key) is same


def test_parts_of_an_upload() -> None:
    harness = EncryptedHarness(seals_all=False)
    for name, headers in (("c", customer()), ("k", kms()), ("p", {})):
        made = harness.request("POST", f"/bucket/{name}?uploads", headers)
        part = f"/bucket/{name}?uploadId={made.text('UploadId')}&partNumber=1"
        mine = headers if name == "c" else {}
        answer = harness.put(part, FILE, headers=mine)
        assert answer.headers.get(SSE) == (headers.get(SSE) if name == "k" else None)
        for wrong in (customer(TWO), *([{}] if name == "c" else [customer()])):
            assert harness.request("PUT", part, wrong, FILE).error == "InvalidRequest"
        listing = f"/bucket/{name}?uploadId={made.text('UploadId')}"
        assert harness.request("GET", listing, mine).status == 200
        assert harness.request("GET", listing, customer(TWO)).error == "InvalidRequest"
        document = (
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
            f"<ETag>{answer.headers['etag']}</ETag></Part></CompleteMultipartUpload>"
        ).encode()
        wrong_end = harness.request("POST", listing, customer(TWO), document)
        assert wrong_end.error == "InvalidRequest"
        assert harness.request("POST", listing, mine, document).status == 200
        assert harness.request("GET", f"/bucket/{name}", mine).body == FILE
    plain = harness.stored().count(FILE[:50])
    assert plain == 1, "only the upload that asked for nothing is plain"


def test_a_form_asks_by_its_fields() -> None:
    harness = EncryptedHarness()
    for fields, opening in ((kms(), {}), (customer(), customer())):
        asked = {"key": "key", **fields}
        signed = signed_fields(harness.user, "bucket", asked, harness.clock.ms / 1000)
        answer = harness.anonymous(
            "POST",
            "/bucket",
            headers={"content-type": CONTENT_TYPE},
            body=form_body(signed, FILE),
        )
        assert answer.status == 204, answer
        for name in (SSE, f"{SSE}-customer-algorithm"):
            assert answer.headers.get(name) == fields.get(name)
        assert harness.request("GET", "/bucket/key", opening).body == FILE
    assert FILE[:50] not in harness.stored()


def test_annotations_are_sealed_as_their_object_is() -> None:
    harness = EncryptedHarness(seals_all=False)
    text = b"a remark on it. " * 400
    target = "/bucket/key?annotation&annotationName=remark"
    for headers in (kms(), {SSE: "AES256"}, {}):
        harness.put("/bucket/key", b"x" * 5000, headers=headers)
        answer = harness.request("PUT", target, body=text)
        assert answer.status == 200, answer
        assert harness.request("GET", target).body == text
        assert (text[:50] in harness.stored()) == (not headers)
        harness.blobs.blobs.clear()
    harness.put("/bucket/key", b"x" * 5000, headers=customer())
    assert harness.request("PUT", target, body=text).error == "InvalidRequest"
