"""Forms: whole, byte by byte, with trailing bytes, cut anywhere, malformed and too large."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import (
    IncorrectNumberOfFilesInPostRequest,
    InvalidArgument,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceededError,
    S3Error,
)
from z4tw.payload.form import MAX_BEFORE_FILE_BYTES, FormParser, form_boundary

BOUNDARY = b"----WebKitFormBoundaryAbC123"
FILE = b"line\r\n--\r\n----WebKitFormBoundary\r" * 20


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return b"--" + BOUNDARY + b"\r\n" + head.encode() + value + b"\r\n"


def form(
    fields: dict[str, bytes], file: bytes | None = FILE, filename: str = "a.txt", after: bytes = b""
) -> bytes:
    body = b"".join(part(name, value) for name, value in fields.items())
    if file is not None:
        body += part("file", file, f'; filename="{filename}"\r\nContent-Type: text/plain')
    return body + after + b"--" + BOUNDARY + b"--\r\n"


def parse(body: bytes, step: int = 1 << 30) -> tuple[FormParser, bytes]:
    parser = FormParser(BOUNDARY)
    out = b"".join(parser.feed(body[at : at + step]) for at in range(0, len(body), step))
    parser.finish()
    return parser, out


def refusal(body: bytes) -> type[S3Error]:
    kinds = set()
    for step in (1 << 30, 1):
        with pytest.raises(S3Error) as caught:
            parse(body, step)
        kinds.add(type(caught.value))
    [kind] = kinds
    return kind


FIELDS = {"Key": b"a/${filename}", "x-amz-meta-x": "é".encode(), "empty": b""}


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1 << 30])
@pytest.mark.parametrize("file", [b"", b"\r", b"\r\n", b"\r\n-", FILE, b"--" + BOUNDARY])
def test_a_form_in_pieces_of_any_size(step: int, file: bytes) -> None:
    body = form(FIELDS, file)
    parser, out = parse(body, step)
    assert parser.fields == {"key": b"a/${filename}", "x-amz-meta-x": "é".encode(), "empty": b""}
    assert parser.filename == "a.txt"
    assert out == file
    assert parser.file_ended
    before = parser.before_file_bytes
    assert body[before:].startswith(file + b"\r\n--" + BOUNDARY)
    assert len(body) - before - parser.least_after_bytes - len(b"\r\n") == len(file)


@pytest.mark.parametrize("step", [1, 5, 1 << 30])
def test_what_comes_after_the_file_is_ignored(step: int) -> None:
    later = part("key", b"other") + part("file", b"second", '; filename="b"')
    for after in (later, b"", part("x", b"y" * 100_000)):
        parser, out = parse(form(FIELDS, after=after) + b"epilogue \xff", step)
        assert (parser.fields["key"], out) == (b"a/${filename}", FILE)


@given(
    st.dictionaries(st.text("abc-", min_size=1, max_size=9), st.binary(max_size=60), max_size=5),
    st.lists(
        st.sampled_from([b"\r\n--" + BOUNDARY[:-1], b"\r", b"\n", b"--", BOUNDARY[2:], b"data"])
        | st.binary(max_size=40),
        max_size=30,
    ).map(b"".join),
    st.lists(st.integers(0, 3000), max_size=8),
)
def test_any_form_cut_anywhere(fields: dict[str, bytes], file: bytes, cuts: list[int]) -> None:
    delimiter = b"\r\n--" + BOUNDARY
    if delimiter in file or any(delimiter in b"\r\n" + value for value in fields.values()):
        return
    body = form(fields, file)
    parser = FormParser(BOUNDARY)
    out, last = b"", 0
    for cut in [*sorted(cut for cut in cuts if cut < len(body)), len(body)]:
        out += parser.feed(body[last:cut])
        last = cut
    parser.finish()
    assert (parser.fields, out) == (fields, file)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_rubbish_is_refused_alike_however_it_comes(rubbish: bytes, step: int) -> None:
    for body in (rubbish, b"--" + BOUNDARY + b"\r\n" + rubbish, form({"a": b"1"})[:-4] + rubbish):
        ends = []
        for size in (1 << 30, step, 1):
            try:
                parser, out = parse(body, size)
                ends.append((parser.fields, out))
            except S3Error as error:
                ends.append(type(error))
        assert ends[0] == ends[1] == ends[2]


def test_the_size_before_the_file_is_bounded() -> None:
    spare = MAX_BEFORE_FILE_BYTES - parse(form({"a": b""}))[0].before_file_bytes
    parser, _ = parse(form({"a": b"x" * spare}, b"f" * 100_000))
    assert parser.before_file_bytes == MAX_BEFORE_FILE_BYTES
    assert refusal(form({"a": b"x" * (spare + 1)})) is MaxPostPreDataLengthExceededError
    for endless in (
        b"p" * 30_000,
        part("a", b"x" * 30_000),
        b"--" + BOUNDARY + b"\r\n" + b"h" * 30_000,
    ):
        parser = FormParser(BOUNDARY)
        with pytest.raises(MaxPostPreDataLengthExceededError):
            parser.feed(endless[:-20])


def test_a_part_named_file_needs_no_file_name() -> None:
    body = part("key", b"k") + part("FILE", b"text") + b"--" + BOUNDARY + b"--"
    parser, out = parse(body)
    assert (parser.filename, out) == ("", b"text")


def test_a_preamble_and_padding_are_passed_over() -> None:
    body = b"This is a form.\r\n" + form(FIELDS).replace(
        BOUNDARY + b"\r\n", BOUNDARY + b" \t\r\n", 1
    )
    for step in (1, 1 << 30):
        assert parse(body, step)[1] == FILE


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        (r"C:\Users\me\a.txt", r"C:\Users\me\a.txt"),
        ("é.txt", "é.txt"),
        (r"say \"hi\".txt", 'say "hi".txt'),
        ("a;b=c.txt", "a;b=c.txt"),
        ("%22.txt", "%22.txt"),
    ],
)
def test_file_names(given_name: str, expected: str) -> None:
    assert parse(form(FIELDS, filename=given_name))[0].filename == expected


START = b"--" + BOUNDARY + b"\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form",
        START,
        START + b"\r\nvalue\r\n",
        START + b"Content-Type: text/plain\r\n\r\nvalue",
        START + b"Content-Disposition: attachment; name=a\r\n\r\nvalue",
        START + b"Content-Disposition: form-data\r\n\r\nvalue",
        START + b'Content-Disposition: form-data; name=""\r\n\r\nvalue',
        START + b'Content-Disposition: form-data; name="a" b\r\n\r\nvalue',
        START + b'Content-Disposition: form-data; name="a\r\n\r\nvalue',
        START + b'Content-Disposition: form-data; name="a"; name="b"\r\n\r\nvalue',
        START + b'Content-Disposition: form-data; name="\xff"\r\n\r\nvalue',
        START + b'Content-Disposition: form-data; name="a"\r\nrubbish\r\n\r\nvalue',
        START
        + b'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"'
        + b"\r\n\r\nvalue",
        START
        + b'Content-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: base64'
        + b"\r\n\r\nvalue",
        form(FIELDS)[: -len(BOUNDARY) - 8],
        form(FIELDS)[:-5],
        part("a", b"1") + b"--" + BOUNDARY + b"more\r\n",
        part("a", b"1") + b"--" + BOUNDARY + b" " * 200 + b"\r\n",
        form(FIELDS).replace(b"--\r\n", b"xx\r\n", 100),
    ],
)
def test_malformed_forms(body: bytes) -> None:
    assert refusal(body) is MalformedPOSTRequest


def test_a_form_without_a_file_and_a_field_that_comes_twice() -> None:
    assert refusal(form({"key": b"k"}, None)) is IncorrectNumberOfFilesInPostRequest
    assert refusal(part("Key", b"1") + part("kEY", b"2") + form({})) is InvalidArgument


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data;boundary="a b:c"', b"a b:c"),
        ("multipart/form-data; charset=utf-8; BOUNDARY=abc; x=y", b"abc"),
        ("multipart/form-data; boundary=" + "b" * 70, b"b" * 70),
    ],
)
def test_boundaries(content_type: str, boundary: bytes) -> None:
    assert form_boundary(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=a",
        'multipart/form-data; boundary="a', 'multipart/form-data; boundary="a "',
        "multipart/form-data; boundary=" + "b" * 71, "multipart/form-data; boundary=a\xe9",
        "multipart/form-data; xboundary=a", 'multipart/form-data; boundary="a\r\nb"',
    ],
)  # fmt: skip
def test_content_types_without_a_boundary(content_type: str) -> None:
    with pytest.raises(MalformedPOSTRequest):
        form_boundary(content_type)
