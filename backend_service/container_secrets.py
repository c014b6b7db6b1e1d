"""Secrets that ECS injects into a container as environment variables."""

from collections.abc import Mapping

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct


class ContainerSecrets(Construct):
    """References to existing secrets; creates nothing and reads no value at synthesis.

    ``arns`` maps the variable to the ARN of a Secrets Manager secret (optionally followed by
    ``:json-key:version-stage:version-id``, as ECS writes it) or of an SSM parameter.
    Exposes ``by_name`` for the container, and ``secret_arns`` and ``parameter_arns`` for the
    policy of the role that reads them.
    """

    def __init__(self, scope: Construct, construct_id: str, *, arns: Mapping[str, str]) -> None:
        super().__init__(scope, construct_id)
        self.by_name: dict[str, ecs.Secret] = {}
        self.secret_arns: set[str] = set()
        self.parameter_arns: set[str] = set()
        for name, arn in arns.items():
            if arn.split(":")[2] == "ssm":
                self.by_name[name] = self._parameter(name, arn)
            else:
                self.by_name[name] = self._secret(name, arn)

    def _parameter(self, name: str, arn: str) -> ecs.Secret:
        self.parameter_arns.add(arn)
        return ecs.Secret.from_ssm_parameter(
            ssm.StringParameter.from_string_parameter_arn(self, name, arn)
        )

    def _secret(self, name: str, arn: str) -> ecs.Secret:
        parts = arn.split(":")
        secret_arn = ":".join(parts[:7])
        field, stage, version = (*parts[7:], "", "", "")[:3]
        self.secret_arns.add(secret_arn)
        secret = secretsmanager.Secret.from_secret_complete_arn(self, name, secret_arn)
        if stage or version:
            return ecs.Secret.from_secrets_manager_version(
                secret,
                ecs.SecretVersionInfo(version_stage=stage or None, version_id=version or None),
                field or None,
            )
        return ecs.Secret.from_secrets_manager(secret, field or None)
