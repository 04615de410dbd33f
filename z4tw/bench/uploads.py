"""Multipart uploads as scripts: what to send next follows from the last answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

from z4tw.bench.answer import Answer
from z4tw.bench.bodies import Bodies
from z4tw.bench.job import Job, Operation
from z4tw.bench.signing import Signer

OPERATIONS = (
    Operation("CreateMultipartUpload", "POST"),
    Operation("UploadPart", "PUT"),
    Operation("CompleteMultipartUpload", "POST"),
    Operation("AbortMultipartUpload", "DELETE"),
    Operation("whole upload", "", whole=True),
)
_CREATE, _PART, _COMPLETE, _ABORT = range(4)
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]{1,1024})</UploadId>")


class Step(NamedTuple):
    """A request of a script: a head (with a small body behind it), its kind, and how much of the
    bodies' bytes to send after it."""

    request: bytes
    kind: int
    body_size: int = 0


Script = Generator[Step, Answer, bool]
"""Gives steps and is sent their answers; returns whether all went well."""


class Uploads:
    """Makes the scripts of one process; ``now`` is the Unix time."""

    operations = OPERATIONS

    def __init__(self, job: Job, bodies: Bodies, now: Callable[[], float] = time.time) -> None:
        self._job, self._bodies, self._now = job, bodies, now
        self._signer = Signer(job.target)
        self._count = 0
        # The hashes of both sizes of parts, before anything is measured.
        for size in {min(job.size, job.part_size), job.size % job.part_size}:
            bodies.sha256(size)

    def script(self) -> Script:
        """The next upload; keys come again after the job's number of objects."""
        job = self._job
        mine = max(1, job.objects // job.processes)
        number = job.index + self._count % mine * job.processes
        self._count += 1
        return self._upload(job.path("multipart", number))

    def _sign(self, method: str, path: str, query: str, body: bytes = b"") -> bytes:
        digest = sha256(body).hexdigest()
        now = self._now()
        return self._signer.many(method, (path,), now, query, digest, len(body))[0] + body

    def _upload(self, path: str) -> Script:
        answer = yield Step(self._sign("POST", path, "uploads="), _CREATE)
        found = _UPLOAD_ID.search(answer.body)
        if answer.status != 200 or found is None:
            return False
        upload = f"uploadId={quote(_unescape(found[1]), safe='')}"
        tags: list[bytes] = []
        for start in range(0, max(self._job.size, 1), self._job.part_size):
            size = min(self._job.part_size, self._job.size - start)
            head = self._signer.many(
                "PUT",
                (path,),
                self._now(),
                f"partNumber={len(tags) + 1}&{upload}",
                self._bodies.sha256(size),
                size,
            )[0]
            answer = yield Step(head, _PART, size)
            tag = answer.header(b"etag")
            if answer.status != 200 or tag is None:
                yield Step(self._sign("DELETE", path, upload), _ABORT)
                return False
            tags.append(tag)
        answer = yield Step(self._sign("POST", path, upload, completion(tags)), _COMPLETE)
        return answer.status == 200 and b"<Error>" not in answer.body


def completion(tags: list[bytes]) -> bytes:
    """The document that completes an upload of parts with these ETags."""
    parts = [
        b"<Part><PartNumber>%d</PartNumber><ETag>%b</ETag></Part>" % (number, _escape(tag))
        for number, tag in enumerate(tags, 1)
    ]
    start = b'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    return start + b"".join(parts) + b"</CompleteMultipartUpload>"


def _escape(text: bytes) -> bytes:
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _unescape(text: bytes) -> bytes:
    return text.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&amp;", b"&")
