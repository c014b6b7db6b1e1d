"""The managed policies of the task role, and the ways to the AWS services that they name."""

from typing import Any, Protocol

from settings import CoreSettings, Settings
from settings.endpoints import start_task_services
from tools.doctor.aws import listed, reply_or_none
from tools.doctor.check import Result, not_checked, note, ok
from tools.endpoints import unreachable_services


class Clients(Protocol):
    """The account to ask, in the doctor or in a rehearsal."""

    def client(self, service: str) -> Any:
        """Return the client of a service."""


def egress_of_core(core: CoreSettings, settings: Settings, aws: Clients) -> Result:
    """Say which services of the policies have no endpoint in a core without NAT gateway."""
    started = start_task_services(settings.aws_region) | settings.service.endpoint_services
    return egress_through(started.union(core.vpc_endpoint_services), settings, aws)


def egress_through(endpoints: frozenset[str], settings: Settings, aws: Clients) -> Result:
    """Say which services of the policies are reached through none of these endpoints."""
    policies = settings.service.task_role_policy_arns
    actions = {action for arn in policies for action in allowed_actions(arn, aws)}
    if found := unreachable_services(actions, endpoints):
        where = "the VPC's endpoints" if settings.existing_platform else "vpc_endpoint_services"
        remedies = (
            f"add {suitable[0]} to {where}" if suitable else f"use a NAT gateway for {prefix}"
            for prefix, suitable in found.items()
        )
        # A note, because another service may make the calls (KMS for a queue, for instance).
        return note(
            f"tasks have no way to {', '.join(found)}", f"if they call it: {', '.join(remedies)}"
        )
    if "*" in actions:
        return not_checked("a policy allows all actions, and so it names no services")
    return ok("through VPC endpoints")


def allowed_actions(arn: str, aws: Clients) -> set[str]:
    """Return the actions that a managed policy allows; none if it does not exist."""
    iam = aws.client("iam")
    policy = reply_or_none(iam.get_policy, "NoSuchEntity", PolicyArn=arn)
    if policy is None:
        return set()
    version = policy["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    statements = listed(found["Document"]["Statement"])
    allowing = (statement for statement in statements if statement["Effect"] == "Allow")
    # A statement with NotAction allows nearly all.
    return {action for each in allowing for action in listed(each.get("Action", "*"))}
