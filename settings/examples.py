"""Settings files to try the blueprint with: sample.env as a user would fill it in, and variants."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .load import load_deployment
from .model import Settings

_SAMPLE = Path(__file__).resolve().parents[1] / "sample.env"

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ESSENTIALS = {"repository_owner": "acme", "account_number": ACCOUNT, "aws_region": REGION}
"""The values that every user has to fill in."""

EXISTING = {
    "deploy_core_stack": "False",
    "vpc_name": "shared",
    "namespace_name": "default.ecs-blueprint-infra.local",
    "namespace_arn": f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/ns-0123456789abcdef",
    "namespace_id": "ns-0123456789abcdef",
    "ecs_task_execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/shared/TaskExecution",
}
"""What changes in sample.env for a service on an existing VPC, cluster, namespace and role."""

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/db-AbCdEf"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/key"
ISOLATED = {
    "enable_nat_gw": "False",
    "az_count": "2",
    "availability_zones": f"{REGION}b,{REGION}c",
    "namespaces": "default,jobs",
    "container_environment": "LOG_LEVEL=debug",
    "container_secrets": f"DB_PASSWORD={SECRET}:password::,API_KEY={PARAMETER}",
    "container_secrets_kms_keys": KEY,
    "enable_execute_command": "True",
}
"""No NAT gateway, two named zones, two namespaces, secrets with a key, ECS Exec."""

CONNECTION = (
    f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/01234567-89ab-cdef-0123-456789abcdef"
)
CONNECTED = {
    "stack_prefix": "shop",
    "connection_arn": CONNECTION,
    "manual_approval": "True",
    "notification_email": "team@example.com",
    "cpu_architecture": "ARM64",
    "seed_image": "public.ecr.aws/acme/shop:1",
}
"""An ARM service, delivered through a connection after an approval, with mails about failures."""

PROMOTED = {
    "repository_owner": "",
    "image_source_repository_arn": "arn:aws:ecr:eu-north-1:210987654321:repository/staging",
    "image_reader_accounts": "210987654321",
    "release_command": "migrate",
    "manual_approval": "True",
}
"""Approved images of another account and region, with a command before the rollout."""

TOPOLOGIES: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "existing": EXISTING,
    "isolated": ISOLATED,
    "connected": CONNECTED,
    "promoted": PROMOTED,
}
"""Together they contain every resource that the blueprint can make."""


def sample_env(**changes: str) -> str:
    """Return sample.env with the three essential values filled in, and ``changes`` applied.

    Raises ``KeyError`` for a key that sample.env does not have.
    """
    text = _SAMPLE.read_text(encoding="utf-8")
    for key, value in (ESSENTIALS | changes).items():
        line = re.search(rf"^{key}=.*$", text, re.MULTILINE)
        if line is None:
            raise KeyError(f"sample.env has no key {key}")
        text = f"{text[: line.start()]}{key}={quoted(value)}{text[line.end() :]}"
    return text


def quoted(text: str) -> str:
    """Return a text of one line as a settings file writes it, whatever characters it has."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def example_deployment(*files: Mapping[str, str]) -> tuple[Settings, ...]:
    """Return the settings of one app made of several files, each sample.env with its changes."""
    with tempfile.TemporaryDirectory(prefix="example-") as folder:
        paths = [Path(folder) / f"{number}.env" for number in range(len(files))]
        for path, changes in zip(paths, files, strict=True):
            path.write_text(sample_env(**changes), encoding="utf-8")
        return tuple(load_deployment(",".join(map(str, paths))))
