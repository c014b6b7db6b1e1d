"""What the container and the build find in their environments."""

from collections.abc import Callable

import pytest

from settings import Problem, Settings

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

DATABASE_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-AbC123"
PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter/shop/db"


def message(problems: Problems, key: str, text: str) -> str:
    found = problems(**{key: text})
    assert list(found) == [key]
    assert found[key].given is None, "values of this key are private"
    return found[key].message


def test_variables_are_trimmed(load: Load) -> None:
    text = " LOG_LEVEL = info , _URL=http://a.default.shop.local:3000/?x=1 ,EMPTY="
    assert load(container_environment=text).service.container_environment == {
        "LOG_LEVEL": "info",
        "_URL": "http://a.default.shop.local:3000/?x=1",
        "EMPTY": "",
    }


def test_more_than_a_task_definition_holds(load: Load, problems: Problems) -> None:
    fitting = {"container_environment": f"A={'x' * 59_000}"}
    assert len(load(**fitting).service.container_environment["A"]) == 59_000
    found = problems(container_environment=f"A={'x' * 60_000}")
    assert list(found) == ["container_environment"]
    assert "of the task definition; expected at most" in found["container_environment"].message
    found = problems(**fitting, container_secrets=f"B={DATABASE_ARN}:{'k' * 500}::")
    assert list(found) == ["container_secrets"]


def test_a_task_definition_is_measured_in_bytes(problems: Problems) -> None:
    assert "container_environment" in problems(container_environment=f"A={'ö' * 40_000}")


KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("key", [KMS_KEY, KMS_KEY.replace("123456789012", "210987654321")])
def test_secrets_may_have_a_key_of_this_or_another_account(load: Load, key: str) -> None:
    service = load(container_secrets=f"DB={DATABASE_ARN}", container_secrets_kms_keys=key).service
    assert service.container_secrets_kms_keys == (key,)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("alias/shop", "expected ARNs of KMS keys (not of aliases)"),
        (KMS_KEY.replace("key/mrk-", "alias/"), "expected ARNs of KMS keys"),
        (KMS_KEY.replace("eu-central-1", "us-east-1"), "of region us-east-1"),
        (f"{KMS_KEY},{KMS_KEY}", "twice"),
    ],
)
def test_impossible_key_of_secrets(problems: Problems, keys: str, expected: str) -> None:
    found = problems(container_secrets=f"DB={DATABASE_ARN}", container_secrets_kms_keys=keys)
    assert list(found) == ["container_secrets_kms_keys"]
    assert expected in found["container_secrets_kms_keys"].message


def test_key_of_no_secret(problems: Problems) -> None:
    found = problems(container_secrets_kms_keys=KMS_KEY)["container_secrets_kms_keys"]
    assert "container_secrets is empty" in found.message


def test_more_secrets_than_a_role_may_have_in_its_policies(load: Load, problems: Problems) -> None:
    def secrets(count: int, ending: str = "") -> str:
        arn = DATABASE_ARN.rpartition("-")[0]
        return ",".join(f"S{n}={arn}-{n:06}{ending}" for n in range(count))

    assert len(load(container_secrets=secrets(90)).service.container_secrets) == 90
    found = problems(container_secrets=secrets(150))
    assert list(found) == ["container_secrets"]
    assert "of the 10240 that IAM allows a role" in found["container_secrets"].message
    assert len(load(build_secrets=secrets(90)).delivery.build_secrets) == 90
    found = problems(build_secrets=secrets(110))
    assert list(found) == ["build_secrets"]
    assert "of the 10240 that IAM allows a role" in found["build_secrets"].message


def test_the_keys_of_one_secret_count_once(load: Load) -> None:
    secrets = ",".join(f"S{n}={DATABASE_ARN}:key-{n}::" for n in range(150))
    assert len(load(container_secrets=secrets).service.container_secrets) == 150
    assert len(load(build_secrets=secrets).delivery.build_secrets) == 150


@pytest.mark.parametrize("key", ["container_environment", "container_secrets"])
def test_none(load: Load, key: str) -> None:
    assert getattr(load(**{key: ""}).service, key) == {}


@pytest.mark.parametrize("key", ["container_environment", "container_secrets"])
def test_variables_cannot_be_changed(load: Load, key: str) -> None:
    with pytest.raises(TypeError):
        getattr(load().service, key)["A"] = "b"


@pytest.mark.parametrize("key", ["container_environment", "container_secrets"])
@pytest.mark.parametrize(
    ("text", "position"),
    [("A", 1), ("A=x,B", 2), ("A=x,,B=y", 2), ("A-B=x", 1), ("1A=x", 1), ("=x", 1)],
)
def test_entry_of_another_form_is_named_by_position(
    problems: Problems, key: str, text: str, position: int
) -> None:
    assert f"entry {position} is not of the form" in message(problems, key, text)


@pytest.mark.parametrize("key", ["container_environment", "container_secrets"])
def test_name_given_twice(problems: Problems, key: str) -> None:
    assert "A is there twice" in message(
        problems, key, f"A={DATABASE_ARN},B={DATABASE_ARN},A={DATABASE_ARN}"
    )


@pytest.mark.parametrize("key", ["container_environment", "container_secrets"])
def test_name_that_the_task_definition_sets(problems: Problems, key: str) -> None:
    assert "SERVICE_PORT is set by the task definition" in message(problems, key, "SERVICE_PORT=1")


def test_name_in_both_keys(problems: Problems) -> None:
    found = problems(container_environment="A=x,B=y", container_secrets=f"B={DATABASE_ARN}")
    assert list(found) == ["container_secrets"]
    assert "B is in container_environment too" in found["container_secrets"].message


@pytest.mark.parametrize("text", ["A=<B>", "A=<fill me in>"])
def test_placeholder_in_a_variable(problems: Problems, text: str) -> None:
    assert "placeholder" in message(problems, "container_environment", text)


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=hunter2",
        "db_password=123",
        "CLIENT_SECRET=x",
        "API_TOKEN=x",
        "API_KEY=x",
        "STRIPE_APIKEY=x",
        "AWS_SECRET_ACCESS_KEY=x",
        "TOKEN_FOR_API=abc",
        "PASSWORD_OF_DB=hunter2",
        "ID=AKIAIOSFODNN7EXAMPLE",
        "ID=ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "ID=github_pat_11ABCDEFG0123456789_abcdefgh",
        "ID=-----BEGIN RSA PRIVATE KEY-----",
        "ID=postgres://user:hunter2@db:5432/shop",
        "ID=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
        "MAX_TOKENS=AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_credential_belongs_into_container_secrets(problems: Problems, text: str) -> None:
    said = message(problems, "container_environment", f"A=b,{text}")
    name, _, value = text.partition("=")
    assert said.startswith(f"{name}: looks like a credential")
    assert "container_secrets" in said
    if len(value) > 3:
        assert value not in said


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=",
        "MAX_TOKENS=4096",
        "TOKEN_TTL=15m",
        "PASSWORD_LOGIN=true",
        "TOKEN_URL=https://login.example.com/oauth2/token",
        "GIT_SHA=0123456789abcdef0123456789abcdef01234567",
        "DB_URL=postgres://db:5432/shop",
        "AUTHOR=me@example.com",
    ],
)
def test_harmless_variable(load: Load, text: str) -> None:
    name, _, value = text.partition("=")
    assert load(container_environment=text).service.container_environment == {name: value}


@pytest.mark.parametrize(
    "arn",
    [
        DATABASE_ARN,
        f"{DATABASE_ARN}:password::",
        f"{DATABASE_ARN}:password:AWSPREVIOUS:",
        f"{DATABASE_ARN}:::0a1b",
        PARAMETER,
        "arn:aws:ssm:eu-central-1:123456789012:parameter/db",
    ],
)
def test_secret_by_its_arn(load: Load, arn: str) -> None:
    assert load(container_secrets=f"DB_PASSWORD={arn}").service.container_secrets == {
        "DB_PASSWORD": arn
    }


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:no-suffix-here",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbC123:password",
        "arn:aws:secretsmanager:eu-central-1:123456789012:db-AbC123",
        "arn:aws:ssm:eu-central-1:123456789012:secret:db-AbC123",
        "arn:aws:ssm:eu-central-1:123456789012:parameter",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::123456789012:role/x",
        "arn:aws:secretsmanager:eu-central-1:hunter2:secret:db-AbC123",
    ],
)
def test_something_else_in_place_of_an_arn_is_not_repeated(problems: Problems, text: str) -> None:
    said = message(problems, "container_secrets", f"A={DATABASE_ARN},DB={text}")
    assert said.startswith("DB: expected the complete ARN of a Secrets Manager secret")
    assert text not in said


@pytest.mark.parametrize("arn", [DATABASE_ARN, PARAMETER])
def test_secret_of_another_account(problems: Problems, arn: str) -> None:
    other = arn.replace("123456789012", "999999999999")
    said = message(problems, "container_secrets", f"DB={other}")
    assert "account 999999999999, but account_number is 123456789012" in said


@pytest.mark.parametrize("arn", [DATABASE_ARN, PARAMETER])
def test_secret_of_another_region(problems: Problems, arn: str) -> None:
    said = message(problems, "container_secrets", f"DB={arn.replace('eu-central-1', 'us-east-1')}")
    assert "region us-east-1, but aws_region is eu-central-1" in said


def test_region_part_that_is_none_is_not_repeated(problems: Problems) -> None:
    said = message(
        problems, "container_secrets", f"DB={DATABASE_ARN.replace('eu-central-1', 'hunter2')}"
    )
    assert "hunter2" not in said


def test_secrets_of_the_build(load: Load) -> None:
    assert load().delivery.build_secrets == {}
    text = f"NPM_TOKEN={DATABASE_ARN}, PIP={DATABASE_ARN}:token::"
    assert load(build_secrets=text).delivery.build_secrets == {
        "NPM_TOKEN": DATABASE_ARN,
        "PIP": f"{DATABASE_ARN}:token::",
    }


def test_a_build_reads_secrets_and_no_parameters(problems: Problems) -> None:
    said = message(problems, "build_secrets", f"NPM_TOKEN={PARAMETER}")
    assert said.endswith("a Secrets Manager secret (with its six last characters)")


@pytest.mark.parametrize("name", ["REPO_URL", "IMAGE", "AWS_ACCESS_KEY_ID", "CODEBUILD_X", "PATH"])
def test_names_that_the_build_needs_for_itself(problems: Problems, name: str) -> None:
    said = message(problems, "build_secrets", f"{name}={DATABASE_ARN}")
    assert said == f"{name} is set by the build; leave it out"
