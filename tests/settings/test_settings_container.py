"""Environment variables and secrets of the container and of the build."""

from collections.abc import Callable

import pytest

from settings import Problem, Settings
from settings.examples import ACCOUNT, KEY, PARAMETER, REGION, SECRET

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

BOTH = pytest.mark.parametrize("key", ["container_environment", "container_secrets"])


def message(problems: Problems, key: str, text: str) -> str:
    found = problems(**{key: text})
    assert list(found) == [key]
    assert found[key].given is None, "no report repeats the values of this key"
    return found[key].message


def test_variables_are_trimmed(load: Load) -> None:
    text = " LOG_LEVEL = info , _URL=http://a.default.shop.local:3000/?x=1 ,EMPTY="
    assert load(container_environment=text).service.container_environment == {
        "LOG_LEVEL": "info",
        "_URL": "http://a.default.shop.local:3000/?x=1",
        "EMPTY": "",
    }


@BOTH
def test_nobody_can_change_the_variables(load: Load, key: str) -> None:
    assert getattr(load().service, key) == {}
    with pytest.raises(TypeError):
        getattr(load().service, key)["A"] = "b"


@BOTH
@pytest.mark.parametrize(
    ("text", "position"), [("A", 1), ("A=x,B", 2), ("A=x,,B=y", 2), ("A-B=x", 1), ("=x", 1)]
)
def test_an_entry_of_another_form_is_named_by_its_position(
    problems: Problems, key: str, text: str, position: int
) -> None:
    assert f"entry {position} is not of the form" in message(problems, key, text)


@BOTH
def test_a_name_is_there_once(problems: Problems, key: str) -> None:
    assert "A appears twice" in message(problems, key, f"A={SECRET},B={SECRET},A={SECRET}")


def test_a_value_in_angle_brackets_is_a_placeholder(problems: Problems) -> None:
    said = message(problems, "container_environment", "A=x,B=<secret>")
    assert said == "B is still a placeholder; fill it in"


SECRETS = ",".join(f"S{n}={SECRET.replace('shop', f'shop{n:03}')}" for n in range(160))


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("container_environment", f"A={'é' * 35_000}", "70028 bytes of the task definition"),
        ("container_secrets", SECRETS, "expected at most 8640"),
        ("build_secrets", SECRETS, "expected at most 8340"),
    ],
    ids=["container_environment", "container_secrets", "build_secrets"],
)
def test_aws_limits_the_size(problems: Problems, key: str, text: str, expected: str) -> None:
    assert expected in message(problems, key, text)


def test_many_values_of_one_secret_are_one_arn(load: Load) -> None:
    text = ",".join(f"S{n}={SECRET}:key{n}::" for n in range(160))
    assert len(load(container_secrets=text).service.container_secrets) == 160


@BOTH
def test_the_task_definition_sets_some_names(problems: Problems, key: str) -> None:
    said = message(problems, key, "SERVICE_PORT=1")
    assert said == "SERVICE_PORT is set by the task definition; leave it out"


@pytest.mark.parametrize("name", ["REPO_URL", "IMAGE", "AWS_ACCESS_KEY_ID", "PATH"])
def test_the_build_needs_some_names(problems: Problems, name: str) -> None:
    said = message(problems, "build_secrets", f"{name}={SECRET}")
    assert said == f"{name} is set by the build; leave it out"


def test_a_name_is_in_one_of_both_keys(problems: Problems) -> None:
    found = problems(container_environment="A=x,B=y", container_secrets=f"B={SECRET}")
    assert list(found) == ["container_secrets"]
    assert "B is in container_environment or in its file too" in found["container_secrets"].message


@pytest.mark.parametrize(
    "arn",
    [SECRET, f"{SECRET}:password::", f"{SECRET}:password:AWSPREVIOUS:", PARAMETER],
)
def test_a_secret_has_a_complete_arn(load: Load, arn: str) -> None:
    assert load(container_secrets=f"DB={arn}").service.container_secrets == {"DB": arn}


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        SECRET.removesuffix("-AbCdEf"),
        f"{SECRET}:password",
        SECRET.replace(":secret:", ":"),
        PARAMETER.replace(":parameter/", ":secret:"),
        "arn:aws:s3:::bucket",
        SECRET.replace(ACCOUNT, "hunter2"),
    ],
)
def test_another_text_in_place_of_an_arn_is_not_repeated(problems: Problems, text: str) -> None:
    said = message(problems, "container_secrets", f"A={SECRET},DB={text}")
    assert said.startswith("DB: expected the complete ARN of a Secrets Manager secret")
    assert text not in said


@pytest.mark.parametrize("arn", [SECRET, PARAMETER])
def test_a_secret_is_in_the_account_and_region(problems: Problems, arn: str) -> None:
    said = message(problems, "container_secrets", f"DB={arn.replace(ACCOUNT, '9' * 12)}")
    assert f"account 999999999999, but account_number is {ACCOUNT}" in said
    said = message(problems, "container_secrets", f"DB={arn.replace(REGION, 'us-east-1')}")
    assert f"region us-east-1, but aws_region is {REGION}" in said


@pytest.mark.parametrize("key", [KEY, KEY.replace(ACCOUNT, "210987654321")])
def test_a_key_may_be_of_another_account(load: Load, key: str) -> None:
    service = load(container_secrets=f"DB={SECRET}", container_secrets_kms_keys=key).service
    assert service.container_secrets_kms_keys == (key,)


def test_a_build_reads_secrets_and_no_parameters(load: Load, problems: Problems) -> None:
    text = f"NPM_TOKEN={SECRET}, PIP={SECRET}:token::"
    expected = {"NPM_TOKEN": SECRET, "PIP": f"{SECRET}:token::"}
    assert load(build_secrets=text).delivery.build_secrets == expected
    said = message(problems, "build_secrets", f"NPM_TOKEN={PARAMETER}")
    assert said.endswith("a Secrets Manager secret (with its six last characters)")
