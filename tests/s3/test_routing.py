"""Requests to calls: addressing, decoding, subresources."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw import errors
from z4tw.errors import (
    InvalidArgument,
    InvalidBucketName,
    InvalidURI,
    KeyTooLongError,
    MethodNotAllowed,
    PreconditionFailed,
    S3Error,
)
from z4tw.interfaces.http import RequestHead
from z4tw.s3.call import S3Call
from z4tw.s3.operations import OPERATIONS
from z4tw.s3.routing import PRESIGN_PARAMETERS, parse_call, parse_query, virtual_bucket


def call(
    method: str,
    target: str | bytes,
    domains: tuple[str, ...] = (),
    **headers: str,
) -> S3Call:
    raw = target.encode() if isinstance(target, str) else target
    names = {"host": "127.0.0.1:9670"}
    names.update({name.replace("_", "-"): value for name, value in headers.items()})
    return parse_call(RequestHead(method, raw, names, None, False, "", False, 0.0, "0"), domains)


# Each line is an operation as a client asks for it: name, method, target.
REQUESTS = """
ListBuckets GET /
ListBuckets GET /?x-id=ListBuckets
ListDirectoryBuckets GET /?max-directory-buckets=5
CreateBucket PUT /bucket
CreateBucket PUT /bucket/
HeadBucket HEAD /bucket
DeleteBucket DELETE /bucket
ListObjects GET /bucket
ListObjects GET /bucket/
ListObjects GET /bucket?prefix=a&unknown=1
ListObjectsV2 GET /bucket?list-type=2
ListObjectVersions GET /bucket?versions
ListObjectVersions GET /bucket?versions=&prefix=x
ListMultipartUploads GET /bucket?uploads
GetBucketLocation GET /bucket?location
GetBucketVersioning GET /bucket?versioning
PutBucketVersioning PUT /bucket?versioning
GetBucketTagging GET /bucket?tagging
PutBucketTagging PUT /bucket?tagging
DeleteBucketTagging DELETE /bucket?tagging
DeleteObjects POST /bucket?delete
GetBucketAcl GET /bucket?acl
GetBucketAcl GET /bucket?%61cl
GetBucketAcl GET /bucket?list-type=2&acl
PutBucketAcl PUT /bucket?acl
GetBucketPolicy GET /bucket?policy
GetBucketPolicyStatus GET /bucket?policyStatus
PutBucketLifecycleConfiguration PUT /bucket?lifecycle
GetBucketLifecycleConfiguration GET /bucket?lifecycle
GetBucketNotificationConfiguration GET /bucket?notification
GetBucketInventoryConfiguration GET /bucket?inventory&id=a
ListBucketInventoryConfigurations GET /bucket?inventory
GetObjectLockConfiguration GET /bucket?object-lock
GetPublicAccessBlock GET /bucket?publicAccessBlock
CreateSession GET /bucket?session
GetObject GET /bucket/key
GetObject GET /bucket/key?versionId=null
GetObject GET /bucket/key?partNumber=2
GetObject GET /bucket/key?response-content-type=a%2Fb
HeadObject HEAD /bucket/key
HeadObject HEAD /bucket/key?partNumber=1
PutObject PUT /bucket/key
PutObject PUT /bucket/key?x-id=PutObject
DeleteObject DELETE /bucket/key
DeleteObject DELETE /bucket/key?versionId=null
CreateMultipartUpload POST /bucket/key?uploads
UploadPart PUT /bucket/key?partNumber=1&uploadId=u
ListParts GET /bucket/key?uploadId=u
ListParts GET /bucket/key?uploadId=u&max-parts=2
CompleteMultipartUpload POST /bucket/key?uploadId=u
AbortMultipartUpload DELETE /bucket/key?uploadId=u
GetObjectTagging GET /bucket/key?tagging
PutObjectTagging PUT /bucket/key?tagging&versionId=null
DeleteObjectTagging DELETE /bucket/key?tagging
GetObjectAttributes GET /bucket/key?attributes
GetObjectAcl GET /bucket/key?acl
GetObjectRetention GET /bucket/key?retention
PutObjectLegalHold PUT /bucket/key?legal-hold
RestoreObject POST /bucket/key?restore
SelectObjectContent POST /bucket/key?select&select-type=2
RenameObject PUT /bucket/key?renameObject
GetObjectTorrent GET /bucket/key?torrent
ListObjectAnnotations GET /bucket/key?annotation
GetObjectAnnotation GET /bucket/key?annotation&annotationName=n
"""


@pytest.mark.parametrize("line", REQUESTS.strip().splitlines())
def test_requests_are_told_apart(line: str) -> None:
    operation, method, target = line.split(" ")
    assert call(method, target).operation == operation


def test_every_operation_is_reached_by_its_own_form() -> None:
    unreached = set()
    for row in OPERATIONS.values():
        path = {"service": "/", "bucket": "/bucket", "object": "/bucket/key"}[row.level]
        parameters = [f"{row.marker}=2"] if row.marker else []
        parameters += [f"{name}=1" for name in row.required]
        headers = {"x_amz_copy_source": "/b/k"} if "Copy" in row.name else {}
        target = path + ("?" if parameters else "") + "&".join(parameters)
        try:
            found = call(row.method, target, (), **headers).operation
        except S3Error as error:
            found = type(error).__name__
        if found != row.name:
            unreached.add((row.name, found))
    assert unreached == {
        # Their successors look the same on the wire.
        ("GetBucketLifecycle", "GetBucketLifecycleConfiguration"),
        ("GetBucketNotification", "GetBucketNotificationConfiguration"),
        ("PutBucketLifecycle", "PutBucketLifecycleConfiguration"),
        ("PutBucketNotification", "PutBucketNotificationConfiguration"),
        # Told apart by a parameter or a header of their own.
        ("ListDirectoryBuckets", "ListBuckets"),
        ("PostObject", "PreconditionFailed"),
        ("WriteGetObjectResponse", "MethodNotAllowed"),
    }


def test_copies_are_told_by_their_source() -> None:
    source = {"x_amz_copy_source": "/b/k"}
    assert call("PUT", "/bucket/key", **source).operation == "CopyObject"
    target = "/bucket/key?partNumber=1&uploadId=u"
    assert call("PUT", target, **source).operation == "UploadPartCopy"
    assert call("GET", "/bucket/key", **source).operation == "GetObject"


ERRORS: list[tuple[str, str, type[S3Error]]] = [
    ("GET", "/bucket/%", InvalidURI),
    ("GET", "/bucket/%2", InvalidURI),
    ("GET", "/bucket/%zz", InvalidURI),
    ("GET", "/bucket/% 1", InvalidURI),
    ("GET", "/bucket/%FF", InvalidURI),
    ("GET", "/bucket/%ED%A0%80", InvalidURI),
    ("GET", "/%C3/key", InvalidURI),
    ("GET", "/bucket?prefix=%FF", InvalidURI),
    ("GET", "/bucket?%G0", InvalidURI),
    ("GET", "/bucket?" + "&".join(f"p{n}" for n in range(300)), InvalidURI),
    ("GET", "bucket/key", InvalidURI),
    ("GET", "", InvalidURI),
    ("OPTIONS", "*", InvalidURI),
    ("GET", "http://host/bucket", InvalidURI),
    ("GET", "/Bucket/key", InvalidBucketName),
    ("GET", "/b", InvalidBucketName),
    ("GET", "//", InvalidBucketName),
    ("GET", "//key", InvalidBucketName),
    ("GET", "/../etc/passwd", InvalidBucketName),
    ("GET", "/buck%2Fet/key", InvalidBucketName),
    ("GET", "/bucket%00/key", InvalidBucketName),
    ("GET", "/_z4meta/x", InvalidBucketName),
    ("GET", "/bucket/" + "k" * 1025, KeyTooLongError),
    ("PUT", "/bucket/" + "%C3%A9" * 513, KeyTooLongError),
    ("PUT", "/bucket/" + "k" * 1025 + "?tagging", KeyTooLongError),
    ("POST", "/", MethodNotAllowed),
    ("HEAD", "/", MethodNotAllowed),
    ("PATCH", "/bucket", MethodNotAllowed),
    ("POST", "/bucket/key", MethodNotAllowed),
    ("BREW", "/bucket/key", MethodNotAllowed),
    ("get", "/bucket/key", MethodNotAllowed),
    ("HEAD", "/bucket?acl", MethodNotAllowed),
    ("HEAD", "/bucket/key?uploadId=u", MethodNotAllowed),
    ("GET", "/bucket?uploadId=u", MethodNotAllowed),
    ("GET", "/bucket?delete", MethodNotAllowed),
    ("GET", "/bucket/key?uploads", MethodNotAllowed),
    ("GET", "/bucket/key?location", MethodNotAllowed),
    ("DELETE", "/bucket/key?acl", MethodNotAllowed),
    ("PUT", "/bucket?versions", MethodNotAllowed),
    ("PUT", "/bucket?location", MethodNotAllowed),
    ("GET", "/?acl", MethodNotAllowed),
    ("POST", "/bucket", PreconditionFailed),
    ("GET", "/bucket/key?acl&tagging", InvalidArgument),
    ("GET", "/bucket?list-type=3", InvalidArgument),
    ("GET", "/bucket?list-type=", InvalidArgument),
    ("GET", "/bucket/key?versionId=", InvalidArgument),
    ("PUT", "/bucket/key?versionId=null", InvalidArgument),
    ("PUT", "/bucket?versionId=null", InvalidArgument),
    ("POST", "/bucket/key?uploads&versionId=null", InvalidArgument),
    ("PUT", "/bucket/key?partNumber=1", InvalidArgument),
    ("PUT", "/bucket/key?uploadId=u", InvalidArgument),
    ("DELETE", "/bucket/key?partNumber=1", InvalidArgument),
    ("OPTIONS", "/bucket/key", MethodNotAllowed),
    ("OPTIONS", "/bucket", MethodNotAllowed),
]


@pytest.mark.parametrize(("method", "target", "error"), ERRORS)
def test_requests_that_ask_for_nothing_are_refused(
    method: str, target: str, error: type[S3Error]
) -> None:
    with pytest.raises(S3Error) as caught:
        call(method, target)
    assert type(caught.value) is error


def test_no_subresource_falls_through_to_the_plain_operation() -> None:
    plain = {name for name, row in OPERATIONS.items() if not row.marker and not row.required}
    markers = {row.marker for row in OPERATIONS.values()} - {"", "list-type"}
    for marker in markers | {"uploadId"}:
        for target in (f"/bucket?{marker}", f"/bucket/key?{marker}", f"/?{marker}"):
            for method in ("GET", "PUT", "POST", "HEAD", "DELETE"):
                try:
                    found = call(method, target).operation
                except S3Error:
                    continue
                assert found not in plain, (method, target)


def test_a_405_tells_the_methods_that_there_are() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        call("DELETE", "/bucket/key?acl")
    assert caught.value.headers == [("Allow", "GET, PUT")]
    assert caught.value.details == {"Method": "DELETE", "ResourceType": "ACL"}
    with pytest.raises(MethodNotAllowed) as caught:
        call("POST", "/")
    assert caught.value.headers == [("Allow", "GET")]


def test_a_form_is_told_by_its_content_type() -> None:
    made = call("POST", "/bucket", content_type="Multipart/Form-Data; boundary=x")
    assert (made.operation, made.bucket, made.key) == ("PostObject", "bucket", "")


def test_operations_without_a_signature_are_named_as_not_implemented() -> None:
    with pytest.raises(errors.NotImplemented, match="WriteGetObjectResponse"):
        call("POST", "/WriteGetObjectResponse", x_amz_request_route="r")


@given(st.text(min_size=1, max_size=60), st.booleans())
def test_keys_are_decoded_exactly_once(key: str, everything: bool) -> None:
    safe = "" if everything else "/!$&'()*+,;=:@~"
    target = b"/bucket/" + quote(key, safe=safe, errors="surrogatepass").encode()
    try:
        expected = unquote_to_bytes(target[8:]).decode("utf-8")
    except UnicodeDecodeError:
        with pytest.raises(InvalidURI):
            call("GET", target)
    else:
        found = call("GET", target)
        assert (found.operation, found.bucket, found.key) == ("GetObject", "bucket", expected)
        assert call("GET", target + b"?x-id=GetObject").key == expected
        hosted = call("GET", target[7:], ("s3.local",), host="bucket.s3.local")
        assert (hosted.bucket, hosted.key, hosted.virtual_host) == ("bucket", expected, True)


@given(st.binary(max_size=40))
def test_any_target_is_a_call_or_an_s3_error(noise: bytes) -> None:
    for target in (noise, b"/" + noise, b"/bucket/" + noise, b"/bucket?" + noise):
        try:
            found = call("GET", target)
        except S3Error:
            continue
        assert found.operation in OPERATIONS
        assert len(found.key.encode()) <= 1024


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/bucket//", "/"),
        ("/bucket//a//b/", "/a//b/"),
        ("/bucket/../a/./b", "../a/./b"),
        ("/bucket/a%2Fb", "a/b"),
        ("/bucket/a%252Fb", "a%2Fb"),
        ("/bucket/a+b", "a+b"),
        ("/bucket/%20%00%0A", " \x00\n"),
        ("/bucket/é", "é"),
        ("/bucket/soap", "soap"),
        ("/%62ucket/k", "k"),
    ],
)
def test_paths_are_never_normalised(path: str, key: str) -> None:
    found = call("PUT", path)
    assert (found.bucket, found.key) == ("bucket", key)


@given(st.dictionaries(st.text("abAB -+&=%/é", min_size=1), st.text("a +&=%é", max_size=5)))
def test_query_parameters_come_back(query: dict[str, str]) -> None:
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in
                    query.items())  # fmt: skip
    assert parse_query(text.encode()) == query


def test_query_details() -> None:
    assert parse_query(b"acl&a=b=c&&x=1+2&x=3") == {"acl": "", "a": "b=c", "x": "1 2"}
    presigned = "&".join(f"{name}=1" for name in sorted(PRESIGN_PARAMETERS))
    assert parse_query((presigned + "&versionId=v").encode()) == {"versionId": "v"}


def test_x_amz_parameters_stand_for_headers_but_checksums_do_not() -> None:
    found = call(
        "PUT",
        "/bucket/key?X-Amz-Acl=public-read&x-amz-meta-a=b&x-amz-checksum-crc32=AAAAAA%3D%3D"
        "&x-amz-sdk-checksum-algorithm=CRC32&X-Amz-Content-Sha256=u&X-Amz-Signature=s",
        x_amz_acl="private",
    )
    assert found.headers["x-amz-acl"] == "public-read"
    assert found.headers["x-amz-meta-a"] == "b"
    assert not [name for name in found.headers if "checksum" in name or "sha256" in name]
    assert found.query["x-amz-checksum-crc32"] == "AAAAAA=="
    assert "X-Amz-Signature" not in found.query
    copied = call("PUT", "/bucket/key?x-amz-copy-source=%2Fb%2Fk")
    assert copied.operation == "CopyObject"


@pytest.mark.parametrize(
    "parameter",
    [
        "x-amz-meta-a=b%0D%0AEvil:1",
        "x-amz-meta-a=%00",
        "x-amz-meta-a=%7F",
        "X-Amz-Meta-A=b%0Ac",
        "x-amz-meta-a%0D%0AEvil=1",
        "x-amz-meta-a%3A=1",
        "x-amz-meta-%20=1",
        "x-amz-%C3%A9=1",
        "x-amz-website-redirect-location=/%0D%0A",
    ],
)
def test_what_no_header_could_carry_does_not_come_by_the_query(parameter: str) -> None:
    with pytest.raises(InvalidArgument):
        call("PUT", f"/bucket/key?{parameter}")
    assert call("GET", "/bucket/key?response-expires=%0A").query == {"response-expires": "\n"}


DOMAINS = ("s3.local", "eu.s3.local")


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("s3.local", ""),
        ("eu.s3.local", ""),
        ("bucket.s3.local", "bucket"),
        ("Bucket.S3.Local:9670", "bucket"),
        ("bucket.s3.local.", "bucket"),
        ("my.bucket.eu.s3.local:80", "my.bucket"),
        ("xs3.local", ""),
        ("127.0.0.1:9670", ""),
        ("[::1]:9670", ""),
        ("[::1]", ""),
        ("", ""),
    ],
)
def test_hosts_below_a_domain_name_a_bucket(host: str, bucket: str) -> None:
    assert virtual_bucket(host, DOMAINS) == bucket


def test_a_virtual_host_makes_the_whole_path_the_key() -> None:
    hosted = {"host": "bucket.s3.local"}
    assert call("GET", "/", DOMAINS, **hosted).operation == "ListObjects"
    assert call("GET", "//a", DOMAINS, **hosted).key == "/a"
    assert call("GET", "/other/key", DOMAINS, **hosted).key == "other/key"
    assert call("POST", "/?delete", DOMAINS, **hosted).operation == "DeleteObjects"
    assert not call("GET", "/bucket/key", DOMAINS, host="s3.local").virtual_host
    with pytest.raises(InvalidBucketName):
        call("GET", "/key", DOMAINS, host="x_y.s3.local")
