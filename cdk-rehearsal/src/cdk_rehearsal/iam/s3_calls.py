"""The permissions that a call of S3 needs: on buckets, objects and their versions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element, ParseError

from ministack.core import iam_actions

from cdk_rehearsal.iam.authorization import UnjudgedError, resource_types
from cdk_rehearsal.server.api_request import ApiRequest

Needed: TypeAlias = tuple[str, str, Mapping[str, Any]]
"""An action without its service, the ARN that it is on, and condition keys in lower case."""


_OF_VERSIONS = {"DeleteObject": "DeleteObjectVersion", "GetObject": "GetObjectVersion"}
# Headers that need another permission: for ACLs, locks, tags, owners, and the source of a copy.
_HEADERS_NOT_JUDGED = (
    *("x-amz-acl", "x-amz-bucket-object-lock", "x-amz-bypass-governance-retention"),
    *("x-amz-copy-source", "x-amz-grant-", "x-amz-object-lock-", "x-amz-object-ownership"),
    "x-amz-tagging",
)
# They need the rights to read or to change an object besides.
_NOT_JUDGED = ("GetObjectAttributes", "RestoreObject")
# Names that stand for a bucket of another name.
_ALIASES = ("-s3alias", "--ol-s3")


def of_s3(call: ApiRequest) -> Iterator[Needed]:
    """Yield all permissions that a call needs; ``UnjudgedError`` if that is unknown."""
    if named := [each for each in call.headers if each.startswith(_HEADERS_NOT_JUDGED)]:
        raise UnjudgedError(f"s3_calls.py does not know what {', '.join(sorted(named))} needs")
    if call.operation in _NOT_JUDGED:
        raise UnjudgedError(f"s3_calls.py does not know what {call.operation} needs")
    if call.operation == "DeleteObjects":
        # DeleteObject always: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        for key, version in _to_delete(call.body):
            for action in dict.fromkeys(("DeleteObject", _versioned("DeleteObject", version))):
                yield action, _arn(call.text("Bucket"), key), {}
    else:
        resource_types(call.action)  # only whether there is such an action
        action = _versioned(call.action.partition(":")[2], call.text("VersionId"))
        context = iam_actions.s3_service_context(
            f"s3:{action}", dict(call.query), call.path, dict(call.headers)
        )
        keys = {key.lower(): value for key, value in context.items()}
        yield action, _arn(call.text("Bucket"), call.text("Key")), keys


def _versioned(action: str, version: str) -> str:
    if version and action not in _OF_VERSIONS:
        raise UnjudgedError(f"s3_calls.py does not know what {action} of a version needs")
    return _OF_VERSIONS[action] if version else action


def _arn(bucket: str, key: str = "") -> str:
    if bucket.endswith(_ALIASES):
        raise UnjudgedError(f"{bucket} stands for another bucket")
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket or '*'}"


def _to_delete(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield key and version of each object in the body of DeleteObjects.

    An object that has several keys or versions counts with each of them, since the handler takes
    one of them.
    """
    try:
        root = iam_actions.fromstring(body)  # the parser of the handler
    except (ParseError, ValueError) as error:
        raise UnjudgedError(f"the body is no XML: {error}") from error
    for each in root.iter():
        if _name(each) == "Object":
            parts = [(_name(part), part.text or "") for part in each.iter()]
            keys = [text for name, text in parts if name == "Key"]
            versions = [text for name, text in parts if name == "VersionId"]
            yield from product(keys, versions or [""])


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
