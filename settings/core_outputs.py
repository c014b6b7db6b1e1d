"""The outputs of a core stack, as `cdk deploy --outputs-file` writes them."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, ValidationInfo, field_validator

from .aws_types import (
    AwsEnvironment,
    ClusterName,
    NamespaceArn,
    NamespaceId,
    NamespaceName,
    RoleArn,
    SubnetId,
    VpcCidr,
    VpcId,
    Zone,
)
from .env_file import read_text
from .model import ValidatedModel, VpcAttributes, validated
from .names import CoreOutput
from .parsing import Items
from .redaction import may_be_credential, shown_name, shown_names
from .report import InvalidValueError

_CORE_STACK = "CoreInfraStack"
_TELLTALE = {CoreOutput.VPC_ID, CoreOutput.ECS_CLUSTER_NAME}


class CoreOutputs(ValidatedModel):
    """What a later deploy needs to know of a core stack, by the names of its outputs."""

    model_config = ConfigDict(alias_generator=lambda field: CoreOutput[field.upper()].value)

    vpc_id: VpcId
    vpc_cidr: VpcCidr
    availability_zones: Annotated[tuple[Zone, ...], Items]
    public_subnet_ids: Annotated[tuple[SubnetId, ...], Items]
    private_subnet_ids: Annotated[tuple[SubnetId, ...], Items]
    ecs_cluster_name: ClusterName
    task_execution_role_arn: RoleArn
    namespace_names: Annotated[tuple[NamespaceName, ...], Items]
    namespace_arns: Annotated[tuple[NamespaceArn, ...], Items]
    namespace_ids: Annotated[tuple[NamespaceId, ...], Items]

    @property
    def vpc(self) -> VpcAttributes:
        """The VPC, ready to be used without a look-up."""
        return VpcAttributes(
            vpc_id=self.vpc_id,
            vpc_cidr=self.vpc_cidr,
            availability_zones=self.availability_zones,
            public_subnet_ids=self.public_subnet_ids,
            private_subnet_ids=self.private_subnet_ids,
        )

    @field_validator("availability_zones", "namespace_names")
    @classmethod
    def _is_not_empty(cls, items: tuple[str, ...]) -> tuple[str, ...]:
        if not items:
            raise InvalidValueError("expected at least one")
        return items

    @field_validator("public_subnet_ids", "private_subnet_ids")
    @classmethod
    def _is_one_per_zone(cls, ids: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _as_many(ids, info, "availability_zones", CoreOutput.AVAILABILITY_ZONES)

    @field_validator("namespace_arns", "namespace_ids")
    @classmethod
    def _is_one_per_namespace(cls, items: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _as_many(items, info, "namespace_names", CoreOutput.NAMESPACE_NAMES)


def _as_many(
    items: tuple[str, ...], info: ValidationInfo, field: str, output: str
) -> tuple[str, ...]:
    others = info.data.get(field)
    if others is not None and len(items) != len(others):
        raise InvalidValueError(
            f"has {len(items)} items; expected {len(others)}, as many as {output}"
        )
    return items


def read_core_outputs(path: Path, environment: AwsEnvironment) -> CoreOutputs | tuple[str, ...]:
    """Read the outputs of the core stack, or return everything that is wrong with them."""
    try:
        stack, outputs = _core_stack_in(read_text(path))
    except FileNotFoundError:
        return (f"there is no {_named(path)}; deploy the core stack with --outputs-file to get it",)
    except InvalidValueError as error:
        return (str(error),)
    core, invalid = validated(CoreOutputs, outputs, environment)
    return core or tuple(f"output {n} of {stack}: {message}" for n, message in invalid.items())


def _named(path: Path) -> str:
    # Whatever was pasted in the place of a name is not repeated.
    return "such file" if may_be_credential(path.name) else f"file {shown_name(str(path))}"


def _core_stack_in(text: str) -> tuple[str, dict[str, str]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidValueError(
            "is not JSON; expected what cdk deploy --outputs-file writes"
        ) from None
    stacks = content if isinstance(content, dict) else {}
    outputs_by_stack = {name: o for name, o in stacks.items() if isinstance(o, dict)}
    found = [n for n, o in outputs_by_stack.items() if o.keys() >= _TELLTALE]
    # A core stack that lacks just these two should hear so, rather than not be found.
    named = [n for n in found or outputs_by_stack if n.endswith(_CORE_STACK)]
    if len(found) != 1:
        found = named or found
    if not found:
        raise InvalidValueError("has no stack with the outputs of a core stack, such as VpcId")
    if len(found) > 1:
        raise InvalidValueError(
            f"has the outputs of several core stacks; keep one of {shown_names(found)}"
        )
    outputs, stack = outputs_by_stack[found[0]], shown_name(found[0])
    names = [str(field.alias) for field in CoreOutputs.model_fields.values()]
    if lacking := [name for name in names if not isinstance(outputs.get(name), str)]:
        raise InvalidValueError(
            f"{stack} lacks {', '.join(lacking)}; deploy it again with --outputs-file"
        )
    return stack, outputs
