"""CompleteMultipartUpload: what it checks, what it makes, and how it survives crashes."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import msgspec
import pytest

from tests.ops.harness import Answer, Harness, run
from tests.ops.hooks import SMALL, Crash, HookedHarness, Uploading, base64, crash
from z4tw.errors import CorruptBlob
from z4tw.model.objects import BodyKind
from z4tw.model.registers import Kind, Register
from z4tw.objects.commands import BeginCompletion, FinishCompletion, PutPart, PutVersion
from z4tw.ops.completion import ANSWER_KEPT_MS, list_digest
from z4tw.ops.context import Settings
from z4tw.s3.xml_in import CompletedPart

PARTS = [b"a" * 150, b"b" * 120, b"c" * 7]
WHOLE = b"".join(PARTS)
ENABLED = {"x-amz-checksum-mode": "ENABLED"}


def expected_etag(parts: list[bytes]) -> str:
    joined = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(joined).hexdigest()}-{len(parts)}"'


@pytest.fixture
def harness() -> HookedHarness:
    harness = HookedHarness(settings=SMALL)
    harness.bucket()
    return harness


def uploaded(harness: Harness, headers: dict[str, str] | None = None) -> Uploading:
    uploading = Uploading(harness, headers=headers)
    for number, part in enumerate(PARTS, 1):
        uploading.part(number, part)
    return uploading


def references(harness: HookedHarness) -> list[int]:
    """The reference counts of all files."""
    return sorted(shared.refs for shared in harness.store._shared[BodyKind.FILE].values())


def test_a_completed_upload_is_one_object(harness: HookedHarness) -> None:
    uploading = uploaded(harness, {"x-amz-meta-a": "b", "Content-Type": "text/css"})
    answer = uploading.complete()
    assert answer.status == 200
    assert answer.xml.tag == "CompleteMultipartUploadResult"
    assert answer.text("Location") == "http://localhost:9670/bucket/key"
    assert (answer.text("Bucket"), answer.text("Key")) == ("bucket", "key")
    assert answer.text("ETag") == expected_etag(PARTS)
    assert answer.text("ChecksumType") == "FULL_OBJECT"
    read = harness.request("GET", "/bucket/key", ENABLED)
    assert read.body == WHOLE
    assert read.headers["etag"] == expected_etag(PARTS)
    assert read.headers["x-amz-meta-a"] == "b"
    assert read.headers["content-type"] == "text/css"
    assert read.headers["x-amz-checksum-crc64nvme"] == answer.text("ChecksumCRC64NVME")
    # The parts' records are gone, and the object's manifest alone holds their files.
    assert references(harness) == [1, 1, 1]
    harness.put("/bucket/plain", WHOLE)
    plain = harness.request("HEAD", "/bucket/plain", ENABLED)
    assert plain.headers["x-amz-checksum-crc64nvme"] == answer.text("ChecksumCRC64NVME")


def test_the_checksum_is_computed_whatever_the_parts_declared(harness: HookedHarness) -> None:
    uploading = Uploading(harness)
    for number, part in enumerate(PARTS, 1):
        crc = base64(zlib.crc32(part).to_bytes(4, "big"))
        uploading.part(number, part, {"x-amz-checksum-crc32": crc} if number != 2 else {})
    answer = uploading.complete()
    plain = harness.put("/bucket/plain", WHOLE)
    assert answer.text("ChecksumCRC64NVME") == plain.headers["x-amz-checksum-crc64nvme"]


def test_a_choice_of_parts_and_gaps_are_fine(harness: HookedHarness) -> None:
    uploading = Uploading(harness)
    for number in (2, 3, 7, 10_000):
        uploading.part(number, bytes([number % 256]) * 100)
    assert uploading.complete(numbers=[2, 10_000]).status == 200
    assert harness.request("GET", "/bucket/key").body == b"\x02" * 100 + b"\x10" * 100
    assert harness.request("GET", "/bucket/key?partNumber=2").body == b"\x10" * 100


def test_one_empty_part_makes_an_empty_object(harness: HookedHarness) -> None:
    uploading = Uploading(harness)
    uploading.part(1, b"")
    assert uploading.complete().text("ETag") == expected_etag([b""])
    read = harness.request("GET", "/bucket/key")
    assert (read.status, read.body) == (200, b"")
    assert read.headers["etag"] == expected_etag([b""])


def test_an_empty_last_part_adds_nothing(harness: HookedHarness) -> None:
    uploading = Uploading(harness)
    uploading.part(1, PARTS[0])
    uploading.part(2, b"")
    assert uploading.complete().status == 200
    assert harness.request("GET", "/bucket/key").body == PARTS[0]


@pytest.mark.parametrize("versioning", ["Enabled", "Suspended"])
def test_the_version_id_is_answered(versioning: str) -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket(versioning=versioning)
    uploading = uploaded(harness)
    answer = uploading.complete()
    version_id = harness.request("HEAD", "/bucket/key").headers["x-amz-version-id"]
    assert answer.headers["x-amz-version-id"] == answer.exchange.version_id == version_id
    assert uploading.complete().headers["x-amz-version-id"] == version_id


def test_a_virtual_host_is_in_the_location() -> None:
    settings = Settings(min_part_bytes=1, domains=("localhost",))
    harness = Harness(settings=settings)
    harness.bucket()
    uploading = Uploading(harness, "/bucket/a%20b")
    uploading.part(1, b"x")
    target = f"/a%20b?uploadId={uploading.id}"
    headers = {"host": "bucket.localhost:9670"}
    answer = harness.request("POST", target, headers, uploading.document())
    assert answer.text("Location") == "http://bucket.localhost:9670/a%20b"


# What is refused


def test_a_part_that_is_not_there_or_is_another(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    missing = uploading.complete(numbers=[1, 4])
    assert missing.error == "InvalidPart"
    assert missing.details == {"UploadId": uploading.id, "PartNumber": "4", "ETag": "0" * 32}
    uploading.etags[2] = "f" * 32
    assert uploading.complete().details["PartNumber"] == "2"
    assert harness.request("HEAD", "/bucket/key").status == 404
    uploading.etags[2] = hashlib.md5(PARTS[1]).hexdigest().upper()
    assert uploading.complete().status == 200


def test_parts_must_be_in_order_and_long_enough(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    assert uploading.complete(numbers=[2, 1]).error == "InvalidPartOrder"
    assert uploading.complete(numbers=[1, 1]).error == "InvalidPartOrder"
    small = uploading.complete(numbers=[1, 3])
    assert small.status == 200
    uploading = Uploading(harness)
    uploading.part(1, b"x" * 99)
    uploading.part(2, b"y")
    small = uploading.complete()
    assert (small.status, small.error) == (400, "EntityTooSmall")
    assert small.details == {
        "ProposedSize": "99",
        "MinSizeAllowed": "100",
        "PartNumber": "1",
        "ETag": hashlib.md5(b"x" * 99).hexdigest(),
    }


def test_the_least_part_is_five_mebibytes() -> None:
    assert Settings().min_part_bytes == 5 * 1024 * 1024


def test_too_large_an_object() -> None:
    harness = Harness(settings=Settings(min_part_bytes=1, max_object_bytes=250))
    harness.bucket()
    uploading = uploaded(harness)
    answer = uploading.complete()
    assert answer.error == "EntityTooLarge"
    assert answer.details == {"ProposedSize": "277", "MaxSizeAllowed": "250"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "InvalidRequest"),
        (b"<CompleteMultipartUpload/>", "MalformedXML"),
        (b"nonsense", "MalformedXML"),
        (b"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", "MalformedXML"),
    ],
)
def test_documents_that_are_refused(harness: HookedHarness, body: bytes, code: str) -> None:
    uploading = uploaded(harness)
    assert uploading.complete(body=body).error == code
    assert uploading.complete().status == 200


def test_the_objects_size_is_checked(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    for value in ("276", "x", "", "-277"):
        answer = uploading.complete({"x-amz-mp-object-size": value})
        assert answer.error == "InvalidRequest"
    assert uploading.complete({"x-amz-mp-object-size": "277"}).status == 200


def test_the_objects_checksum_is_checked(harness: HookedHarness) -> None:
    right = harness.put("/bucket/plain", WHOLE).headers["x-amz-checksum-crc64nvme"]
    uploading = uploaded(harness)
    wrong = uploading.complete({"x-amz-checksum-crc64nvme": base64(bytes(8))})
    assert wrong.error == "BadDigest"
    other = uploading.complete({"x-amz-checksum-crc32": base64(bytes(4))})
    assert other.error == "InvalidRequest"
    mode = uploading.complete({"x-amz-checksum-type": "COMPOSITE"})
    assert mode.error == "InvalidRequest"
    assert harness.request("HEAD", "/bucket/key").status == 404
    headers = {"x-amz-checksum-crc64nvme": right, "x-amz-checksum-type": "FULL_OBJECT"}
    assert uploading.complete(headers).status == 200


def test_composite_checksums(harness: HookedHarness) -> None:
    uploading = Uploading(harness, headers={"x-amz-checksum-algorithm": "SHA256"})
    for number, part in enumerate(PARTS, 1):
        value = base64(hashlib.sha256(part).digest())
        uploading.checksums[number] = value
        uploading.part(number, part, {"x-amz-checksum-sha256": value})
    joined = b"".join(hashlib.sha256(part).digest() for part in PARTS)
    bare = base64(hashlib.sha256(joined).digest())
    missing = uploading.complete()
    assert missing.error == "InvalidRequest"
    assert missing.message == (
        "The upload was created using a sha256 checksum. The complete request must include the "
        "checksum for each part. It was missing for part 1 in the request."
    )
    kept = uploading.checksums[2]
    uploading.checksums[2] = base64(bytes(32))
    wrong = uploading.complete(extra="ChecksumSHA256")
    assert (wrong.error, wrong.details["PartNumber"]) == ("InvalidPart", "2")
    uploading.checksums[2] = kept
    headers = {"x-amz-checksum-sha256": base64(bytes(32))}
    assert uploading.complete(headers, extra="ChecksumSHA256").error == "BadDigest"
    headers = {"x-amz-checksum-sha256": bare}
    answer = uploading.complete(headers, extra="ChecksumSHA256")
    assert answer.text("ChecksumSHA256") == f"{bare}-3"
    assert answer.text("ChecksumType") == "COMPOSITE"
    again = uploading.complete({"x-amz-checksum-sha256": f"{bare}-3"}, extra="ChecksumSHA256")
    assert again.body == answer.body


def test_a_full_object_crc32(harness: HookedHarness) -> None:
    headers = {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}
    uploading = uploaded(harness, headers)
    value = base64(zlib.crc32(WHOLE).to_bytes(4, "big"))
    answer = uploading.complete({"x-amz-checksum-crc32": value})
    assert (answer.text("ChecksumCRC32"), answer.text("ChecksumType")) == (value, "FULL_OBJECT")


def test_conditions_leave_the_upload_usable(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    assert uploading.complete({"If-Match": '"x"'}).error == "NoSuchKey"
    etag = harness.put("/bucket/key", b"there").headers["etag"]
    refused = uploading.complete({"If-None-Match": "*"})
    assert (refused.status, refused.error) == (412, "PreconditionFailed")
    assert uploading.complete({"If-Match": '"x"'}).error == "PreconditionFailed"
    assert uploading.complete({"If-None-Match": '"x"'}).error == "NotImplemented"
    assert harness.request("GET", "/bucket/key").body == b"there"
    uploading.part(3, b"changed")
    assert uploading.complete({"If-Match": etag}).status == 200
    assert harness.request("GET", "/bucket/key").body == WHOLE[:-7] + b"changed"


def test_a_condition_that_fails_in_the_last_moment(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    harness.store.before("change", lambda: harness.put("/bucket/key", b"winner"), PutVersion)
    refused = uploading.complete({"If-None-Match": "*"})
    assert refused.error == "PreconditionFailed"
    assert harness.request("GET", "/bucket/key").body == b"winner"
    uploading.part(3, b"changed")
    assert harness.request("GET", "/bucket?uploads").texts("Upload/Key") == ["key"]
    assert uploading.complete().status == 200
    assert harness.request("GET", "/bucket/key").body == WHOLE[:-7] + b"changed"


# Repeats, crashes, and others at the same time


def test_a_repeated_completion_gets_the_same_answer(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    first = uploading.complete({"If-None-Match": "*"})
    assert first.status == 200
    assert uploading.complete({"If-None-Match": "*"}).body == first.body
    harness.put("/bucket/key", b"later")
    assert uploading.complete().body == first.body
    assert harness.request("GET", "/bucket/key").body == b"later"
    assert uploading.complete(numbers=[1]).error == "NoSuchUpload"
    assert uploading.abort().error == "NoSuchUpload"
    run(harness.store.expire(harness.clock.ms + ANSWER_KEPT_MS - 60_000, 10))
    assert uploading.complete().body == first.body
    run(harness.store.expire(harness.clock.ms + ANSWER_KEPT_MS + 60_000, 10))
    assert uploading.complete().error == "NoSuchUpload"


@pytest.mark.parametrize("versioning", ["", "Enabled"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", [BeginCompletion, PutVersion, FinishCompletion])
def test_a_completion_is_repeated_after_a_crash(when: str, command: type, versioning: str) -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket(versioning=versioning)
    uploading = uploaded(harness)
    getattr(harness.store, when)("change", crash, command)
    condition = {"If-None-Match": "*"}
    with pytest.raises(Crash):
        uploading.complete(condition)
    answer = uploading.complete(condition)
    assert answer.status == 200, answer
    assert answer.text("ETag") == expected_etag(PARTS)
    listed = harness.request("GET", "/bucket?versions")
    assert listed.texts("Version/Key") == ["key"]
    assert harness.request("GET", "/bucket/key").body == WHOLE
    assert references(harness) == [1, 1, 1]
    assert harness.request("GET", "/bucket?uploads").texts("Upload/Key") == []
    assert uploading.complete(condition).body == answer.body


def test_two_completions_at_the_same_time_make_one_version() -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket(versioning="Enabled")
    for command in (BeginCompletion, PutVersion, FinishCompletion):
        uploading = uploaded(harness)
        other: list[Answer] = []

        def race(uploading: Uploading = uploading, other: list[Answer] = other) -> None:
            other.append(uploading.complete())

        harness.store.before("change", race, command)
        mine = uploading.complete()
        assert mine.status == other[0].status == 200
        assert mine.body == other[0].body
        assert mine.headers["x-amz-version-id"] == other[0].headers["x-amz-version-id"]
    assert len(harness.request("GET", "/bucket?versions").texts("Version/Key")) == 3


def test_a_completion_that_ends_before_the_parts_are_read_is_answered(
    harness: HookedHarness,
) -> None:
    uploading = uploaded(harness)
    first: list[Answer] = []
    harness.store.before("scan", lambda: first.append(uploading.complete()))
    second = uploading.complete()
    assert (second.status, second.body) == (200, first[0].body)


def test_an_abort_before_the_parts_are_read_leaves_no_upload(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    harness.store.before("scan", uploading.abort)
    assert uploading.complete().error == "NoSuchUpload"


def test_another_list_that_takes_over_wins(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    others: list[Answer] = []
    harness.store.before(
        "change", lambda: others.append(uploading.complete(numbers=[1])), FinishCompletion
    )
    mine = uploading.complete()
    assert others[0].status == 200
    assert mine.status == 200
    assert uploading.complete(numbers=[1]).body == others[0].body


def test_an_abort_between_the_steps(harness: HookedHarness) -> None:
    for command in (PutVersion, FinishCompletion):
        uploading = uploaded(harness)
        harness.store.before("change", lambda one=uploading: one.abort(), command)
        # Its parts are released and not yet reaped: the version stands.
        assert uploading.complete().status == 200
        assert harness.request("GET", "/bucket/key").body == WHOLE
        assert uploading.complete().error == "NoSuchUpload"
    uploading = uploaded(harness)
    harness.store.before("change", lambda: uploading.abort(), BeginCompletion)
    assert uploading.complete().error == "NoSuchUpload"


def reap(harness: HookedHarness) -> None:
    """Two hours later: what nothing names is dying."""
    harness.clock.advance(7200)
    run(harness.store.garbage(harness.clock.ms, 100))


def test_a_part_that_is_replaced_and_reaped_meanwhile_is_missed(harness: HookedHarness) -> None:
    uploading = uploaded(harness)

    def replace() -> None:
        uploading.try_part(2, b"other" * 30)
        reap(harness)

    harness.store.before("change", replace, PutVersion)
    answer = uploading.complete()
    assert (answer.error, answer.details["PartNumber"]) == ("InvalidPart", "2")
    assert harness.request("HEAD", "/bucket/key").status == 404


def test_a_part_that_is_uploaded_again_meanwhile_does_no_harm(harness: HookedHarness) -> None:
    uploading = uploaded(harness)

    def again() -> None:
        uploading.part(2, PARTS[1])
        reap(harness)

    harness.store.before("change", again, PutVersion)
    assert uploading.complete().status == 200
    assert harness.request("GET", "/bucket/key").body == WHOLE


def test_a_part_that_is_lost_is_an_error(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    harness.store._shared[BodyKind.FILE].clear()
    with pytest.raises(CorruptBlob):
        uploading.complete()


def test_ten_thousand_parts(harness: HookedHarness) -> None:
    uploading = Uploading(harness)
    uploading.part(1, b"x" * 100)
    incarnation = harness.service._directory.peek_bucket("bucket").incarnation  # type: ignore[union-attr]
    ((key, part),) = run(harness.store.scan(Kind.PART, incarnation, b"", b"", 10))
    for number in range(2, 10_001):
        register = Register(Kind.PART, incarnation, key[:-2] + number.to_bytes(2, "big"))
        run(harness.store.change(register, PutPart(msgspec.structs.replace(part, number=number))))
        uploading.etags[number] = part.etag
    answer = uploading.complete()
    assert answer.status == 200
    assert (answer.text("ETag") or "").endswith('-10000"')
    head = harness.request("HEAD", "/bucket/key?partNumber=10000")
    assert head.headers["content-range"] == "bytes 999900-999999/1000000"
    read = harness.request("GET", "/bucket/key", {"Range": "bytes=499950-500049"})
    assert read.body == b"x" * 100


def test_the_digest_of_a_list_is_of_numbers_and_etags() -> None:
    one = [CompletedPart(1, "a", {}), CompletedPart(2, "b", {})]
    assert list_digest(one) == list_digest([CompletedPart(1, "a", {"CRC32": "x"}), one[1]])
    assert len(list_digest(one)) == 16
    for other in (one[:1], one[::-1], [CompletedPart(1, "a2", {}), CompletedPart(2, "b", {})]):
        assert list_digest(other) != list_digest(one)


def test_the_request_document_may_have_digests_of_its_own(harness: HookedHarness) -> None:
    uploading = uploaded(harness)
    body = uploading.document()
    wrong: dict[str, Any] = {"content-md5": base64(bytes(16))}
    assert uploading.complete(wrong).error == "BadDigest"
    right = {"content-md5": base64(hashlib.md5(body).digest())}
    assert uploading.complete(right).status == 200
