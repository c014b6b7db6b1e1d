"""Secrets Manager of the local AWS: a secret of a template."""

from collections.abc import Callable
from typing import Any

from tools.local_aws.tests.stacks import Stacks

Client = Callable[[str], Any]


def test_a_secret_is_known_by_its_arn(stacks: Stacks, client: Client) -> None:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "a-name-with-dashes"}}
    outputs = {"Arn": {"Value": {"Ref": "Secret"}}}
    arn = stacks.deploy("secret", {"Secret": secret}, Outputs=outputs)["Arn"]
    (read,) = client("secretsmanager").list_secrets()["SecretList"]
    assert read["ARN"] == arn
    described = secret["Properties"] | {"Description": "changed"}  # type: ignore[operator]
    stacks.deploy("secret", {"Secret": secret | {"Properties": described}}, Outputs=outputs)
    assert client("secretsmanager").describe_secret(SecretId=arn)["Description"] == "changed"
    stacks.delete("secret")
    assert client("secretsmanager").list_secrets()["SecretList"] == []
