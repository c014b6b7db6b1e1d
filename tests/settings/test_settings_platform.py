"""An existing platform: with its keys filled in, or from the outputs of an earlier deploy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import (
    ExistingPlatformSettings,
    Problem,
    Settings,
    SettingsError,
    VpcAttributes,
    load_settings,
)
from settings.examples import ACCOUNT, REGION

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]
OutputsFile = Callable[[object], dict[str, str]]

ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/team/mine"


def platform(settings: Settings) -> ExistingPlatformSettings:
    assert settings.core is None
    assert settings.existing_platform is not None
    return settings.existing_platform


# --- With its keys filled in ----------------------------------------------------------------------


def test_every_key_is_filled_in(load: Load, by_hand: dict[str, str]) -> None:
    settings = load(**by_hand)
    of_others = ("deploy_core_stack", "ecs_task_execution_role_arn")
    given = {key: text for key, text in by_hand.items() if key not in of_others}
    assert settings.service.ecs_task_execution_role_arn == by_hand[of_others[1]]
    assert platform(settings).model_dump() == given | {"vpc": None}
    assert settings.service.ecs_cluster_name == "platform"
    assert settings.service.namespace_name == "default.platform.local"


def test_names_may_have_another_form_than_those_of_a_core_stack(
    load: Load, by_hand: dict[str, str]
) -> None:
    changes = {"ecs_cluster_name": "My_Cluster", "namespace_name": "services.internal"}
    found = platform(load(**by_hand | changes)).model_dump()
    assert found == found | changes


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("ecs_cluster_name", "my cluster", "at most 255"),
        ("ecs_cluster_name", "-cluster", "a letter or digit first"),
        ("namespace_name", "a..b", "full name of a namespace"),
        ("namespace_id", "abc", "such as ns-abc123"),
        ("namespace_id", "ns-other", 'than namespace_id="ns-other"'),
        ("namespace_arn", "ns-abc123", "expected the ARN of a Cloud Map namespace"),
        ("ecs_task_execution_role_arn", ROLE.replace(":role/", ":user/"), "the ARN of a role"),
        ("ecs_task_execution_role_arn", ROLE.replace("::", ":us-east-1:"), "the ARN of a role"),
        ("ecs_task_execution_role_arn", ROLE.replace(ACCOUNT, "9" * 12), "to account 999999999999"),
        ("ecs_task_execution_role_arn", ROLE.replace("aws:", "aws-cn:"), "partition aws-cn"),
        ("vpc_name", "prod-*", "without wildcards"),
    ],
)
def test_a_wrong_value_is_the_only_problem(
    problems: Problems, by_hand: dict[str, str], key: str, text: str, expected: str
) -> None:
    (problem,) = problems(**by_hand | {key: text}).values()
    assert problem.key in {key, "namespace_arn"}
    assert expected in problem.message


def test_the_namespace_is_in_the_region(problems: Problems, by_hand: dict[str, str]) -> None:
    arn = by_hand["namespace_arn"].replace(REGION, "us-east-1")
    message = problems(**by_hand | {"namespace_arn": arn})["namespace_arn"].message
    assert f"region us-east-1, but aws_region is {REGION}" in message


@pytest.mark.parametrize(
    ("region", "partition"), [("eusc-de-east-1", "aws-eusc"), ("us-gov-west-1", "aws-us-gov")]
)
def test_other_partitions(load: Load, by_hand: dict[str, str], region: str, partition: str) -> None:
    moved = {
        key: text.replace("arn:aws:", f"arn:{partition}:").replace(REGION, region)
        for key, text in by_hand.items()
    }
    found = platform(load(**moved, aws_region=region, seed_image="registry.example.com/shop:1"))
    assert found.namespace_arn.startswith(f"arn:{partition}:servicediscovery:{region}:")


def test_an_invalid_account_causes_no_other_problem(
    problems: Problems, by_hand: dict[str, str]
) -> None:
    assert list(problems(**by_hand, account_number="1")) == ["account_number"]


# --- From the outputs of an earlier deploy --------------------------------------------------------


@pytest.fixture
def by_file(outputs_file: OutputsFile, core_outputs: dict[str, str]) -> dict[str, str]:
    """The changes that use the outputs of a core stack."""
    return outputs_file({"CoreInfraStack": core_outputs})


def test_the_outputs_say_everything(load: Load, by_file: dict[str, str]) -> None:
    settings = load(**by_file)
    assert platform(settings).model_dump(include={"vpc": set(VpcAttributes.model_fields)}) == {
        "vpc": {
            "vpc_id": "vpc-0abc",
            "vpc_cidr": "10.1.0.0/16",
            "availability_zones": (f"{REGION}a", f"{REGION}b"),
            "public_subnet_ids": ("subnet-0a", "subnet-0b"),
            "private_subnet_ids": ("subnet-1a", "subnet-1b"),
        }
    }
    assert platform(settings).model_dump(exclude={"vpc"}) == {
        "vpc_name": None,
        "ecs_cluster_name": "ecs-blueprint-infra",
        "namespace_name": "default.ecs-blueprint-infra.local",
        "namespace_arn": f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/ns-default",
        "namespace_id": "ns-default",
    }
    assert settings.service.ecs_task_execution_role_arn is None
    assert settings.service.ecs_cluster_name == "ecs-blueprint-infra"
    assert settings.service.namespace_name == "default.ecs-blueprint-infra.local"


@pytest.mark.parametrize(
    "choice",
    [
        {"namespaces": "jobs,default"},
        {"namespace_name": "jobs.ecs-blueprint-infra.local"},
        {"namespace_name": "jobs.ecs-blueprint-infra.local", "namespaces": None},
    ],
)
def test_the_file_chooses_a_namespace_of_the_outputs(
    load: Load, by_file: dict[str, str], choice: dict[str, str | None]
) -> None:
    found = platform(load(**by_file, **choice))
    assert found.namespace_name == "jobs.ecs-blueprint-infra.local"
    assert (found.namespace_id, found.namespace_arn.rpartition("/")[2]) == ("ns-jobs", "ns-jobs")


@pytest.mark.parametrize(
    ("key", "text"),
    [("namespaces", "other"), ("namespace_name", "other.ecs-blueprint-infra.local")],
)
def test_the_outputs_do_not_have_the_namespace(
    problems: Problems, by_file: dict[str, str], key: str, text: str
) -> None:
    found = problems(**by_file, **{key: text})
    assert list(found) == [key]
    assert 'no namespace "other.ecs-blueprint-infra.local"' in found[key].message
    assert "jobs.ecs-blueprint-infra.local" in found[key].message


def test_the_file_needs_a_choice_of_the_namespace(
    problems: Problems, by_file: dict[str, str]
) -> None:
    assert list(problems(**by_file, namespaces=None)) == ["namespaces"]


@pytest.mark.parametrize("runs_on", ["a new core", "by_hand", "by_file"])
def test_every_file_may_name_an_execution_role(
    load: Load, problems: Problems, request: pytest.FixtureRequest, runs_on: str
) -> None:
    changes = {} if runs_on == "a new core" else request.getfixturevalue(runs_on)
    for text, role in ((ROLE, ROLE), ("", None), ("<TASK_EXECUTION_ROLE_ARN>", None), (None, None)):
        service = load(**changes | {"ecs_task_execution_role_arn": text}).service
        assert service.ecs_task_execution_role_arn == role
    found = problems(**changes | {"ecs_task_execution_role_arn": "<MINE>"})
    assert list(found) == ["ecs_task_execution_role_arn"]


def test_the_outputs_may_lack_a_role(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    of_role = ("TaskExecutionRoleName", "TaskExecutionRoleArn")
    without = {name: text for name, text in core_outputs.items() if name not in of_role}
    assert platform(load(**outputs_file({"CoreInfraStack": without}))).vpc is not None


@pytest.mark.parametrize("key", ["vpc_name", "namespace_arn", "namespace_id"])
def test_the_file_does_not_repeat_the_outputs(
    load: Load, problems: Problems, by_file: dict[str, str], by_hand: dict[str, str], key: str
) -> None:
    found = problems(**by_file, **{key: by_hand[key]})
    assert list(found) == [key]
    assert found[key].message == "leave it empty: the outputs in output.json say it already"
    for text in ("", None, "<PLACEHOLDER>"):
        assert load(**by_file, **{key: text}) == load(**by_file)


def test_the_cluster_is_that_of_the_outputs(
    load: Load, problems: Problems, by_file: dict[str, str]
) -> None:
    for text in ("", None, "ecs-blueprint-infra"):
        assert load(**by_file, ecs_cluster_name=text) == load(**by_file)
    found = problems(**by_file, ecs_cluster_name="other")
    assert list(found) == ["ecs_cluster_name"]
    assert 'of cluster "ecs-blueprint-infra"; write that' in found["ecs_cluster_name"].message


def test_the_outputs_of_services_are_ignored(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    content = {
        "OrdersBackendServiceStack": {"ServiceName": "orders"},
        "dev-CoreInfraStack": core_outputs,
    }
    assert platform(load(**outputs_file(content))).namespace_id == "ns-default"


def test_several_core_stacks_are_listed(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    names = ("a-CoreInfraStack", "b-CoreInfraStack")
    found = problems(**outputs_file(dict.fromkeys(names, core_outputs)))
    message = found["core_outputs_file"].message
    assert "several core stacks; keep one of a-CoreInfraStack, b-CoreInfraStack" in message


def test_a_relative_path_starts_at_the_folder_of_the_settings_file(
    load: Load, by_file: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "output.json").rename(tmp_path / "sub" / "core.json")
    monkeypatch.chdir("/")
    for path in ("sub/core.json", str(tmp_path / "sub" / "core.json")):
        load(**by_file | {"core_outputs_file": path})


def test_the_outputs_do_not_matter_with_a_core_stack(load: Load) -> None:
    assert load(core_outputs_file="missing.json") == load()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("key=value", "is not JSON"),
        ([], "has no outputs of a stack whose name ends with CoreInfraStack"),
        ({"BackendServiceStack": {"VpcId": "x"}}, "has no outputs of a stack"),
        ({"CoreInfraStack": 1}, "has no outputs of a stack"),
    ],
)
def test_a_file_of_something_else(
    problems: Problems, outputs_file: OutputsFile, content: object, expected: str
) -> None:
    found = problems(**outputs_file(content))
    assert list(found) == ["core_outputs_file"]
    assert expected in found["core_outputs_file"].message


def test_the_file_is_not_there(problems: Problems, tmp_path: Path) -> None:
    problem = problems(deploy_core_stack="False", core_outputs_file="no.json")["core_outputs_file"]
    assert f"no file {tmp_path}/no.json" in problem.message
    assert problem.given == '"no.json"'


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("VpcId", "0abc", "the id of a VPC"),
        ("VpcCidr", 1, "valid string"),
        (
            "AvailabilityZones",
            "us-east-1a,us-east-1b",
            f'"us-east-1a": expected a zone of {REGION}',
        ),
        ("AvailabilityZones", "", "is empty"),
        ("PublicSubnetIds", "subnet-0a", "has 1 items; expected 2, as many as AvailabilityZones"),
        ("PrivateSubnetIds", "subnet-0a,x", "ids of subnets"),
        ("NamespaceNames", "a b,c", "full name of a namespace"),
        ("NamespaceArns", "arn:x,arn:y", "the ARN of a Cloud Map namespace"),
        ("NamespaceIds", "ns-default", "has 1 items; expected 2, as many as NamespaceNames"),
    ],
)
def test_a_wrong_output_is_named(
    problems: Problems,
    outputs_file: OutputsFile,
    core_outputs: dict[str, str],
    name: str,
    value: object,
    expected: str,
) -> None:
    found = problems(**outputs_file({"CoreInfraStack": {**core_outputs, name: value}}))
    assert list(found) == ["core_outputs_file"]
    message = found["core_outputs_file"].message
    assert message.startswith(f"output {name} of CoreInfraStack: ")
    assert expected in message


def test_missing_outputs_are_listed(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    del core_outputs["VpcId"], core_outputs["NamespaceIds"]
    found = problems(**outputs_file({"my-CoreInfraStack": core_outputs}))
    message = found["core_outputs_file"].message
    assert message == (
        "my-CoreInfraStack lacks VpcId, NamespaceIds; deploy it again with --outputs-file"
    )


def test_all_wrong_outputs_are_reported(
    write_env: Callable[..., Path], by_file: dict[str, str]
) -> None:
    path = write_env(**by_file, aws_region="us-east-1")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    found = [problem.message.split()[:2] for problem in caught.value.problems]
    assert found == [["output", "AvailabilityZones"], ["output", "NamespaceArns"]]
