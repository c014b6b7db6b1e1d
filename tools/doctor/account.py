"""The account: credentials, region, bootstrap, quotas, and policies.

The doctor leaves out what ``cdk deploy`` says as clearly and in its first minute: a stack in a
state that admits no deploy, too many VPCs or Elastic IPs, and names that are taken.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
"""

import math
from collections.abc import Sequence

from settings import CpuArchitecture, Settings
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Result, note, ok, problem
from tools.service_choice import is_sample, shown_file

BOOTSTRAP_VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"

# The codes of the quotas, as `aws service-quotas list-service-quotas` prints them.
_FARGATE_VCPUS = ("fargate", "L-3032A538")
_BUILDS = {
    CpuArchitecture.X86_64: ("codebuild", "L-9D07B6EF"),  # Linux/Small
    CpuArchitecture.ARM64: ("codebuild", "L-5ED1D25B"),  # ARM/Small
}
_ROLES = ("iam", "L-FE177D64")
MOST_ROLES_OF_CORE = 3
MOST_ROLES_OF_SERVICE = 14
_CPU_UNITS = 1024  # of one vCPU
_ENOUGH_BUILDS = 5


def credentials(settings: Settings, aws: Aws) -> Result:
    """Compare the account of the credentials with `account_number`."""
    identity = aws.home_client("sts").get_caller_identity()
    account, expected = identity["Account"], settings.account_number
    if account != expected:
        choose = "set AWS_PROFILE to one of that account, or change account_number"
        return problem(
            f'are of account {account}, but account_number="{expected}"',
            "there is no .env: write it first (make init)" if is_sample(settings) else choose,
        )
    return ok(identity["Arn"])


def region(settings: Settings, aws: Aws) -> Result:
    """Say whether the region exists, and whether it is enabled in the account."""
    name = settings.aws_region
    ec2 = aws.home_client("ec2")
    found = reply_or_none(
        ec2.describe_regions, "InvalidParameterValue", RegionNames=[name], AllRegions=True
    )
    if not found or not found["Regions"]:
        return problem(f"AWS knows no region {name}", "correct aws_region")
    if found["Regions"][0]["OptInStatus"] == "not-opted-in":
        return problem(
            f"{name} is not enabled in the account",
            f"aws account enable-region --region-name {name} (takes minutes to hours)",
        )
    return ok(f"{name} is enabled")


def bootstrap(settings: Settings, aws: Aws) -> Result:
    """Say whether the CDK bootstrap is there; the CDK CLI itself refuses one that is too old."""
    environment = f"aws://{settings.account_number}/{settings.aws_region}"
    # The CDK CLI synthesises the app, also to bootstrap.
    command = f"npx cdk bootstrap {environment} -c env_file={shown_file(settings)}"
    get = aws.client("ssm").get_parameter
    found = reply_or_none(get, "ParameterNotFound", Name=BOOTSTRAP_VERSION_PARAMETER)
    if found is None:
        return problem("is missing", command)
    return ok(f"version {found['Parameter']['Value']}")


# --- Quotas ---------------------------------------------------------------------------------------


def fargate_quota(settings: Settings, aws: Aws) -> Result:
    """Say whether the account may run `max_count` tasks; what else runs in it is not counted."""
    service = settings.service
    most = _value_of(_FARGATE_VCPUS, aws)
    needed = service.max_count * service.task_cpu / _CPU_UNITS
    found = f"max_count={service.max_count} tasks need {needed:g} of {most:g}"
    if needed > most:
        return problem(found, _command_to_raise(_FARGATE_VCPUS, math.ceil(needed)))
    return ok(found)


def build_quota(settings: Settings, aws: Aws) -> Result:
    """Say how many builds may run at a time; a new account may have a quota of 0 or 1.

    https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
    """
    quota = _BUILDS[settings.service.cpu_architecture]
    most = int(_value_of(quota, aws))
    command = _command_to_raise(quota, _ENOUGH_BUILDS)
    if most < 1:
        return problem("the quota of concurrent builds is 0, so nothing can be delivered", command)
    if most == 1:
        return note("one at a time: deliveries wait for each other", command)
    return ok(f"{most} at a time")


def role_quota(deployment: Sequence[Settings], _: Settings, aws: Aws) -> Result:
    """Say whether the account has room for the roles of all stacks that are not there yet.

    The reply of IAM has the quota of the account, too.
    """
    stacks = {each.core_stack_name: MOST_ROLES_OF_CORE for each in deployment if each.core}
    stacks |= {each.service_stack_name: MOST_ROLES_OF_SERVICE for each in deployment}
    needed = sum(most for name, most in stacks.items() if not aws.stack_resources(name))
    summary = aws.client("iam").get_account_summary()["SummaryMap"]
    used, most = summary["Roles"], summary["RolesQuota"]
    found = f"{used} of {most} in use, up to {needed} more are needed"
    if used + needed > most:
        home = aws.home_client("service-quotas").meta.region_name
        return problem(found, f"{_command_to_raise(_ROLES, used + needed)} --region {home}")
    return ok(found)


def _value_of(quota: tuple[str, str], aws: Aws) -> float:
    service, code = quota
    client = aws.client("service-quotas")
    names = {"ServiceCode": service, "QuotaCode": code}
    # A quota that was never changed for this account has only its default.
    found = reply_or_none(
        client.get_service_quota, "NoSuchResourceException", **names
    ) or client.get_aws_default_service_quota(**names)
    return float(found["Quota"]["Value"])


def _command_to_raise(quota: tuple[str, str], value: int) -> str:
    service, code = quota
    command = "aws service-quotas request-service-quota-increase"
    return f"{command} --service-code {service} --quota-code {code} --desired-value {value}"


def managed_policy(arn: str, _: Settings, aws: Aws) -> Result:
    """Say whether a policy exists that a role gets."""
    if reply_or_none(aws.client("iam").get_policy, "NoSuchEntity", PolicyArn=arn) is None:
        return problem(f"there is no {arn}", "create it, or correct the key that names it")
    return ok("exists")
