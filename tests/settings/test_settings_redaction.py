"""Credentials are refused where a template would show them, and no report repeats them."""

import string
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from settings import Problem, Settings, SettingsError, load_settings, shown_name, shown_value

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]
WriteEnv = Callable[..., Path]

CANARY = "CANARY"
TOKEN = f"ghp_{CANARY}6789abcdefghijABCDEFGHIJ012345"


def made_up(length: int) -> str:
    """Make a text up, the same in every run; written out, it would alarm other scanners."""
    letters = string.ascii_letters + string.digits
    return "".join(Random(length).choices(letters, k=length))  # noqa: S311


CREDENTIALS = {
    "AWS access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub": f"ghp_{made_up(36)}",
    "GitHub, fine-grained": f"github_pat_{made_up(22)}_{made_up(59)}",
    "GitLab": f"glpat-{made_up(20)}",
    "Slack": f"xoxb-123456789012-{made_up(24)}",
    "Stripe": f"sk_live_{made_up(24)}",
    "Anthropic": f"sk-ant-api03-{made_up(93)}",
    "Google": f"AIzaSy{made_up(33)}",
    "Vault": f"hvs.{made_up(24)}",
    "Slack webhook": f"https://hooks.slack.com/services/T0123/B0123/{made_up(24)}",
    "AWS secret access key": made_up(40),
    "Azure": f"Endpoint=https://x;AccountKey={made_up(20)}==",
    "Azure SAS": f"https://x/y?sv=1&sig={made_up(43)}%3D",
    "JDBC": "jdbc:postgresql://db/shop?user=shop&password=hunter22",
    "ODBC": "Server=db;Uid=shop;Pwd=hunter22",
    "option of a command": "mysqladmin ping --password=hunter22",
    "user of curl": "curl -s -u admin:hunter22 localhost",
    "npm": f"npm_{made_up(36)}",
    "JSON Web Token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "private key": "-----BEGIN RSA PRIVATE KEY-----",
    "URL": f"postgres://user:{made_up(9)}@db:5432/shop",
    "URL without a user": f"redis://:{made_up(9)}@cache:6379",
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_template_gets_no_credential(problems: Problems, kind: str) -> None:
    text = CREDENTIALS[kind]
    found = problems(
        container_environment=f"A=b,ID={text}",
        health_check_command=f"curl -H '{text}' http://localhost || exit 1".replace("'", ""),
    )
    assert set(found) == {"container_environment", "health_check_command"}
    assert found["container_environment"].message.startswith("ID looks like a credential")
    assert "store it in Secrets Manager" in found["container_environment"].message
    assert text not in str(found)


@pytest.mark.parametrize(
    "name",
    [
        *("DB_PASSWORD", "PGPASSWORD", "db_password", "DB_PASS", "MYSQL_PWD", "CLIENT_SECRET"),
        *("API_TOKEN", "API_KEY", "STRIPE_APIKEY", "AWS_SECRET_ACCESS_KEY", "CREDENTIALS"),
        *("SECRET_KEY_BASE", "DB_PASSWORD_PROD", "DBPASS", "PASSWORD1", "ENCRYPTION_KEY"),
    ],
)
def test_a_variable_with_the_name_of_a_credential_is_refused(problems: Problems, name: str) -> None:
    found = problems(container_environment=f"A=b,{name}=hunter2")
    assert found["container_environment"].message.startswith(f"{name} looks like a credential")


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=",
        "REQUIRE_PASSWORD=true",
        "MAX_TOKENS=4096",
        "TOKEN_TTL=15m",
        "TOKEN_URL=https://login.example.com/oauth2/token",
        "DB_SECRET_NAME=shop/db",
        "PARTITION_KEY=customer_id",
        "PASSWORD_POLICY=strong",
        "KMS_KEY=alias/shop",
        "COMPASS=north",
        f"GIT_SHA={'0123456789abcdef' * 2}01234567",
        "DB_URL=postgres://db:5432/shop",
        "AUTHOR=me@example.com",
        "NPM_HOME=npm_config_registry_url_of_the_company",
        "ROLE=arn:aws:iam::123456789012:role/CoreInfraStack-ExecutionRole250D2532-AbCdEfGhIjKl",
    ],
)
def test_a_harmless_variable_is_accepted(load: Load, text: str) -> None:
    name, _, value = text.partition("=")
    assert load(container_environment=text).service.container_environment == {name: value}


def test_a_command_may_take_a_password_from_a_variable(load: Load) -> None:
    text = 'mysqladmin --password=$PW && curl -u "a:$PW" redis://:$PW@cache && curl -u a:$PW x'
    assert load(health_check_command=text).service.health_check_command == ("CMD-SHELL", text)


def report(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return f"{caught.value!s} {caught.value!r} {caught.value.problems!r}"


@pytest.mark.parametrize(
    "key",
    [
        *("container_environment", "container_secrets", "build_secrets"),
        *("github_token_secret_name", "contaner_secrets", "DB_PASSWORD", "favourite_colour"),
        "health_check_command",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        *(CANARY, f"A={CANARY}", f"A=b,A={CANARY}", f"SERVICE_PORT={CANARY}"),
        *(f"{CANARY}\x07", f"curl -u admin:{CANARY} ${{HOST}}"),
    ],
)
def test_no_report_repeats_a_private_value(write_env: WriteEnv, key: str, text: str) -> None:
    # Another key is wrong in any case, so that there is a report.
    assert CANARY not in report(write_env(**{"task_cpu": "x", key: text}))


@pytest.mark.parametrize("token", [TOKEN, "0ddba11" * 5 + "cafed"])
def test_a_token_in_place_of_its_name_is_refused(problems: Problems, token: str) -> None:
    problem = problems(github_token_secret_name=token)["github_token_secret_name"]
    assert "not the token itself" in problem.message
    assert token not in problem.label + problem.message


@pytest.mark.parametrize("key", ["service_name", "namespaces", "availability_zones", "vpc_cidr"])
def test_no_report_repeats_a_token_in_any_key(write_env: WriteEnv, key: str) -> None:
    assert CANARY not in report(write_env(**{key: TOKEN}))


@pytest.mark.parametrize(
    "line",
    [
        *(f"container_secrets=A={CANARY}", f'="{CANARY}"', f"hunter2{CANARY}", TOKEN),
        *(f"ghp_{CANARY}=", f"q4SE3K{CANARY}=", f"{CANARY}1=\n{CANARY}1="),
    ],
)
def test_no_report_repeats_a_line_that_cannot_be_read(write_env: WriteEnv, line: str) -> None:
    path = write_env()
    path.write_text(f"{line}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    assert CANARY not in report(path)


def test_a_value_is_shown_escaped_and_shortened() -> None:
    assert shown_value("a\x1b[2J\n") == r'"a\x1b[2J\n"'
    assert shown_value("x" * 5000) == f'"{"x" * 77}..."'
    assert shown_value(TOKEN) is None


@pytest.mark.parametrize("token", [made_up(40), "0ddba11" * 5 + "cafed", f"hvs.{made_up(24)}"])
def test_a_value_that_may_be_a_key_is_not_shown(problems: Problems, token: str) -> None:
    for key in ("connection_arn", "vpc_cidr"):
        assert problems(**{key: token})[key].given is None


def test_a_name_is_shown_escaped_and_shortened() -> None:
    assert shown_name("a\x1b[2J\u202e.env") == r"a\x1b[2J\u202e.env"
    assert shown_name("a.env ") == '"a.env "'
    assert shown_name("x" * 5000) == f"{'x' * 150}...{'x' * 150}"
