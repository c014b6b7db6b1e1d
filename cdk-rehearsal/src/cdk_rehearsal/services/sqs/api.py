"""The SQS API: the URLs of queues."""

from collections.abc import Callable

from ministack.core.responses import get_region
from ministack.services import sqs

from cdk_rehearsal.ministack.replacements import replaces


@replaces(sqs, "_queue_url_for_account")
def queue_url(_original: Callable[[str, str], str], account_id: str, name: str) -> str:
    """Name AWS's endpoint in the URL of a queue: some SDKs take their endpoint from it."""
    return f"https://sqs.{get_region()}.amazonaws.com/{account_id}/{name}"
