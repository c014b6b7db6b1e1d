"""The secrets of the container and of the build: whether they exist, and whose key they have."""

from collections.abc import Mapping
from typing import Any

from settings import Settings
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Result, note, ok, problem


def container_secret(arn: str, settings: Settings, aws: Aws) -> Result:
    """Say whether a secret exists, and whether ECS may use its key."""
    result, key = _result_and_key(arn, "container_secrets", aws)
    if key and key not in settings.service.container_secrets_kms_keys:
        return problem(
            f"is encrypted with {key}, which ECS may not use",
            "add that key to container_secrets_kms_keys",
        )
    return result


def build_secret(arn: str, settings: Settings, aws: Aws) -> Result:
    """Say whether a secret exists, and whether a build may use its key."""
    result, key = _result_and_key(arn, "build_secrets", aws)
    if key and not settings.delivery.build_role_policy_arns:
        # A note, because the policy of the key may let the role decrypt nevertheless.
        return note(
            f"is encrypted with {key}, which the role of the build may not use",
            "allow kms:Decrypt with it in a policy, and name that in build_role_policy_arns",
        )
    return result


def _result_and_key(arn: str, setting: str, aws: Aws) -> tuple[Result, str | None]:
    """Say whether a secret exists; return also its key, if AWS does not manage that."""
    stored = _stored(arn, aws)
    if stored is None:
        return problem(f"there is no {arn}", f"create it, or correct {setting}"), None
    return ok("exists"), _customer_managed_key(stored, aws)


def _stored(arn: str, aws: Aws) -> Mapping[str, Any] | None:
    """Return the metadata of a secret or a parameter, None if there is none; never its value."""
    if arn.split(":")[2] == "ssm":
        name = arn.partition(":parameter")[2]
        filters = [{"Key": "Name", "Values": [name, name.removeprefix("/")]}]
        reply = aws.client("ssm").describe_parameters(ParameterFilters=filters)
        return next(iter(reply["Parameters"]), None)
    describe = aws.client("secretsmanager").describe_secret
    without_key_and_version = ":".join(arn.split(":")[:7])
    found = reply_or_none(describe, "ResourceNotFoundException", SecretId=without_key_and_version)
    return None if found is None or "DeletedDate" in found else dict(found)


def _customer_managed_key(stored: Mapping[str, Any], aws: Aws) -> str | None:
    """Return the key that encrypts it; None if AWS manages the key, or there is none."""
    key = stored.get("KmsKeyId") or stored.get("KeyId")
    if not key or key.startswith("alias/aws/"):
        return None
    metadata = aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    return None if metadata["KeyManager"] == "AWS" else str(metadata["Arn"])
