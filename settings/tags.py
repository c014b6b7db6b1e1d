"""Tags, in the form that all AWS services of the stacks take."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, PlainValidator

from .parsing import items_of
from .redaction import shown_item
from .report import InvalidValueError

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions
_TAG = re.compile(
    r"(?!aws:)([\w .:/+@-]{1,128}?) *=(?! *aws:) *([\w .:/=+@-]{0,256})", re.IGNORECASE
)


def _tags(value: object) -> Mapping[str, str]:
    tags: dict[str, str] = {}
    for item in items_of(str(value)):
        tag = _TAG.fullmatch(item)
        if tag is None:
            raise InvalidValueError(
                f"{shown_item(item)}: expected key=value, with letters, digits, spaces and "
                ". _ : / + - @ only, at most 128 and 256, and neither may begin with aws:"
            )
        # A role cannot have two tags whose keys differ in capitals only.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
        if tag[1].lower() in map(str.lower, tags):
            raise InvalidValueError(f"{shown_item(tag[1])} appears twice; keep one")
        tags[tag[1]] = tag[2]
    return tags


# AWS takes 50 tags of a resource, and CDK adds three to each subnet.
Tags = Annotated[Mapping[str, str], PlainValidator(_tags), Field(max_length=47)]
