"""The S3 API: objects that are put with `aws:kms` and without a key."""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from cdk_rehearsal.ministack.replacements import replaces

_PUT_SSE = "x-amz-server-side-encryption"
_PUT_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


@replaces(s3, "_resolve_sse_write_headers")
def with_managed_key(
    original: Callable[[dict[str, str], str], Any], headers: dict[str, str], bucket: str
) -> Any:
    """Use the AWS-managed key for an object that is put with `aws:kms` and without a key."""
    if headers.get(_PUT_SSE) == "aws:kms" and not headers.get(_PUT_KEY):
        key = f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"
        headers = headers | {_PUT_KEY: key}
    return original(headers, bucket)
