"""PostObject: uploads by a browser's form.

Fields come first and are small; they say who uploads, what, and under which policy. Only when all
of that is good is the file read, which streams to disk as any PutObject does.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from zope.interface import implementer

from z4tw.errors import EntityTooLarge, EntityTooSmall, InvalidArgument, MissingContentLength
from z4tw.interfaces.http import IRequestBody, RequestHead, S3Response
from z4tw.ops.context import Context, Operation
from z4tw.ops.objects import store_object
from z4tw.payload.form import FormParser, form_boundary
from z4tw.s3.call import S3Call
from z4tw.s3.form_fields import (
    check_request_headers,
    field_texts,
    form_headers,
    form_key,
    success_redirect,
    success_status,
)
from z4tw.s3.headers import refuse_unsupported
from z4tw.s3.post_policy import check_policy, parse_policy
from z4tw.s3.xml_out import post_response
from z4tw.sigv4 import Claim, SigningKeys, Verified, parse_form_claim, verify_form

POST_OBJECT = "PostObject"
_SLACK_BYTES = 64 * 1024
"""What may come after a file of the greatest size before the form is refused unread."""
_KEPT_HEADERS = ("host", "origin", "referer", "user-agent")
"""Headers of the request that are about the request itself."""


@implementer(IRequestBody)
class FormFile:
    """The file of a form as a request body of its own: ``least`` to ``most`` bytes, or reading
    raises ``EntityTooSmall`` or ``EntityTooLarge``; what comes after it stays unread."""

    def __init__(self, body: Any, parser: FormParser, begun: bytes) -> None:
        self._body = body
        self._parser = parser
        self._begun = begun
        self._size = 0
        self.least = 0
        self.most = 1 << 63

    async def read(self) -> bytes:
        """The next bytes of the file, ``b""`` at its end. Raises also ``MalformedPOSTRequest``."""
        piece, self._begun = self._begun, b""
        while not piece and not self._parser.file_ended:
            data = await self._body.read()
            if not data:
                self._parser.finish()
            piece = self._parser.feed(data)
        self._size += len(piece)
        if self._size > self.most:
            raise EntityTooLarge(ProposedSize=str(self._size), MaxSizeAllowed=str(self.most))
        if not piece and self._size < self.least:
            raise EntityTooSmall(ProposedSize=str(self._size), MinSizeAllowed=str(self.least))
        return piece

    def take_all(self) -> bytes | None:
        """Never: the end of the file shows only when it is read."""
        return None


class Form(msgspec.Struct):
    """A form of which the fields are read. ``claim`` is None for an anonymous one; ``at_most`` is
    the size that its file can have at most, from the request's length at first."""

    fields: Mapping[str, str]
    claim: Claim | None
    file: FormFile
    at_most: int

    def verify(self, claim: Claim, secret: str, region: str, keys: SigningKeys) -> Verified:
        """Prove the claim. Raises as ``verify_form``."""
        return verify_form(claim, self.fields["policy"], secret, region, keys)

    def admit(self, call: S3Call, head: RequestHead, max_bytes: int) -> tuple[S3Call, RequestHead]:
        """The PutObject that the form asks for, once its policy, if it has one, is met: a call
        and a head with the form's fields as headers. ``max_bytes`` is the largest file there is.

        Raises ``InvalidPolicyDocument``, ``AccessDenied``, ``EntityTooLarge``, and as
        ``form_key`` and ``form_headers`` do.
        """
        key = form_key(self.fields)
        file = self.file
        if self.claim is not None:
            policy = parse_policy(self.fields["policy"])
            check_policy(policy, self.fields, call.bucket, head.now)
            file.least, file.most = policy.least, policy.most
        if self.at_most > max_bytes + _SLACK_BYTES:
            raise EntityTooLarge(ProposedSize=str(self.at_most), MaxSizeAllowed=str(max_bytes))
        file.most = min(file.most, max_bytes)
        self.at_most = min(self.at_most, file.most)
        headers = form_headers(self.fields)
        kept = {name: head.headers[name] for name in _KEPT_HEADERS if name in head.headers}
        replaced = msgspec.structs.replace(
            head, headers={**kept, **headers}, content_length=None, chunked=True
        )
        made = S3Call("PutObject", call.bucket, key, {}, headers, call.virtual_host)
        return made, replaced


async def open_form(body: Any, call: S3Call, head: RequestHead) -> Form:
    """Read a form up to its file. Raises ``MissingContentLength``, ``MalformedPOSTRequest`` and
    what else ``FormParser`` finds, ``InvalidArgument`` and ``NotImplemented`` for headers that
    should be fields, and as ``parse_form_claim``."""
    if head.content_length is None:
        raise MissingContentLength()
    check_request_headers(call.headers)
    refuse_unsupported(call.headers, POST_OBJECT)
    parser = FormParser(form_boundary(head.headers.get("content-type", "")))
    begun = b""
    while parser.filename is None:
        data = await body.read()
        if not data:
            parser.finish()
        begun = parser.feed(data)
    fields = field_texts(parser.fields, parser.filename)
    left = head.content_length - parser.before_file_bytes - parser.least_after_bytes
    file = FormFile(body, parser, begun)
    return Form(fields, parse_form_claim(fields), file, max(0, left))


async def post_object(context: Context) -> S3Response:
    """Store the file of a form, and answer as the form wishes. Raises ``InvalidArgument`` for a
    form whose request is signed: forms are signed by their fields."""
    form = context.exchange.form
    if form is None:
        raise InvalidArgument(
            "Only one auth mechanism allowed; a form is authenticated by its fields",
            ArgumentName="Authorization",
        )
    stored = await store_object(context, form.at_most)
    call = context.call
    etag = next(value for name, value in stored.headers if name == "ETag")
    location = _location(context)
    redirect = success_redirect(form.fields, call.bucket, call.key, etag)
    if redirect:
        return S3Response(303, [*stored.headers, ("Location", redirect)])
    headers = [*stored.headers, ("Location", location)]
    status = success_status(form.fields)
    if status != 201:
        return S3Response(status, headers)
    document = post_response(location, call.bucket, call.key, etag)
    return S3Response(201, [*headers, ("Content-Type", "application/xml")], document)


def _location(context: Context) -> str:
    head, call = context.head, context.call
    scheme = "https" if head.secure else "http"
    path = call.key if call.virtual_host else f"{call.bucket}/{call.key}"
    return f"{scheme}://{head.headers.get('host', '')}/{quote(path, safe='/-_.~')}"


OPERATIONS: dict[str, Operation] = {POST_OBJECT: post_object}
