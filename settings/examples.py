"""Settings files to try the blueprint with: sample.env as a user would fill it in, and variants."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from .load import load_deployment
from .model import Settings
from .sample import ACCOUNT, ESSENTIALS, REGION, sample_env

__all__ = [
    "ACCOUNT",
    "CONNECTED",
    "CONNECTION",
    "ESSENTIALS",
    "EXISTING",
    "ISOLATED",
    "KEY",
    "PARAMETER",
    "REGION",
    "ROOT",
    "SECRET",
    "TOPOLOGIES",
    "example_deployment",
    "sample_env",
]

ROOT = Path(__file__).resolve().parents[1]

EXISTING = {
    "deploy_core_stack": "False",
    "vpc_name": "shared",
    "namespace_name": "default.ecs-blueprint-infra.local",
    "namespace_arn": f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/ns-0123456789abcdef",
    "namespace_id": "ns-0123456789abcdef",
    "ecs_task_execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/shared/TaskExecution",
}
"""What changes in sample.env for a service on a VPC, cluster, namespace and role of others."""

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
"""An ARM service, delivered through a connection after an approval, with mails of failures."""

TOPOLOGIES: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "existing": EXISTING,
    "isolated": ISOLATED,
    "connected": CONNECTED,
}
"""Together they contain every resource that the blueprint can make."""


def example_deployment(*files: Mapping[str, str]) -> tuple[Settings, ...]:
    """Return the settings of one app made of several files, each sample.env with its changes."""
    with tempfile.TemporaryDirectory(prefix="example-") as folder:
        paths = [Path(folder) / f"{number}.env" for number in range(len(files))]
        for path, changes in zip(paths, files, strict=True):
            path.write_text(sample_env(**changes), encoding="utf-8")
        return tuple(load_deployment(",".join(map(str, paths))))
