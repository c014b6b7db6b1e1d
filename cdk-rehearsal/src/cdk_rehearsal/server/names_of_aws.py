"""The names of AWS's endpoints, under which a task in a container reaches the local AWS.

Its network has a resolver that answers these names, and a way to a Unix socket of this process
(`containers.in_container.vpc_resolver`). So an SDK needs no setting of its own for its endpoints.
"""

import re
from dataclasses import replace

from cdk_rehearsal.server.api_request import Request

_NAME = re.compile(r"(?:[a-z0-9-]+\.)+amazonaws\.com")
# A bucket with a dot in its name has no valid certificate, so SDKs write it into the path.
_WITH_BUCKET = re.compile(r"(?P<bucket>[a-z0-9-]+)\.s3(?:\.[a-z0-9-]+)?\.amazonaws\.com")


def is_name_of_aws(host: str) -> bool:
    return _NAME.fullmatch(host) is not None


def with_bucket_in_path(request: Request, address: str) -> Request:
    """Return a request to ``address`` that has the bucket of its host in its path.

    To call after the signature is verified, which is over the request as it was sent.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    found = _WITH_BUCKET.fullmatch(request.headers["host"])
    request = replace(request, headers={**request.headers, "host": address})
    if found is None:
        return request
    bucket = f"/{found['bucket']}"
    if request.raw_path == "/":
        return replace(request, path=bucket, raw_path=bucket)
    return replace(request, path=bucket + request.path, raw_path=bucket + request.raw_path)
