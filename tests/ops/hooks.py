"""Interleavings and crashes for the tests of operations: a metadata store with hooks, and a client
of multipart uploads."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.ops.harness import Answer, Harness, Key
from z4tw.ops.context import Settings

SMALL = Settings(min_part_bytes=100, max_part_bytes=100_000, max_put_bytes=200_000)


class Crash(Exception):
    """The process died here; whoever asked got no answer."""


class HookedStore:
    """A store whose calls can be intercepted: before or after one, something else happens."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._hooks: list[tuple[str, Any, Callable[[], object], bool]] = []

    def before(self, method: str, action: Callable[[], object], command: Any = object) -> None:
        """Run ``action`` once, before the next call of ``method`` (with a command of a type)."""
        self._hooks.append((method, command, action, False))

    def after(self, method: str, action: Callable[[], object], command: Any = object) -> None:
        """Run ``action`` once, when the next call of ``method`` has taken effect."""
        self._hooks.append((method, command, action, True))

    def __getattr__(self, name: str) -> Any:
        present = getattr(self._store, name)
        if not any(hook[0] == name for hook in self._hooks):
            return present

        async def call(*args: Any) -> Any:
            hook = next(
                (
                    hook
                    for hook in self._hooks
                    if hook[0] == name and (name != "change" or isinstance(args[1], hook[1]))
                ),
                None,
            )
            if hook is None:
                return await present(*args)
            self._hooks.remove(hook)
            if not hook[3]:
                hook[2]()
            result = await present(*args)
            if hook[3]:
                hook[2]()
            return result

        return call


class HookedHarness(Harness):
    """A harness over a hooked store, in ``store``."""

    store: HookedStore

    def make_store(self) -> Any:
        return HookedStore(super().make_store())


def crash() -> None:
    """A hook that ends the process there."""
    raise Crash


class Uploading:
    """One multipart upload from the client's side, with every answer checked."""

    def __init__(
        self,
        harness: Harness,
        path: str = "/bucket/key",
        headers: Mapping[str, str] | None = None,
        key: Key | None = None,
    ) -> None:
        self.harness = harness
        self.path = path
        self.signer = key
        self.etags: dict[int, str] = {}
        self.checksums: dict[int, str] = {}
        answer = harness.request("POST", f"{path}?uploads", headers, key=key)
        assert answer.status == 200, answer
        # A key may have characters that XML cannot carry: no parser.
        self.id = answer.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode("ascii")

    def try_part(
        self, number: int, body: bytes, headers: Mapping[str, str] | None = None, **arguments: Any
    ) -> Answer:
        """Upload a part, whatever comes of it."""
        return self.harness.request(
            "PUT",
            f"{self.path}?partNumber={number}&uploadId={self.id}",
            headers,
            body,
            self.signer,
            **arguments,
        )

    def part(
        self, number: int, body: bytes, headers: Mapping[str, str] | None = None, **arguments: Any
    ) -> Answer:
        """Upload a part that must be accepted, and note its ETag."""
        answer = self.try_part(number, body, headers, **arguments)
        assert answer.status == 200, answer
        self.etags[number] = answer.headers["etag"].strip('"')
        return answer

    def document(self, numbers: Sequence[int] | None = None, extra: str = "") -> bytes:
        """The part list; ``extra`` is a checksum element's name, filled from ``checksums``."""
        rows = []
        for number in sorted(self.etags) if numbers is None else numbers:
            more = f"<{extra}>{self.checksums[number]}</{extra}>" if extra else ""
            etag = self.etags.get(number, "0" * 32)
            rows.append(
                f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag>{more}</Part>"
            )
        return f"<CompleteMultipartUpload>{''.join(rows)}</CompleteMultipartUpload>".encode()

    def complete(
        self,
        headers: Mapping[str, str] | None = None,
        numbers: Sequence[int] | None = None,
        body: bytes | None = None,
        extra: str = "",
    ) -> Answer:
        """Try to complete it."""
        document = self.document(numbers, extra) if body is None else body
        return self.harness.request(
            "POST", f"{self.path}?uploadId={self.id}", headers, document, self.signer
        )

    def abort(self) -> Answer:
        """Abort it."""
        return self.harness.request("DELETE", f"{self.path}?uploadId={self.id}", key=self.signer)


def base64(data: bytes) -> str:
    """Base64 text."""
    return b64encode(data).decode("ascii")
