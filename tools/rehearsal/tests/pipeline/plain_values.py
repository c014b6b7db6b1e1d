"""Values of a template with the references that CloudFormation would resolve in them."""

from collections.abc import Mapping
from typing import Any

from settings.examples import ACCOUNT, REGION

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}


def plain(value: Any, repositories: Mapping[str, str]) -> str:
    """Resolve a value that is made of text and ECR repositories, given by logical id and name.

    Anything else is a KeyError: a contract is not tested against a guess.
    """
    if not isinstance(value, dict):
        return str(value)
    ((function, argument),) = value.items()
    if function == "Ref":
        return _PSEUDO[argument] if argument in _PSEUDO else repositories[argument]
    if function == "Fn::GetAtt":
        logical_id, attribute = argument
        arns = {"Arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repositories[logical_id]}"}
        return arns[attribute]
    if function == "Fn::Select":
        index, split = argument
        separator, text = split["Fn::Split"]
        return str(plain(text, repositories).split(separator)[index])
    if function == "Fn::Join":
        separator, parts = argument
        return str(separator).join(plain(part, repositories) for part in parts)
    raise KeyError(function)
