"""Reading our documents as boto3 does."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import botocore.session
from botocore.parsers import create_parser


@lru_cache(maxsize=1)
def _model() -> Any:
    return botocore.session.get_session().get_service_model("s3")


def read_document(operation: str, document: bytes, status: int = 200) -> dict[str, Any]:
    """What botocore's parser makes of a response body, without its metadata."""
    shape = _model().operation_model(operation).output_shape
    answer = {"body": document, "headers": {}, "status_code": status}
    parsed: dict[str, Any] = create_parser("rest-xml").parse(answer, shape)
    parsed.pop("ResponseMetadata")
    return parsed
