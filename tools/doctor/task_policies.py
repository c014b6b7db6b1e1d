"""The managed policies of the task role, and the ways to the services that they name."""

from settings import CoreSettings, ExistingPlatformSettings, Settings
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Result, not_checked, note, ok
from tools.doctor.network import endpoints_of, subnets_without_route
from tools.doctor.platform import listed
from tools.endpoints import unreachable_services


def ways_from_core(core: CoreSettings, settings: Settings, aws: Aws) -> Result:
    """Say to which services of the policies a core without NAT gateway has no endpoint."""
    endpoints = core.endpoints(settings.aws_region, settings.service.endpoint_services)
    return _ways(endpoints, "add {} to vpc_endpoint_services", settings, aws)


def ways_from_vpc(platform: ExistingPlatformSettings, settings: Settings, aws: Aws) -> Result:
    """Say to which services of the policies an existing VPC has neither route nor endpoint."""
    subnets = subnets_without_route(platform, aws)
    if subnets is None:
        return not_checked("the subnets must be found first")
    if not subnets:
        return ok("through a default route")
    return _ways(endpoints_of(subnets, aws), "add endpoints for {} to the VPC", settings, aws)


def _ways(endpoints: frozenset[str], remedy: str, settings: Settings, aws: Aws) -> Result:
    actions = {a for arn in settings.service.task_role_policy_arns for a in _actions(arn, aws)}
    found = unreachable_services(actions, endpoints)
    if not found:
        if "*" in actions:
            return not_checked("a policy allows all actions, so it names no services")
        return ok("each has an endpoint")
    possible = ",".join(suitable[0] for suitable in found.values() if suitable)
    remedies = [remedy.format(possible)] if possible else []
    if without := ", ".join(prefix for prefix, suitable in found.items() if not suitable):
        remedies.append(f"use a NAT gateway for {without}, which has no endpoint")
    return note(
        f"tasks have no way to {', '.join(found)}", f"if they call it, {' and '.join(remedies)}"
    )


def _actions(arn: str, aws: Aws) -> set[str]:
    """Return the actions that a managed policy allows; none if it does not exist."""
    iam = aws.client("iam")
    policy = reply_or_none(iam.get_policy, "NoSuchEntity", PolicyArn=arn)
    if policy is None:
        return set()
    version = policy["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    statements = listed(found["Document"]["Statement"])
    allowing = [statement for statement in statements if statement["Effect"] == "Allow"]
    # A statement with NotAction allows nearly all.
    return {action for each in allowing for action in listed(each.get("Action", "*"))}
