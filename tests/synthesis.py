"""Templates of the app, synthesised once per settings file in each process of a test run."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template
from aws_cdk.cx_api import CloudAssembly

from app import make_app
from settings import Settings
from settings.examples import (
    ACCOUNT,
    CONNECTED,
    CONNECTION,
    EXISTING,
    ISOLATED,
    KEY,
    PARAMETER,
    REGION,
    SECRET,
    TOPOLOGIES,
    example_deployment,
)

__all__ = [
    "CONNECTED",
    "CONNECTION",
    "EXISTING",
    "ISOLATED",
    "KEY",
    "PARAMETER",
    "SECRET",
    "TOPOLOGIES",
    "Synthesis",
    "app_of",
    "empty_stack",
    "properties_of",
    "settings_of",
    "synthesise",
    "synthesise_together",
    "template_of",
]

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


@dataclass(frozen=True, eq=False)
class Synthesis:
    """The assembly of one or more settings files. It equals itself only, so it can be a key."""

    assembly: CloudAssembly
    templates: Mapping[str, Mapping[str, Any]]
    """By stack name."""

    def file(self, name: str) -> Any:
        """Return the content of a JSON file of the assembly."""
        return json.loads((Path(self.assembly.directory) / name).read_text(encoding="utf-8"))

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
        resources = self.templates[self.stack_name(stack)]["Resources"]
        return {key: value for key, value in resources.items() if value["Type"] == kind}

    def only(self, stack: str, kind: str) -> dict[str, Any]:
        """Return the properties of the only resource of a type."""
        (resource,) = self.resources(stack, kind).values()
        return dict(resource["Properties"])

    def granted(self, stack: str, role: Any) -> list[dict[str, Any]]:
        """Return the statements of all policies of a role, given as ``Ref`` or ``GetAtt``."""
        role_id = role["Ref"] if "Ref" in role else role["Fn::GetAtt"][0]
        return [
            statement
            for policy in self.resources(stack, "AWS::IAM::Policy").values()
            if {"Ref": role_id} in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]

    def stack_name(self, ending: str) -> str:
        """Return the name of the stack that is named so, or else of the one whose name ends so."""
        if ending in self.templates:
            return ending
        (name,) = (name for name in self.templates if name.endswith(ending))
        return name

    def _ending_with(self, ending: str) -> str:
        return json.dumps(self.templates[self.stack_name(ending)])


@cache
def _template(text: str) -> Template:
    return Template.from_string(text)


def synthesise(**changes: str) -> Synthesis:
    """Synthesise the app for sample.env with ``changes``; the same changes are done once."""
    return synthesise_together(changes)


def synthesise_together(*files: Mapping[str, str], template_rules: bool = False) -> Synthesis:
    """Synthesise the app for several settings files, each sample.env with its changes."""
    return _synthesise(tuple(tuple(sorted(changes.items())) for changes in files), template_rules)


@cache
def _synthesise(files: tuple[tuple[tuple[str, str], ...], ...], template_rules: bool) -> Synthesis:
    app = app_of(*(dict(changes) for changes in files), template_rules=template_rules)
    assembly = app.synth()
    return Synthesis(assembly, {s.stack_name: s.template for s in assembly.stacks})


def settings_of(**changes: str) -> Settings:
    """Return the settings of sample.env with ``changes``."""
    (settings,) = example_deployment(changes)
    return settings


def app_of(*files: Mapping[str, str], template_rules: bool = False) -> App:
    """Return the app for several settings files, with its stacks, before synthesis."""
    vpc_key = (
        f"vpc-provider:account={ACCOUNT}:filter.tag:Name={EXISTING['vpc_name']}"
        f":region={REGION}:returnAsymmetricSubnets=true"
    )
    return make_app(
        example_deployment(*files),
        _scratch() / "cdk.out",
        context={vpc_key: _LOOKED_UP_VPC},
        template_rules=template_rules,
    )


def empty_stack(name: str = "Test", *, region: str = REGION) -> Stack:
    """Return a stack for a construct under test, with the feature flags of the app."""
    app = make_app((), _scratch() / "cdk.out")
    return Stack(app, name, env=Environment(account=ACCOUNT, region=region))


def template_of(stack: Stack) -> dict[str, Any]:
    """Synthesise a stack under test."""
    return dict(Template.from_stack(stack).to_json())


def properties_of(stack: Stack, kind: str) -> dict[str, Any]:
    """Synthesise a stack under test; return the properties of its only resource of a type."""
    resources = template_of(stack)["Resources"].values()
    (properties,) = (r.get("Properties", {}) for r in resources if r["Type"] == kind)
    return dict(properties)


def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="synthesis-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
