"""``z4 explain``: who may do what and why, and why a signature does not match."""

from __future__ import annotations

import argparse
from typing import Any

from z4tw.cli.output import fields, plain, show
from z4tw.cli.parsing import Commands
from z4tw.cli.reach import perform
from z4tw.node.failures import CommandError
from z4tw.sigv4.dump import Dump, SignedTexts, first_difference, read_dump

MOST_BYTES = 16 * 1024 * 1024
"""The longest log that is read."""


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "explain", explain, "say why something is allowed or denied, or a signature is wrong"
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--key", metavar="NAME", help="ask as this key")
    who.add_argument("--user", metavar="U", help="ask as this user, not limited by a key")
    who.add_argument("--anonymous", action="store_true", help="ask without a signature")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--action", metavar="A", help="such as s3:GetObject")
    what.add_argument(
        "--request",
        metavar="FILE",
        action="append",
        help="why its signature is wrong: a request head, curl -v or aws --debug output, or the "
        "error document; several files may say it together",
    )
    parser.add_argument("--bucket", metavar="B", default="", help="the bucket acted upon")
    parser.add_argument("--object", metavar="K", default="", help="the key acted upon")
    parser.add_argument("--version-id", metavar="V", default="", help="the version acted upon")
    parser.add_argument(
        "--condition",
        metavar="K=V",
        action="append",
        default=[],
        help="a condition key that the request would bring, as aws:SourceIp=10.0.0.1",
    )


def explain(arguments: argparse.Namespace) -> int:
    """``z4 explain``; the exit status is 0 for allowed (or a right signature), 1 for denied."""
    if arguments.request:
        return _explain_signature(arguments)
    if not (arguments.key or arguments.user or arguments.anonymous):
        raise CommandError("say who asks: --key, --user or --anonymous")
    found = perform(
        arguments,
        "explain",
        action=arguments.action,
        key=arguments.key,
        user=arguments.user,
        bucket=arguments.bucket,
        object=arguments.object,
        version_id=arguments.version_id,
        conditions=_conditions(arguments.condition),
    )
    head = fields(
        [
            ("decision", "allowed" if found["allowed"] else "denied"),
            ("because", found["reason"]),
            ("principal", found["principal"]),
            ("action", found["action"]),
            ("resource", found["resource"]),
            ("conditions", found["conditions"]),
        ]
    )
    said = fields([(one["by"], f"{one['effect']}: {one['reason']}") for one in found["said"]])
    show(found, arguments.json, f"{head}\n\n{said}")
    return 0 if found["allowed"] else 1


def _conditions(given: list[str]) -> dict[str, str | list[str]]:
    """Condition keys by name; one that comes twice has several values."""
    values: dict[str, list[str]] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or ":" not in name:
            raise CommandError(f"a condition is KEY=VALUE as aws:SourceIp=10.0.0.1, not {one!r}")
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _explain_signature(arguments: argparse.Namespace) -> int:
    dump = _read(arguments.request)
    server = dump.server
    told: dict[str, Any] = {}
    if dump.head is not None and server is None:
        told = perform(
            arguments,
            "explain_signature",
            method=dump.head.method,
            target=dump.head.target,
            headers=dump.head.headers,
        )
        if told.get("canonical_request"):
            server = SignedTexts(told["canonical_request"], told["string_to_sign"])
    if server is None and not told:
        raise CommandError("the files hold no request head, and no error document of a server")
    difference = None
    if server is not None and dump.client is not None:
        difference = first_difference(dump.client, server)
    if told.get("matches"):
        verdict = "The signature is right."
    elif difference is not None:
        verdict = f"The two sides differ first in the {difference.part}."
    elif server is not None and dump.client is not None and dump.logged:
        verdict = "Both sides signed the same text: the secret keys differ."
    elif server is not None and dump.client is not None:
        verdict = (
            "The server saw what was sent: the secret keys differ, or the client signed another "
            "text than this."
        )
    else:
        verdict = told.get("message") or "Compare this with what the client signed."
    value = {
        "verdict": verdict,
        "error": told.get("error", ""),
        "server": _texts(server),
        "client": _texts(dump.client),
        "difference": None
        if difference is None
        else {
            "line": difference.line,
            "part": difference.part,
            "client": difference.client,
            "server": difference.server,
        },
    }
    show(value, arguments.json, "\n".join([verdict, *_shown(dump.client, server)]))
    return 0 if told.get("matches") else 1


def _texts(texts: SignedTexts | None) -> dict[str, str] | None:
    if texts is None:
        return None
    return {"canonical_request": texts.canonical_request, "string_to_sign": texts.string_to_sign}


def _shown(client: SignedTexts | None, server: SignedTexts | None) -> list[str]:
    """Both texts line by line; ``-`` marks the client's of two that differ, ``+`` the server's."""
    if server is None:
        return []
    lines: list[str] = []
    for title, name in (
        ("Canonical request", "canonical_request"),
        ("String to sign", "string_to_sign"),
    ):
        lines += ["", f"{title}:"]
        ours = getattr(server, name).split("\n")
        theirs = ours if client is None else getattr(client, name).split("\n")
        for number in range(max(len(ours), len(theirs))):
            left = theirs[number] if number < len(theirs) else None
            right = ours[number] if number < len(ours) else None
            if left == right:
                lines.append(f"    {_line(right)}")
                continue
            lines += [] if left is None else [f"  - {_line(left)}"]
            lines += [] if right is None else [f"  + {_line(right)}"]
    return lines


def _line(text: str | None) -> str:
    return plain(text) if text else ""


def _read(paths: list[str]) -> Dump:
    found = Dump()
    for path in paths:
        try:
            with open(path, "rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise CommandError(f"cannot read {path}: {error.strerror}") from None
        if len(data) > MOST_BYTES:
            raise CommandError(f"{path} has more than {MOST_BYTES} bytes")
        one = read_dump(data.decode("utf-8", "replace"))
        logs = one.client is not None and (one.logged or not found.logged)
        found = Dump(
            one.head or found.head,
            one.client if logs else found.client,
            one.server or found.server,
            one.logged or found.logged,
        )
    return found
