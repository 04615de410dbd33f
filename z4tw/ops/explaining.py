"""The header ``x-z4-explain``: admins are told why a request is allowed or denied.

``true`` asks for the request's own key, ``anonymous`` for nobody, and an access key's id for that
key, as if it had sent the same request. The answer, whichever it is, carries the same header, with
what is decided of each action and who decides it. To others the header means nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from z4tw.model.control import ANONYMOUS, Principal

if TYPE_CHECKING:
    from z4tw.ops.context import Context
    from z4tw.ops.credentials import Credentials

EXPLAIN = "x-z4-explain"
MAX_CHARACTERS = 2000


async def explanation(context: Context, credentials: Credentials) -> tuple[tuple[str, str], ...]:
    """The header to be added to the answer of an admin's request that asks for it."""
    asked = context.head.headers[EXPLAIN].strip()
    principal: Principal | None = context.principal
    if asked == "anonymous":
        principal = ANONYMOUS
    elif asked != "true":
        credential = await credentials.find(asked)
        principal = None if credential is None else credential.principal
    if principal is None:
        return ((EXPLAIN, "there is no such access key"),)
    if principal is not context.principal:
        context = msgspec.structs.replace(context, principal=principal, verified=None)
    decided = await context.access.explain(context)
    text = "; ".join(f"{action}: {said.effect.value}: {said.reason}" for action, said in decided)
    return ((EXPLAIN, _printable(text)[:MAX_CHARACTERS]),)


def _printable(text: str) -> str:
    """Reasons name statements by ids that clients chose: nothing of them may end the line."""
    return "".join(char if " " <= char <= "~" else ascii(char)[1:-1] for char in text)
