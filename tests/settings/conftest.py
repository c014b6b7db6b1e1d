"""Settings files under test: sample.env with its essential values filled in, and changes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Problem, Settings, SettingsError, load_settings
from settings.examples import ACCOUNT, REGION, sample_env


@pytest.fixture
def write_env(tmp_path: Path) -> Callable[..., Path]:
    """Write the filled sample with changes; None leaves a key out, an unknown key is added."""

    def write(*, name: str = "some.env", **changes: str | None) -> Path:
        sample = sample_env().splitlines()
        known = {line.partition("=")[0] for line in sample}
        given = {key: text for key, text in changes.items() if text is not None}
        text = sample_env(**{key: text for key, text in given.items() if key in known})
        # Reading the comments would take most of the time.
        left_out = ("#", *(f"{key}=" for key, text in changes.items() if text is None))
        lines = [line for line in text.splitlines() if line and not line.startswith(left_out)]
        lines += [f"{key}='{text}'" for key, text in given.items() if key not in known]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write_env: Callable[..., Path]) -> Callable[..., Settings]:
    """Load the filled sample with changes."""
    return lambda **changes: load_settings(write_env(**changes))


@pytest.fixture
def problems(write_env: Callable[..., Path]) -> Callable[..., dict[str, Problem]]:
    """Load the filled sample with changes that make it unusable; return the problems by key."""

    def collect(**changes: str | None) -> dict[str, Problem]:
        with pytest.raises(SettingsError) as caught:
            load_settings(write_env(**changes))
        by_key = {problem.key: problem for problem in caught.value.problems}
        assert len(by_key) == len(caught.value.problems), "one mistake was reported twice"
        return by_key

    return collect


@pytest.fixture
def by_hand() -> dict[str, str]:
    """The changes that use an existing platform, with all of its keys filled in."""
    return {
        "deploy_core_stack": "False",
        "vpc_name": "platform-vpc",
        "ecs_cluster_name": "platform",
        "namespace_name": "default.platform.local",
        "namespace_arn": f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/ns-abc123",
        "namespace_id": "ns-abc123",
        "ecs_task_execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/platform-execution",
    }


@pytest.fixture
def core_outputs() -> dict[str, str]:
    """The outputs of a core stack with two zones and two namespaces."""
    namespace = f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace"
    return {
        "VpcId": "vpc-0abc",
        "VpcName": "CoreInfraStack/Vpc",
        "VpcCidr": "10.1.0.0/16",
        "AvailabilityZones": f"{REGION}a,{REGION}b",
        "PublicSubnetIds": "subnet-0a,subnet-0b",
        "PrivateSubnetIds": "subnet-1a,subnet-1b",
        "EcsClusterName": "ecs-blueprint-infra",
        "EcsClusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/ecs-blueprint-infra",
        "TaskExecutionRoleName": "execution",
        "TaskExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
        "NamespaceNames": "default.ecs-blueprint-infra.local,jobs.ecs-blueprint-infra.local",
        "NamespaceArns": f"{namespace}/ns-default,{namespace}/ns-jobs",
        "NamespaceIds": "ns-default,ns-jobs",
    }


@pytest.fixture
def outputs_file(tmp_path: Path) -> Callable[[object], dict[str, str]]:
    """Write output.json beside the settings file; return the changes that use it."""

    def write(content: object) -> dict[str, str]:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "output.json").write_text(text, encoding="utf-8")
        return {"deploy_core_stack": "False", "core_outputs_file": "output.json"}

    return write
