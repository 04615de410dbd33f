"""Hostile request documents: entity bombs, external entities, depth, size and encodings.

Class "XXE" (Swift CVE-2022-47950), class "crash on malformed input" (Ceph CVE-2020-12059).
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.error_cases import GOOD, TAKES_DOCUMENT
from tests.conformance.raw import Request
from tests.conformance.world import World, build_world, unharmed
from tests.processes import Key, ServerProcess

QUICK_S = 5.0
SECRET = "a secret in a file"
DOCUMENTS = (*TAKES_DOCUMENT, "CreateBucket")
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.fixture(scope="module", autouse=True)
def _nothing_breaks(server: ServerProcess) -> Iterator[None]:
    yield from unharmed(server)


@pytest.fixture(scope="module")
def world(server: ServerProcess, alice: Key, bob: Key) -> World:
    return build_world(server, alice, bob)


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("xml") / "secret"
    path.write_text(SECRET)
    return path


@pytest.fixture(scope="module")
def seen() -> list[Any]:
    """The last snapshot of the world."""
    return []


def root_of(name: str) -> str:
    return {
        "CompleteMultipartUpload": "CompleteMultipartUpload",
        "DeleteObjects": "Delete",
        "PutBucketVersioning": "VersioningConfiguration",
        "CreateBucket": "CreateBucketConfiguration",
        "PutBucketOwnershipControls": "OwnershipControls",
        "PutPublicAccessBlock": "PublicAccessBlockConfiguration",
    }.get(name, "Tagging")


def bombs(root: str, secret: Path) -> dict[str, bytes]:
    """Documents by what is wrong with them."""
    texts = {
        "a billion laughs": f'<!DOCTYPE {root} [<!ENTITY l0 "ha">{LAUGHS}]><{root}>&l9;</{root}>',
        "a quadratic bomb": f'<!DOCTYPE {root} [<!ENTITY a "{"a" * 9000}">]><{root}>'
        + "&a;" * 9000
        + f"</{root}>",
        "an entity that names itself": f'<!DOCTYPE x [<!ENTITY a "&a;">]><{root}>&a;</{root}>',
        "an external entity": f'<!DOCTYPE x [<!ENTITY f SYSTEM "file://{secret}">]>'
        f"<{root}><Status>&f;</Status></{root}>",
        "an external DTD": f'<!DOCTYPE {root} SYSTEM "file://{secret}"><{root}/>',
        "an external DTD over HTTP": f'<!DOCTYPE {root} SYSTEM "http://127.0.0.1:9/x"><{root}/>',
        "a parameter entity": f'<!DOCTYPE x [<!ENTITY % p SYSTEM "file://{secret}">%p;]><{root}/>',
        "a DTD that says nothing": f"<!DOCTYPE {root}><{root}/>",
        "an inclusion": f'<{root} xmlns:xi="http://www.w3.org/2001/XInclude">'
        f'<xi:include href="file://{secret}" parse="text"/></{root}>',
        "an entity that is not declared": f"<{root}>&nothing;</{root}>",
        "depth": f"<{root}>" + "<a>" * 9000 + "</a>" * 9000 + f"</{root}>",
        "depth without end": f"<{root}>" + "<a>" * 9000,
        "many elements": f"<{root}>" + "<a/>" * 15_000 + f"</{root}>",
        "many attributes": f"<{root} "
        + " ".join(f'a{n}="1"' for n in range(5000))
        + f"><Unknown/></{root}>",
        "an attribute twice": f'<{root} a="1" a="2"/>',
        "a long attribute": f'<{root} a="{"x" * 60_000}"><Unknown/></{root}>',
        "a long name": f"<{'x' * 60_000}/>",
        "a long text": f"<{root}><Unknown>{'x' * 60_000}</Unknown></{root}>",
        "two roots": f"<{root}/><{root}/>",
        "text after the root": f"<{root}/>more",
        "no root": "<?xml version='1.0'?>",
        "a comment without end": f"<{root}><!--",
        "a NUL": f"<{root}>\0</{root}>",
        "a NUL by reference": f"<{root}>&#0;</{root}>",
        "a surrogate by reference": f"<{root}>&#xD800;</{root}>",
        "crossed tags": f"<{root}><a></{root}></a>",
        "an unknown encoding": f'<?xml version="1.0" encoding="EBCDIC-CP"?><{root}/>',
        "an encoding that decompresses": f'<?xml version="1.0" encoding="zlib_codec"?><{root}/>',
        "UTF-7": f'<?xml version="1.0" encoding="UTF-7"?><{root}>+ADw-a+AD4-</{root}>',
        "JSON": '{"Tagging": []}',
        "white space": " \n",
    }
    found = {name: text.encode() for name, text in texts.items()}
    found["broken UTF-8"] = f"<{root}>".encode() + b"\xff\xfe" + f"</{root}>".encode()
    found["UTF-16 with a DTD"] = texts["a billion laughs"].encode("utf-16")
    found["a compressed document"] = gzip.compress(b"<a>" * 100_000)
    found["a zlib stream"] = zlib.compress(b"<a>" * 100_000)
    found["noise"] = bytes(range(256)) * 16
    return found


NAMES = sorted(bombs("x", Path("/x")))


@pytest.mark.parametrize("operation", DOCUMENTS)
@pytest.mark.parametrize("bomb", NAMES)
def test_a_bomb_is_malformed_and_nothing_else(
    bomb: str, operation: str, world: World, secret: Path, seen: list[Any]
) -> None:
    """Refused soon, changing nothing, and no file's content is in the answer."""
    recipe = GOOD[operation]._replace(body=bombs(root_of(operation), secret)[bomb])
    request = world.request(*recipe[:5])
    if not seen:
        seen.append(world.snapshot())
    began = time.monotonic()
    for headers in ({}, {"Content-Encoding": "gzip"}):
        sent = Request(
            request.method,
            request.path,
            request.query,
            {**request.headers, **headers},
            request.body,
        )
        reply = world.alice.send(world.alice.signer.sign(sent).request)
        assert (reply.status, reply.code) in (
            (400, "MalformedXML"),
            (400, "MaxMessageLengthExceeded"),
        ), reply
        assert SECRET.encode() not in reply.body
    assert time.monotonic() - began < QUICK_S
    before, seen[0] = seen[0], world.snapshot()
    assert seen[0] == before


@pytest.mark.parametrize("document", [
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Tagging/>',
    "\ufeff<Tagging><TagSet/></Tagging>".encode(),
    "<Tagging><TagSet/></Tagging>".encode("utf-16"),
    b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet/></Tagging>',
    b'<s:Tagging xmlns:s="http://s3.amazonaws.com/doc/2006-03-01/"><s:TagSet/></s:Tagging>',
    b"<Tagging><!-- a comment --><TagSet><![CDATA[ ]]></TagSet></Tagging>",
    b"<?target instruction?><Tagging><TagSet/></Tagging>",
], ids=range(7))  # fmt: skip
def test_odd_but_legal_documents_are_read(document: bytes, world: World) -> None:
    """What XML allows and no client would forge is read or refused, never a defect."""
    reply = world.alice.ask("PUT", f"/{world.names['bucket']}/object", "tagging", document)
    assert (reply.status, reply.code) in ((200, ""), (400, "MalformedXML"))
    assert world.alice.do("GET", f"/{world.names['bucket']}/object", "tagging").fields("Tag") == []


def test_text_in_a_document_is_kept_to_the_letter(world: World) -> None:
    """Escapes, CDATA and white space in values."""
    path = f"/{world.names['bucket']}/object"
    document = (
        "<Tagging><TagSet><Tag><Key>a&#x20;b</Key><Value><![CDATA[c:d]]> e</Value></Tag>"
        "</TagSet></Tagging>"
    )
    world.alice.do("PUT", path, "tagging", document)
    tags = world.alice.do("GET", path, "tagging")
    assert (tags.field("Key"), tags.field("Value")) == ("a b", "c:d e")
    world.alice.do("DELETE", path, "tagging")
