"""Templates of the app, synthesised once per settings file for the whole test run."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App
from aws_cdk.assertions import Template
from aws_cdk.cx_api import CloudAssembly

from app import add_stacks
from rehearsal.sample_settings import ACCOUNT, REGION, ROOT, sample_env
from settings import load_settings

EXISTING = {
    "deploy_core_stack": "False",
    "vpc_name": "shared",
    "namespace_name": "default.ecs-blueprint-infra.local",
    "namespace_arn": f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/ns-0123456789abcdef",
    "namespace_id": "ns-0123456789abcdef",
    "ecs_task_execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/shared/TaskExecution",
}
"""What changes in sample.env for a service on a VPC, cluster, namespace and role of others."""

_LOOKED_UP_VPC = {
    "vpcId": "vpc-0123456789abcdef0",
    "vpcCidrBlock": "10.20.0.0/16",
    "ownerAccountId": ACCOUNT,
    "availabilityZones": [],
    "subnetGroups": [
        {
            "name": name,
            "type": name,
            "subnets": [
                {
                    "subnetId": f"subnet-0123456789abcde{kind}{zone}",
                    "cidr": f"10.20.{kind}{zone}.0/24",
                    "availabilityZone": f"{REGION}{letter}",
                    "routeTableId": f"rtb-0123456789abcde{kind}{zone}",
                }
                for zone, letter in enumerate("abc")
            ],
        }
        for kind, name in enumerate(("Public", "Private"))
    ],
}


@dataclass(frozen=True)
class Synthesis:
    """The assembly that one settings file makes."""

    assembly: CloudAssembly
    templates: Mapping[str, Mapping[str, Any]]
    """By stack name."""

    @property
    def core(self) -> Template:
        """The template of the core stack."""
        return _template(self._ending_with("CoreInfraStack"))

    @property
    def service(self) -> Template:
        """The template of the service stack."""
        return _template(self._ending_with("BackendServiceStack"))

    def resources(self, stack: str, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resources of a type by logical id, in the stack whose name ends so."""
        resources = self.templates[self._name(stack)]["Resources"]
        return {key: value for key, value in resources.items() if value["Type"] == kind}

    def only(self, stack: str, kind: str) -> dict[str, Any]:
        """Return the properties of the only resource of a type."""
        (resource,) = self.resources(stack, kind).values()
        return dict(resource["Properties"])

    def _name(self, ending: str) -> str:
        (name,) = (name for name in self.templates if name.endswith(ending))
        return name

    def _ending_with(self, ending: str) -> str:
        return json.dumps(self.templates[self._name(ending)])


@cache
def _template(text: str) -> Template:
    return Template.from_string(text)


def synthesise(**changes: str) -> Synthesis:
    """Synthesise the app for sample.env with ``changes``; the same changes are done once."""
    return _synthesise(tuple(sorted(changes.items())))


@cache
def _synthesise(changes: tuple[tuple[str, str], ...]) -> Synthesis:
    folder = Path(tempfile.mkdtemp(prefix="synthesis-"))
    env_file = folder / ".env"
    env_file.write_text(sample_env(**dict(changes)), encoding="utf-8")
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    vpc_key = (
        f"vpc-provider:account={ACCOUNT}:filter.tag:Name={EXISTING['vpc_name']}"
        f":region={REGION}:returnAsymmetricSubnets=true"
    )
    app = App(
        auto_synth=False,
        analytics_reporting=False,
        outdir=str(folder / "cdk.out"),
        context=context | {vpc_key: _LOOKED_UP_VPC},
    )
    add_stacks(app, load_settings(env_file))
    assembly = app.synth()
    return Synthesis(assembly, {s.stack_name: s.template for s in assembly.stacks})
