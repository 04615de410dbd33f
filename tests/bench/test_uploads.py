"""A multipart upload is a script that follows the answers."""

from __future__ import annotations

from tests.bench.support import make_job, ok
from z4tw.bench.answer import Answer
from z4tw.bench.bodies import Bodies
from z4tw.bench.uploads import Script, Step, Uploads, completion

PART = 5 << 20
CREATED = b"<R><UploadId>a&amp;b+c</UploadId></R>"


def answer(data: bytes) -> Answer:
    read = Answer(keep=True)
    assert read.feed(data, 0, len(data)) == len(data)
    return read


def script(size: int, count: int = 1, **changes: object) -> Script:
    job = make_job(workload="multipart", size=size, part_size=PART, **changes)
    uploads = Uploads(job, Bodies(), lambda: 1_700_000_000.0)
    for _ in range(count - 1):
        uploads.script()
    return uploads.script()


def line(step: Step) -> str:
    return step.request.split(b"\r\n")[0].decode()


def end(upload: Script, data: bytes) -> bool:
    try:
        upload.send(answer(data))
    except StopIteration as done:
        return bool(done.value)
    raise AssertionError("the script goes on")


def test_all_steps_of_an_upload() -> None:
    upload = script(PART + 10)
    path = "/bucket/z4-bench-1/multipart/00/0000000"
    assert line(next(upload)) == f"POST {path}?uploads= HTTP/1.1"
    step = upload.send(answer(ok(CREATED)))
    assert line(step) == f"PUT {path}?partNumber=1&uploadId=a%26b%2Bc HTTP/1.1"
    assert step.body_size == PART
    step = upload.send(answer(ok(b"", "200 OK", 'ETag: "one"')))
    assert line(step) == f"PUT {path}?partNumber=2&uploadId=a%26b%2Bc HTTP/1.1"
    assert step.body_size == 10
    step = upload.send(answer(ok(b"", "200 OK", 'ETag: "<two>"')))
    assert step.request.endswith(completion([b'"one"', b'"<two>"']))
    assert b"&lt;two&gt;" in step.request
    assert end(upload, ok(b"<Done/>"))


def test_an_empty_object_has_one_empty_part() -> None:
    upload = script(0)
    next(upload)
    assert upload.send(answer(ok(CREATED))).body_size == 0
    assert upload.send(answer(ok(b"", "200 OK", "ETag: x"))).kind == 2


def test_an_upload_that_cannot_begin_ends() -> None:
    upload = script(10)
    next(upload)
    assert not end(upload, ok(b"", "403 Forbidden"))


def test_an_upload_with_a_refused_part_is_aborted() -> None:
    upload = script(10)
    next(upload)
    upload.send(answer(ok(CREATED)))
    step = upload.send(answer(ok(b"", "503 Slow Down")))
    assert line(step).startswith("DELETE ")
    assert "uploadId=a%26b%2Bc" in line(step)
    assert not end(upload, ok(b"", "204 No Content"))


def test_an_error_in_an_answer_that_had_begun_is_seen() -> None:
    upload = script(10)
    next(upload)
    upload.send(answer(ok(CREATED)))
    upload.send(answer(ok(b"", "200 OK", "ETag: x")))
    assert not end(upload, ok(b"<Error><Code>InternalError</Code></Error>"))


def test_keys_come_again_after_the_number_of_objects() -> None:
    share = {"objects": 4, "index": 1, "processes": 2}
    lines = [line(next(script(10, count, **share))) for count in (1, 2, 3)]
    assert "0000001" in lines[0]
    assert "0000003" in lines[1]
    assert lines[2] == lines[0]
