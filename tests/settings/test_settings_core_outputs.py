"""An existing platform, taken from the outputs of an earlier deploy."""

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

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]
OutputsFile = Callable[[object], dict[str, str]]


def platform(settings: Settings) -> ExistingPlatformSettings:
    assert settings.existing_platform is not None
    return settings.existing_platform


def test_outputs_give_everything(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    settings = load(**outputs_file({"CoreInfraStack": core_outputs}))
    assert settings.core is None
    assert platform(settings) == ExistingPlatformSettings(
        vpc_name=None,
        vpc=VpcAttributes(
            vpc_id="vpc-0abc",
            vpc_cidr="10.1.0.0/16",
            availability_zones=("eu-central-1a", "eu-central-1b"),
            public_subnet_ids=("subnet-0a", "subnet-0b"),
            private_subnet_ids=("subnet-1a", "subnet-1b"),
        ),
        ecs_cluster_name="ecs-blueprint-infra",
        namespace_name="default.ecs-blueprint-infra.local",
        namespace_arn="arn:aws:servicediscovery:eu-central-1:123456789012:namespace/ns-default",
        namespace_id="ns-default",
        ecs_task_execution_role_arn="arn:aws:iam::123456789012:role/execution",
    )


def test_service_lives_where_the_outputs_say(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    service = load(**outputs_file({"CoreInfraStack": core_outputs})).service
    assert service.ecs_cluster_name == "ecs-blueprint-infra"
    assert service.namespace_name == "default.ecs-blueprint-infra.local"


def test_namespace_is_the_first_of_namespaces(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    settings = load(**outputs_file({"CoreInfraStack": core_outputs}), namespaces="jobs,default")
    assert platform(settings).namespace_id == "ns-jobs"


def test_namespace_named_by_hand_brings_its_arn_and_id(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    name = "jobs.ecs-blueprint-infra.local"
    found = platform(load(**outputs_file({"CoreInfraStack": core_outputs}), namespace_name=name))
    assert found.namespace_name == name
    assert (found.namespace_id, found.namespace_arn.rpartition("/")[2]) == ("ns-jobs", "ns-jobs")


def test_namespaces_is_not_needed_beside_a_name_by_hand(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    changes = outputs_file({"CoreInfraStack": core_outputs})
    name = "jobs.ecs-blueprint-infra.local"
    assert load(**changes, namespace_name=name, namespaces=None).service.namespace_name == name


def test_namespaces_is_needed_without_a_name_by_hand(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    found = problems(**outputs_file({"CoreInfraStack": core_outputs}), namespaces=None)
    assert list(found) == ["namespaces"]


@pytest.mark.parametrize(
    ("key", "text"),
    [("namespaces", "other"), ("namespace_name", "other.ecs-blueprint-infra.local")],
)
def test_namespace_that_the_outputs_do_not_have(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str], key: str, text: str
) -> None:
    found = problems(**outputs_file({"CoreInfraStack": core_outputs}), **{key: text})
    assert list(found) == [key]
    assert "no namespace other.ecs-blueprint-infra.local" in found[key].message
    assert "jobs.ecs-blueprint-infra.local" in found[key].message


def test_namespace_wholly_by_hand_need_not_be_in_the_outputs(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str], by_hand: dict[str, str]
) -> None:
    names = {key: by_hand[key] for key in ("namespace_name", "namespace_arn", "namespace_id")}
    found = platform(load(**outputs_file({"CoreInfraStack": core_outputs}), **names))
    assert found.namespace_name == "default.platform.local"


def test_vpc_name_by_hand_is_looked_up(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    found = platform(load(**outputs_file({"CoreInfraStack": core_outputs}), vpc_name="mine"))
    assert (found.vpc_name, found.vpc) == ("mine", None)


def test_role_by_hand_wins(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    arn = "arn:aws:iam::123456789012:role/mine"
    changes = outputs_file({"CoreInfraStack": core_outputs})
    settings = load(**changes, ecs_task_execution_role_arn=arn)
    assert platform(settings).ecs_task_execution_role_arn == arn


def test_value_by_hand_is_checked(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    changes = outputs_file({"CoreInfraStack": core_outputs})
    found = problems(**changes, ecs_task_execution_role_arn="mine")
    assert list(found) == ["ecs_task_execution_role_arn"]


@pytest.mark.parametrize("name", ["", None])
def test_cluster_may_be_left_to_the_outputs(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str], name: str | None
) -> None:
    core_outputs["EcsClusterName"] = "shop"
    core_outputs["NamespaceNames"] = "default.shop.local,jobs.shop.local"
    changes = outputs_file({"CoreInfraStack": core_outputs})
    assert load(**changes, ecs_cluster_name=name).service.namespace_name == "default.shop.local"


def test_cluster_by_hand_must_be_that_of_the_outputs(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    found = problems(**outputs_file({"CoreInfraStack": core_outputs}), ecs_cluster_name="other")
    assert list(found) == ["ecs_cluster_name"]
    assert 'of cluster "ecs-blueprint-infra"' in found["ecs_cluster_name"].message


def test_core_stack_is_found_among_others(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    content = {"OrdersBackendServiceStack": {"ServiceName": "orders"}, "MyCore": core_outputs}
    assert platform(load(**outputs_file(content))).namespace_id == "ns-default"


def test_stack_of_the_usual_name_is_preferred(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    other = core_outputs | {"VpcId": "vpc-other"}
    found = platform(load(**outputs_file({"Copy": other, "dev-CoreInfraStack": core_outputs})))
    assert found.vpc is not None
    assert found.vpc.vpc_id == "vpc-0abc"


@pytest.mark.parametrize("names", [("a-CoreInfraStack", "b-CoreInfraStack"), ("One", "Two")])
def test_several_core_stacks_are_listed(
    problems: Problems,
    outputs_file: OutputsFile,
    core_outputs: dict[str, str],
    names: tuple[str, str],
) -> None:
    found = problems(**outputs_file(dict.fromkeys(names, core_outputs)))
    assert list(found) == ["core_outputs_file"]
    assert (
        f"several core stacks; keep one of {', '.join(names)}" in found["core_outputs_file"].message
    )


def test_path_starts_at_the_folder_of_the_settings_file(
    load: Load,
    outputs_file: OutputsFile,
    core_outputs: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = outputs_file({"CoreInfraStack": core_outputs})
    (tmp_path / "sub").mkdir()
    (tmp_path / "output.json").rename(tmp_path / "sub" / "core.json")
    monkeypatch.chdir("/")
    load(**(changes | {"core_outputs_file": "sub/core.json"}))


def test_byte_order_mark_is_fine(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str], tmp_path: Path
) -> None:
    changes = outputs_file({"CoreInfraStack": core_outputs})
    path = tmp_path / "output.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert platform(load(**changes)).namespace_id == "ns-default"


def test_absolute_path(
    load: Load, outputs_file: OutputsFile, core_outputs: dict[str, str], tmp_path: Path
) -> None:
    changes = outputs_file({"CoreInfraStack": core_outputs})
    load(**(changes | {"core_outputs_file": str(tmp_path / "output.json")}))


def test_outputs_do_not_matter_with_a_core_stack(load: Load) -> None:
    assert load(core_outputs_file="missing.json") == load()


def test_file_that_is_not_there(problems: Problems, tmp_path: Path) -> None:
    found = problems(deploy_core_stack="False", core_outputs_file="no.json")
    assert list(found) == ["core_outputs_file"]
    assert f"no file {tmp_path}/no.json" in found["core_outputs_file"].message
    assert found["core_outputs_file"].given == '"no.json"'


def test_directory(problems: Problems) -> None:
    found = problems(deploy_core_stack="False", core_outputs_file=".")
    assert "directory" in found["core_outputs_file"].message


@pytest.mark.parametrize("text", ["", "{", "key=value", "[" * 100_000, "\x00"])
def test_file_that_is_not_json(problems: Problems, outputs_file: OutputsFile, text: str) -> None:
    found = problems(**outputs_file(text))
    assert list(found) == ["core_outputs_file"]
    assert "is not JSON" in found["core_outputs_file"].message


@pytest.mark.parametrize(
    "content", [[], {}, 1, None, {"CoreInfra": {}}, {"Stack": {"VpcId": "x"}}, {"S": 1}]
)
def test_json_without_a_core_stack(
    problems: Problems, outputs_file: OutputsFile, content: object
) -> None:
    found = problems(**outputs_file(content))
    assert "no stack with the outputs of a core stack" in found["core_outputs_file"].message


USED = (
    "VpcId",
    "VpcCidr",
    "AvailabilityZones",
    "PublicSubnetIds",
    "PrivateSubnetIds",
    "EcsClusterName",
    "TaskExecutionRoleArn",
    "NamespaceNames",
    "NamespaceArns",
    "NamespaceIds",
)


@pytest.mark.parametrize("name", USED)
def test_missing_output(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str], name: str
) -> None:
    del core_outputs[name]
    found = problems(**outputs_file({"my-CoreInfraStack": core_outputs}))
    assert list(found) == ["core_outputs_file"]
    assert f"my-CoreInfraStack lacks {name};" in found["core_outputs_file"].message


def test_several_missing_outputs_are_listed_together(
    problems: Problems, outputs_file: OutputsFile
) -> None:
    found = problems(**outputs_file({"CoreInfraStack": {"VpcCidr": "10.0.0.0/16"}}))
    assert "lacks VpcId, AvailabilityZones, " in found["core_outputs_file"].message


@pytest.mark.parametrize("value", [1, None, ["a"], {}])
def test_output_that_is_no_text(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str], value: object
) -> None:
    found = problems(**outputs_file({"CoreInfraStack": core_outputs | {"VpcCidr": value}}))
    assert "lacks VpcCidr" in found["core_outputs_file"].message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("VpcId", "0abc", "the id of a VPC"),
        ("VpcCidr", "10.1.0.0", "an IPv4 block"),
        ("AvailabilityZones", "us-east-1a,us-east-1b", '"us-east-1a" is no zone of eu-central-1'),
        ("AvailabilityZones", "['eu-central-1a', 'eu-central-1b']", "no zone of eu-central-1"),
        ("AvailabilityZones", "", "at least one"),
        ("PublicSubnetIds", "subnet-0a", "has 1 items; expected 2, as many as AvailabilityZones"),
        ("PrivateSubnetIds", "subnet-0a,subnet-0a", "there twice"),
        ("PrivateSubnetIds", "subnet-0a,x", "ids of subnets"),
        ("EcsClusterName", "a b", "at most 255"),
        ("TaskExecutionRoleArn", "execution", "the ARN of a role"),
        ("TaskExecutionRoleArn", "arn:aws:iam::999999999999:role/x", "of account 999999999999"),
        ("NamespaceNames", "", "at least one"),
        ("NamespaceNames", "a b,c", "full name of a namespace"),
        ("NamespaceArns", "arn:x,arn:y", "the ARN of a Cloud Map namespace"),
        ("NamespaceIds", "ns-default", "has 1 items; expected 2, as many as NamespaceNames"),
        ("NamespaceIds", "default,jobs", "the id of a namespace"),
    ],
)
def test_malformed_or_foreign_output(
    problems: Problems,
    outputs_file: OutputsFile,
    core_outputs: dict[str, str],
    name: str,
    value: str,
    expected: str,
) -> None:
    core_outputs[name] = value
    found = problems(**outputs_file({"CoreInfraStack": core_outputs}))
    assert list(found) == ["core_outputs_file"]
    message = found["core_outputs_file"].message
    assert message.startswith(f"output {name} of CoreInfraStack: ")
    assert expected in message


def test_every_output_of_another_region_is_reported(
    write_env: Callable[..., Path], outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    path = write_env(**outputs_file({"CoreInfraStack": core_outputs}), aws_region="us-east-1")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    found = [problem.message.split()[:2] for problem in caught.value.problems]
    assert found == [["output", "AvailabilityZones"], ["output", "NamespaceArns"]]


def test_outputs_of_another_account(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    core_outputs["NamespaceArns"] = core_outputs["NamespaceArns"].replace("123456789012", "9" * 12)
    found = problems(**outputs_file({"CoreInfraStack": core_outputs}))
    message = found["core_outputs_file"].message
    assert "account 999999999999, but account_number is 123456789012" in message


def test_malformed_namespace_by_hand_is_one_problem(
    problems: Problems, outputs_file: OutputsFile, core_outputs: dict[str, str]
) -> None:
    found = problems(**outputs_file({"CoreInfraStack": core_outputs}), namespace_name="a b")
    assert "expected the full name" in found["namespace_name"].message
