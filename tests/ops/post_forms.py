"""Makes upload forms (policies, signatures, bodies), apart from the server's own code."""

from __future__ import annotations

import hmac
import json
import re
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

BOUNDARY = "----FormBoundary7MA4YWxk"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
END = f"--{BOUNDARY}--\r\n".encode()
REGION = "us-east-1"


def policy_text(conditions: Sequence[Any], expires_s: float) -> str:
    """A base64 policy that is good until a Unix time."""
    expiration = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(expires_s))
    document = {"expiration": expiration, "conditions": list(conditions)}
    return b64encode(json.dumps(document).encode()).decode()


def signed_fields(
    key: Any,
    bucket: str,
    fields: Mapping[str, str],
    now_s: float,
    *,
    conditions: Sequence[Any] | None = None,
    expires_s: float = 300,
    policy: str = "",
    secret: str = "",
    region: str = REGION,
    **changed: str,
) -> dict[str, str]:
    """Fields with a policy and its signature. ``key`` has ``access_key_id`` and a secret;
    ``conditions`` (default: each field as it is) come beside those of the signature's fields;
    ``changed`` fields are put in after signing (``_`` stands for ``-``)."""
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    own = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{key.access_key_id}/{when[:8]}/{region}/s3/aws4_request",
        "x-amz-date": when,
    }
    if conditions is None:
        conditions = [{name: value} for name, value in fields.items()]
    every = [{"bucket": bucket}, *conditions, *({name: value} for name, value in own.items())]
    text = policy or policy_text(every, now_s + expires_s)
    signing = b"AWS4" + (secret or secret_of(key)).encode()
    for part in (when[:8], region, "s3", "aws4_request", text):
        signing = hmac.digest(signing, part.encode(), "sha256")
    made = {**fields, **own, "policy": text, "x-amz-signature": signing.hex()}
    return {**made, **{name.replace("_", "-"): value for name, value in changed.items()}}


def secret_of(key: Any) -> str:
    """The secret of either kind of key that tests have."""
    return str(getattr(key, "secret", None) or key.secret_access_key)


def signed_body(key: Any, bucket: str, body: bytes, now_s: float) -> bytes:
    """The body of an unsigned form with a policy that allows just its fields, and its signature."""
    names = re.findall(rb'form-data; name="([^"]+)"', body.partition(b'name="file"')[0])
    conditions = [["starts-with", f"${name.decode()}", ""] for name in names]
    fields = signed_fields(key, bucket, {}, now_s, conditions=conditions)
    return form_body(fields, None).removesuffix(END) + body


def form_body(
    fields: Mapping[str, str], file: bytes | None, filename: str = "a.txt", after: bytes = b""
) -> bytes:
    """The body of a form: the fields, then the file, then what comes after it."""
    body = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    if file is not None:
        body += (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"'
            "\r\nContent-Type: text/plain\r\n\r\n"
        ).encode()
        body += file + b"\r\n"
    return body + after + END
