"""DeleteObject and DeleteObjects.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

from collections.abc import Awaitable

from z4tw.errors import AccessDenied, InvalidArgument, NoSuchVersion, NotImplemented, S3Error
from z4tw.interfaces.http import S3Response
from z4tw.model.control import Bucket
from z4tw.model.registers import Outcome
from z4tw.objects.commands import Condition, DeleteObject, DeleteVersion
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.documents import read_document
from z4tw.ops.lookup import owner_of, requested_version
from z4tw.ops.started import outcomes
from z4tw.s3 import xml_out
from z4tw.s3.conditional import write_condition
from z4tw.s3.names import check_key, check_version_id
