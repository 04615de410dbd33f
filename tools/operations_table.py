"""Rewrites the rows of ``z4tw/s3/operation_rows.py`` from botocore's model of S3.

    python tools/operations_table.py

botocore is the published description of S3's operations: method, path and query markers. IAM
action names are not in it; ``z4tw/s3/operations.py`` has those that differ.
"""

from __future__ import annotations

import pathlib
from typing import Any

import botocore.session

TARGET = pathlib.Path(__file__).parent.parent / "z4tw" / "s3" / "operation_rows.py"
HEAD = '''"""S3's operations as rows, made by ``tools/operations_table.py`` from botocore's model.

(name, method, level, marker, required parameters, whether it takes a versionId); the marker is the
query parameter that names the subresource, the required parameters are further ones.
"""

from __future__ import annotations

ROWS: tuple[tuple[str, str, str, str, tuple[str, ...], bool], ...] = (
'''


def rows(model: Any) -> list[tuple[str, str, str, str, tuple[str, ...], bool]]:
    """The rows of a botocore service model, in the order of their names."""
    found = []
    for name in sorted(model.operation_names):
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        level = {"/": "service", "/{Bucket}": "bucket", "/{Bucket}/{Key+}": "object"}.get(path)
        members, required = {}, []
        if operation.input_shape is not None:
            members = operation.input_shape.members
            required = operation.input_shape.required_members
        parameters = {
            shape.serialization["name"]: member in required
            for member, shape in members.items()
            if shape.serialization.get("location") == "querystring"
        }
        found.append(
            (
                name,
                operation.http["method"],
                level or "service",
                query.split("&")[0].partition("=")[0],
                tuple(sorted(key for key, needed in parameters.items() if needed)),
                "versionId" in parameters,
            )
        )
    return found


def main() -> None:
    """Write the table."""
    model = botocore.session.get_session().get_service_model("s3")
    lines = []
    for name, method, level, marker, required, versioned in rows(model):
        needs = "(" + "".join(f'"{key}", ' for key in required).rstrip() + ")"
        needs = needs.replace(",)", ")") if len(required) > 1 else needs
        lines.append(f'    ("{name}", "{method}", "{level}", "{marker}", {needs}, {versioned}),\n')
    TARGET.write_text(HEAD + "".join(lines) + ")\n")


if __name__ == "__main__":
    main()
