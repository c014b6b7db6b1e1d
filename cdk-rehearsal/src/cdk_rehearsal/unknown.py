"""What a rehearsal of an app would not show, by the app's templates: named before the deploy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from cdk_rehearsal.access import Access
from cdk_rehearsal.cdk.assembly import Assembly
from cdk_rehearsal.inventory import is_listed

_RUNTIMES = ("nodejs", "python")
_CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")
# What the CDK notes for a stack that takes the account and region of the CLI.
_ANY_ACCOUNT, _ANY_REGION = "unknown-account", "unknown-region"


@dataclass(kw_only=True)
class Unknown:
    """What the local AWS cannot do (``impossible``), and what it leaves out (``ignored``).

    Both are lines for people.
    """

    impossible: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, assembly: Assembly, access: Access) -> Self:
        """Compare the templates of an app with what this local AWS knows."""
        found = cls()
        found.impossible += _elsewhere(assembly, access)
        found.impossible += [
            f"image {name}: the CDK CLI would build it, and a rehearsal has no docker for it"
            for name in assembly.images()
        ]
        known = access.known_types()
        for stack, template in assembly.templates().items():
            for logical_id, resource in template.get("Resources", {}).items():
                where, kind = f"{stack}/{logical_id} ({resource['Type']})", resource["Type"]
                if kind.startswith(_CUSTOM) and kind not in known:
                    found.impossible += _functions(where, resource, template)
                elif kind not in known:
                    found.impossible.append(f"{where}: the local AWS does not have this type")
                else:
                    found.ignored += _ignored(where, resource, known[kind])
        return found


def _elsewhere(assembly: Assembly, access: Access) -> Iterator[str]:
    for stack, environment in assembly.environments().items():
        account, _, region = environment.removeprefix("aws://").partition("/")
        fits = account in (access.account, _ANY_ACCOUNT) and region in (access.region, _ANY_REGION)
        if not fits:
            yield f"{stack}: it is for {environment}: use --account {account} --region {region}"


def _functions(where: str, resource: Mapping[str, Any], template: Mapping[str, Any]) -> list[str]:
    """Name the function of a custom resource if it is neither for Node nor for Python."""
    match resource.get("Properties", {}).get("ServiceToken"):
        case {"Fn::GetAtt": [str(logical_id), _]}:
            function = template["Resources"].get(logical_id, {}).get("Properties", {})
            runtime = function.get("Runtime", "nodejs")
            if isinstance(runtime, str) and not runtime.startswith(_RUNTIMES):
                reason = f"its function is for {runtime}; only those for Node and Python can run"
                return [f"{where}: {reason}"]
    return []


def _ignored(where: str, resource: Mapping[str, Any], known: list[str] | None) -> Iterator[str]:
    if not is_listed(resource["Type"]):
        yield f"{where}: it is made, but its service is not asked whether it is there"
    if known is not None and resource["Type"] != "AWS::CDK::Metadata":
        ignored = sorted(resource.get("Properties", {}).keys() - set(known))
        if ignored:
            yield f"{where}: {', '.join(ignored)} would have no effect"
