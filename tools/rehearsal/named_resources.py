"""Creates in the local AWS what the settings name and no stack makes: secrets, keys, a VPC.

Names stay as they are. AWS chooses the end of a secret's ARN and the ids of keys, namespaces and
VPCs, so these differ here, and the rehearsal deploys with settings that name the ones of here.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal import LocalAws, RehearsalError
from settings import ExistingPlatformSettings, Settings
from settings.names import CoreOutput

_TEXT = "made-up"
_RANGE = "10.0.0.0/16"
_SECRET_PARTS = 7  # of an ARN; a key, a stage and a version may follow
_SUFFIX = len("-AbCdEf")
_ZONES = "abc"
_GRANTS_NOTHING = {
    "Version": "2012-10-17",
    # A policy has at least one statement, and denying more would take rights from the role.
    "Statement": [{"Effect": "Deny", "Action": "account:CloseAccount", "Resource": "*"}],
}
_LARGEST_SUBNET = 24
_KEYS_WITH_OTHER_TEXTS = (
    *("container_secrets", "build_secrets"),
    *("container_secrets_kms_keys", "ingress_security_groups"),
)


def document_of(arn: str, settings: Settings) -> Path:
    """Return the file beside the settings that holds the document of a policy, if there is one."""
    return settings.env_file.with_name(f"{arn.rpartition('/')[2]}.json")


@dataclass
class NamedResources:
    """Creates each resource once, also if several files name it; ``created`` describes them."""

    aws: LocalAws
    folder: Path
    created: list[str] = field(default_factory=list)
    _known: dict[str, str] = field(default_factory=dict)

    def create(self, settings: Settings, texts: Mapping[str, str], cidr: str) -> dict[str, str]:
        """Create what the settings name; return the keys that need another text, with that text.

        ``texts`` are the keys as they are in the file, ``cidr`` the addresses of a VPC.
        """
        changes: dict[str, str] = {}
        service, delivery = settings.service, settings.delivery
        self._make_secrets([*service.container_secrets.values(), *delivery.build_secrets.values()])
        for arn in service.container_secrets_kms_keys:
            self._once(arn, self._key)
        for arn in (*service.task_role_policy_arns, *delivery.build_role_policy_arns):
            self._once(arn, partial(self._policy, document=document_of(arn, settings)))
        if service.scaling_queue_arn:
            self._once(service.scaling_queue_arn, self._queue)
        if role := service.ecs_task_execution_role_arn:
            self._once(role, self._execution_role)
        if delivery.github_token_secret_name and not delivery.connection_arn:
            self._once(delivery.github_token_secret_name, self._token)
        for group in service.ingress_security_groups:
            self._once(group, self._security_group)
        for key in _KEYS_WITH_OTHER_TEXTS:
            changed = self._with_arns_of_here(texts.get(key, ""))
            changes |= {key: changed} if changed != texts.get(key, "") else {}
        if platform := settings.existing_platform:
            changes |= self._platform(platform, cidr or _RANGE)
        return changes

    def _with_arns_of_here(self, text: str) -> str:
        for arn, created in self._known.items():
            text = text.replace(arn, created)
        return text

    def _once(self, name: str, make: Callable[[str], str]) -> None:
        if name not in self._known:
            try:
                self._known[name] = make(name)
            except ClientError as error:
                raise RehearsalError(f"{name} cannot be created here: {error}") from error

    def _make_secrets(self, arns: Iterable[str]) -> None:
        keys: dict[str, list[str]] = {}
        for arn in arns:
            parts = arn.split(":")
            of_secret = keys.setdefault(":".join(parts[:_SECRET_PARTS]), [])
            of_secret += [parts[_SECRET_PARTS]] if len(parts) > _SECRET_PARTS else []
        for arn, names in keys.items():
            if ":ssm:" in arn:
                self._once(arn, self._parameter)
            else:
                text = json.dumps(dict.fromkeys(names, _TEXT)) if any(names) else _TEXT
                self._once(arn, partial(self._secret, text=text))

    def _secret(self, arn: str, text: str) -> str:
        name = arn.split(":")[6][:-_SUFFIX]
        created = self.aws.client("secretsmanager").create_secret(Name=name, SecretString=text)
        self.created.append(f"secret {name}")
        return str(created["ARN"])

    def _token(self, name: str) -> str:
        self.aws.client("secretsmanager").create_secret(Name=name, SecretString=_TEXT)
        self.created.append(f"secret {name} (GitHub is not asked)")
        return name

    def _parameter(self, arn: str) -> str:
        path = arn.partition(":parameter/")[2]
        name = f"/{path}" if "/" in path else path
        self.aws.client("ssm").put_parameter(Name=name, Value=_TEXT, Type="SecureString")
        self.created.append(f"parameter {name}")
        access = self.aws.access
        return f"arn:aws:ssm:{access.region}:{access.account}:parameter/{path}"

    def _key(self, _arn: str) -> str:
        key = self.aws.client("kms").create_key(Description=_TEXT)["KeyMetadata"]
        self.created.append("a key of KMS")
        return str(key["Arn"])

    def _security_group(self, named: str) -> str:
        ec2 = self.aws.client("ec2")
        made = ec2.create_security_group(GroupName=f"in place of {named}", Description=_TEXT)
        self.created.append(f"a security group in place of {named}")
        return str(made["GroupId"])

    def _policy(self, arn: str, document: Path) -> str:
        path, _, name = arn.partition(":policy")[2].rpartition("/")
        if ":iam::aws:" not in arn:
            known = document.exists()
            text = document.read_text(encoding="utf-8") if known else json.dumps(_GRANTS_NOTHING)
            self.aws.client("iam").create_policy(
                PolicyName=name, Path=f"{path}/", PolicyDocument=text
            )
            what = f"as {document.name} has it" if known else "which grants nothing"
            self.created.append(f"policy {name}, {what}")
        return arn

    def _queue(self, arn: str) -> str:
        name = arn.rpartition(":")[2]
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        self.aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        self.created.append(f"queue {name}")
        return arn

    def _platform(self, platform: ExistingPlatformSettings, cidr: str) -> dict[str, str]:
        """Make a VPC, cluster and namespace; the files of one platform share them."""
        known = f"platform {platform.ecs_cluster_name} {platform.namespace_name}"
        if known not in self._known:
            outputs = self._new_platform(platform, cidr)
            file = self.folder / f"core-{platform.ecs_cluster_name}.json"
            file.write_text(json.dumps({"RehearsedCoreInfraStack": outputs}), encoding="utf-8")
            self._known[known] = str(file)
            self.created.append(
                f"VPC {cidr}, cluster {platform.ecs_cluster_name}, namespace"
                f" {platform.namespace_name}"
            )
        return {
            "core_outputs_file": self._known[known],
            "ecs_cluster_name": "",
            "namespace_name": platform.namespace_name,
            **dict.fromkeys(("namespace_arn", "namespace_id", "vpc_name"), ""),
        }

    def _new_platform(self, platform: ExistingPlatformSettings, cidr: str) -> dict[str, str]:
        ec2, region = self.aws.client("ec2"), self.aws.access.region
        vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": True}})
        zones = [f"{region}{letter}" for letter in _ZONES]
        if platform.vpc:
            zones = [*platform.vpc.availability_zones]
        size = max(_LARGEST_SUBNET, IPv4Network(cidr).prefixlen + 4)
        ranges = IPv4Network(cidr).subnets(new_prefix=size)
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=str(next(ranges)), AvailabilityZone=zone)
            for zone in (*zones, *zones)
        ]
        ids = [each["Subnet"]["SubnetId"] for each in subnets]
        self.aws.client("ecs").create_cluster(clusterName=platform.ecs_cluster_name)
        cloud_map = self.aws.client("servicediscovery")
        cloud_map.create_private_dns_namespace(Name=platform.namespace_name, Vpc=vpc)
        (namespace,) = (
            each
            for each in cloud_map.list_namespaces()["Namespaces"]
            if each["Name"] == platform.namespace_name
        )
        return {
            CoreOutput.VPC_ID: vpc,
            CoreOutput.VPC_CIDR: cidr,
            CoreOutput.AVAILABILITY_ZONES: ",".join(zones),
            CoreOutput.PUBLIC_SUBNET_IDS: ",".join(ids[: len(zones)]),
            CoreOutput.PRIVATE_SUBNET_IDS: ",".join(ids[len(zones) :]),
            CoreOutput.ECS_CLUSTER_NAME: platform.ecs_cluster_name,
            CoreOutput.NAMESPACE_NAMES: platform.namespace_name,
            CoreOutput.NAMESPACE_ARNS: namespace["Arn"],
            CoreOutput.NAMESPACE_IDS: namespace["Id"],
        }

    def _execution_role(self, arn: str) -> str:
        trust: dict[str, Any] = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        path, _, name = arn.partition(":role")[2].rpartition("/")
        self.aws.client("iam").create_role(
            RoleName=name, Path=f"{path}/", AssumeRolePolicyDocument=json.dumps(trust)
        )
        self.created.append(f"role {name}")
        return arn
