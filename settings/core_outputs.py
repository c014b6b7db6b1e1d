"""The outputs of a core stack, as ``cdk deploy --outputs-file`` writes them."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import ValidationInfo, field_validator

from . import aws_types as aws
from .env_file import read_text
from .model import VpcAttributes, validated
from .names import CoreOutput
from .parsing import Items
from .redaction import shown_name, shown_names
from .report import InvalidValueError

_CORE_STACK = "CoreInfraStack"


class CoreOutputs(VpcAttributes):
    """What a later deploy needs to know of a core stack, by the names of its outputs."""

    ecs_cluster_name: aws.ClusterName
    namespace_names: Annotated[tuple[aws.NamespaceName, ...], Items]
    namespace_arns: Annotated[tuple[aws.NamespaceArn, ...], Items]
    namespace_ids: Annotated[tuple[aws.NamespaceId, ...], Items]

    @field_validator("public_subnet_ids", "private_subnet_ids", "namespace_arns", "namespace_ids")
    @classmethod
    def _is_as_long_as_its_first_list(
        cls, items: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        is_of_vpc = info.field_name in VpcAttributes.model_fields
        first = "availability_zones" if is_of_vpc else "namespace_names"
        count = len(info.data.get(first, items))
        if len(items) != count:
            output = CoreOutput[first.upper()]
            raise InvalidValueError(
                f"has {len(items)} items; expected {count}, as many as {output}"
            )
        return items


def read_core_outputs(
    path: Path, environment: aws.AwsEnvironment
) -> tuple[CoreOutputs | None, list[str]]:
    """Read the outputs of the core stack, or return None and everything that is wrong with them."""
    name = shown_name(str(path))
    hint = f"there is no file {name}; deploy the core stack with --outputs-file to get it"
    try:
        stack, outputs = _core_stack_in(read_text(path, if_missing=hint))
    except InvalidValueError as error:
        return None, [str(error)]
    core, invalid = validated(CoreOutputs, outputs, environment)
    return core, [f"output {name} of {stack}: {message}" for name, message in invalid.items()]


def _core_stack_in(text: str) -> tuple[str, dict[str, object]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidValueError(
            "is not JSON; expected what cdk deploy --outputs-file writes"
        ) from None
    stacks = content if isinstance(content, dict) else {}
    found = {n: o for n, o in stacks.items() if n.endswith(_CORE_STACK) and isinstance(o, dict)}
    if not found:
        raise InvalidValueError(f"has no outputs of a stack whose name ends with {_CORE_STACK}")
    if len(found) > 1:
        raise InvalidValueError(
            f"has the outputs of several core stacks; keep one of {shown_names([*found])}"
        )
    ((stack, outputs),) = found.items()
    names = [str(field.alias) for field in CoreOutputs.model_fields.values()]
    if lacking := [name for name in names if name not in outputs]:
        raise InvalidValueError(
            f"{shown_name(stack)} lacks {', '.join(lacking)}; deploy it again with --outputs-file"
        )
    return shown_name(stack), outputs
