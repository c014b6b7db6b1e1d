"""Secrets by their shape: refused and not repeated, while what only looks long is accepted."""

import json
import socket
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settings import Problem, Settings, SettingsError, load_settings
from settings.model import ALL_KEYS, ExistingPlatformSettings
from settings.redaction import _detectors, has_credential

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

IMPORT_KEYS = [key for key in ExistingPlatformSettings.model_fields if key in ALL_KEYS]
ROOT = Path(__file__).parents[2]
LETTERS_AND_DIGITS = string.ascii_letters + string.digits
URL_SAFE = LETTERS_AND_DIGITS + "_-"
CAPITALS_AND_DIGITS = string.ascii_uppercase + string.digits
HEXADECIMAL = "0123456789abcdef"


def made_up(length: int, alphabet: str = LETTERS_AND_DIGITS) -> str:
    """Make a text up, the same in every run; written out, it would set off other scanners."""
    return "".join(Random(length).choices(alphabet, k=length))  # noqa: S311


# What detect-secrets 1.5.0 does not know.
MARKED = {
    "OpenAI project": f"sk-proj-{made_up(70, URL_SAFE)}-_T3BlbkFJ-{made_up(70, URL_SAFE)}",
    "OpenAI service account": f"sk-svcacct-{made_up(60, URL_SAFE)}",
    "Anthropic": f"sk-ant-api03-{made_up(93, URL_SAFE)}AA",
    "Google": f"AIzaSy{made_up(33, URL_SAFE)}",
    "npm": f"npm_{made_up(36)}",
    "Stripe, test": f"sk_test_{made_up(24)}",
    "Stripe, restricted test": f"rk_test_51{made_up(97)}",
    "Hugging Face": f"hf_{made_up(34, string.ascii_letters)}",
    "GitHub, fine-grained": f"github_pat_{made_up(22)}_{made_up(59)}",
    "Slack, app": f"xapp-1-A0{made_up(9)}-1234567890123-{made_up(64)}",
    "Vault": f"hvs.{made_up(91, URL_SAFE)}",
    "Vault, batch": f"hvb.{made_up(138, URL_SAFE)}",
    "Docker Hub": f"dckr_pat_{made_up(27, URL_SAFE)}",
    "Google, client": f"GOCSPX-{made_up(28, URL_SAFE)}",
    "Google, access": f"ya29.{made_up(150, URL_SAFE)}",
    "DigitalOcean": f"dop_v1_{made_up(64, HEXADECIMAL)}",
    "Grafana": f"glsa_{made_up(32)}_{made_up(8, HEXADECIMAL)}",
    "Shopify": f"shpat_{made_up(32, HEXADECIMAL)}",
    "Stripe, hook": f"whsec_{made_up(32)}",
    "hook, by Svix": f"whsec_{made_up(32, LETTERS_AND_DIGITS + '+/')}",
    "New Relic": f"NRAK-{made_up(27, CAPITALS_AND_DIGITS)}",
    "Groq": f"gsk_{made_up(52)}",
    "Databricks": f"dapi{made_up(32, HEXADECIMAL)}",
    "Databricks, numbered": f"dapi{made_up(32, HEXADECIMAL)}-2",
    "AWS, session": f"FwoGZXIvYXdzE{made_up(300, LETTERS_AND_DIGITS + '+/')}",
    "AWS, newer session": f"IQoJb3JpZ2luX2Vj{made_up(300, LETTERS_AND_DIGITS + '+/')}",
}
"""By their beginnings."""
IN_PLACE = {
    "SAS": f"https://a.blob.core.windows.net/c/b?sv=2022-11-02&sr=b&sig={made_up(43)}%3D",
    "JDBC": f"jdbc:postgresql://db/shop?user=x&password={made_up(7)}",
    "JDBC, SQL Server": f"jdbc:sqlserver://db;user=x;password={made_up(7)};encrypt=true",
    "ODBC": f"Driver=x;Server=db;Uid=x;Password={made_up(7)};",
    "ODBC, braces": f"Server=db;PWD={{{made_up(7)}}};",
    "Service Bus": f"Endpoint=sb://x/;SharedAccessKeyName=x;SharedAccessKey={made_up(43)}=",
    "option": f"mysqladmin ping --password={made_up(7)}",
}
KNOWN = {
    "SendGrid": f"SG.{made_up(22, URL_SAFE)}.{made_up(43, URL_SAFE)}",
    "Slack, hook": "https://hooks.slack.com/services/T0ABCDEFG/B0ABCDEFGHI/" + made_up(24),
    "Slack, bot": f"xoxb-123456789012-1234567890123-{made_up(24)}",
    "Stripe, live": f"sk_live_{made_up(24)}",
    "GitHub": f"ghp_{made_up(36)}",
    "GitLab": f"glpat-{made_up(20)}",
    "PyPI": f"pypi-AgEIcHlwaS5vcmc{made_up(70)}",
    "AWS, id": f"AKIA{made_up(16, string.ascii_uppercase)}",
}
UNMARKED = {
    "AWS, key": made_up(40, LETTERS_AND_DIGITS + "+/"),
    "in a URL": f"postgres://user:{made_up(9)}@db:5432/shop",
    "in a URL, without a user": f"redis://:{made_up(9)}@cache:6379",
}
SECRETS = MARKED | IN_PLACE | KNOWN | UNMARKED


def report(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return f"{caught.value!s} {caught.value!r} {caught.value.problems!r}"


@pytest.mark.parametrize("kind", SECRETS)
def test_secret_is_refused_in_free_text_and_not_repeated(problems: Problems, kind: str) -> None:
    secret = SECRETS[kind]
    for key, text in {
        "container_environment": f"A=b,ID={secret}",
        "health_check_command": f"curl -H 'x: {secret}' http://localhost || exit 1",
    }.items():
        found = problems(**{key: text})
        assert list(found) == [key]
        assert "looks like a credential" in found[key].message
        assert secret not in str(found)


@pytest.mark.parametrize("kind", SECRETS)
def test_secret_is_repeated_in_no_key(
    write_env: Callable[..., Path], by_hand: dict[str, str], kind: str
) -> None:
    """Each key in the topology that uses it, with one mistake more, so that there is a report."""
    secret = SECRETS[kind]
    for key in ALL_KEYS:
        topology = by_hand if key in IMPORT_KEYS or key == "core_outputs_file" else {}
        said = report(write_env(**topology | {key: secret}, nonsense="x"))
        assert secret not in said, key


@pytest.mark.parametrize("key", ["core_outputs_file", "namespaces", "namespace_name"])
@pytest.mark.parametrize("form", ["{}", "x/{}", "{}.json", "a,{}"])
def test_forty_characters_are_refused_and_not_repeated(
    write_env: Callable[..., Path],
    tmp_path: Path,
    core_outputs: dict[str, str],
    key: str,
    form: str,
) -> None:
    (tmp_path / "output.json").write_text(json.dumps({"CoreInfraStack": core_outputs}))
    secret = UNMARKED["AWS, key"].replace("/", "+")
    for changes in ({}, {"core_outputs_file": "output.json"}):
        path = write_env(deploy_core_stack="False", **changes | {key: form.format(secret)})
        assert secret not in report(path)


@pytest.mark.parametrize("secret", ["0ddba11" * 5 + "cafed", "a1" * 20])
def test_forty_characters_of_few_kinds_are_not_repeated_either(
    problems: Problems, core_outputs: dict[str, str], tmp_path: Path, secret: str
) -> None:
    found = problems(deploy_core_stack="False", core_outputs_file=secret)
    assert "there is no such file" in found["core_outputs_file"].message
    (tmp_path / "output.json").write_text(json.dumps({"CoreInfraStack": core_outputs}))
    by_file = {"deploy_core_stack": "False", "core_outputs_file": "output.json"}
    for text in (
        problems(**by_file, namespace_name=secret),
        problems(**by_file, namespaces=secret),
    ):
        assert secret not in str(text)


@pytest.mark.parametrize(
    "name",
    [
        *("DB_PASS", "MYSQL_PWD", "ENCRYPTION_KEY", "AWS_KEY", "PASSWORD1", "pass", "JWT_KEY2"),
        *("DBPASS", "DB_PW", "PGPASS", "PGPASSWORD", "DB_CREDS", "JWT", "REFRESH_JWT"),
    ],
)
@pytest.mark.parametrize("value", ["hunter2", "12345", "x"])
def test_variable_named_like_a_secret(problems: Problems, name: str, value: str) -> None:
    found = problems(container_environment=f"A=b,{name}={value}")
    assert found["container_environment"].message.startswith(f"{name}: looks like a credential")


HARMLESS = {
    "COMPASS": "north",
    "BYPASS": "x",
    "MONKEY": "business",
    "PARTITION_KEY": "customer_id",
    "S3_KEY": "reports/2026.csv",
    "PUBLIC_KEY": "x",
    "KMS_KEY": "arn:aws:kms:eu-central-1:123456789012:key/1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    "SIGNING_KEY": "alias/orders",
    "IDEMPOTENCY_KEY": "request_id",
    "PASSWORD_POLICY": "strong",
    "API_KEY_HEADER": "x-api-key",
    "TOKEN_ISSUER": "https://login.example.com/",
    "TOKENIZER": "cl100k_base",
    "TOKEN_TTL": "15 minutes",
    "JWT_ALGORITHM": "RS256",
    "CMD": "mysqladmin ping --password=$DB_PASSWORD",
    "FEATURES": "reset-password=true;x=1",
    "DSN": "jdbc:postgresql://db/shop?user=x&sslmode=require",
    "SIGNED": "https://example.com/?sig=none",
    "API": "dapi.example.com",
    "DB_SECRET_NAME": "shop/db",
    "DB_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-AbC123",
    "TOKEN_FILE": "/run/token",
    "GIT_SHA": made_up(40, string.hexdigits.lower()),
    "DIGEST": f"sha256:{made_up(64, '0123456789abcdef')}",
    "RELEASE": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    "URL": "https://example.com/items/1b4e28ba-2fa1-11d2-883f-0016d3cca427?page=12345678901234",
    "QUEUE": "https://sqs.eu-central-1.amazonaws.com/123456789012/orders-queue.fifo",
    "ROLE": "arn:aws:iam::123456789012:role/CoreInfraStack-ExecutionRole250D2532-AbCdEfGhIjKl",
    "POOL": "eu-central-1_AbCdEfGhI",
    "CLIENT_ID": made_up(26, string.ascii_lowercase + string.digits),
    "BUCKET": "coreinfrastack-bucket83908e77-1abcdefghijkl",
    "JAVA_OPTS": "-Xmx512m -XX:+UseG1GC",
    "NPM_HOME": "npm_config_registry_url",
    "HF": "hf_hub_download_timeout",
    "MAIL": "someone.with.a.long.name@example.com",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_variable_is_accepted(load: Load, name: str) -> None:
    text = f"{name}={HARMLESS[name]}"
    assert load(container_environment=text).service.container_environment[name] == HARMLESS[name]


hexadecimal = st.text("0123456789abcdef", min_size=1)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(
    text=st.uuids().map(str)
    | hexadecimal
    | st.text(string.digits)
    | hexadecimal.map("https://example.com/a/{}?b=1".format)
    | hexadecimal.map("123456789012.dkr.ecr.eu-central-1.amazonaws.com/app:{}".format)
    | st.from_regex(r"\Aarn:aws:[a-z]{2,12}:eu-west-1:[0-9]{12}:[a-z]{3,9}/[A-Za-z0-9-]{1,24}\Z")
    | st.from_regex(r"\A(?:[a-z]{1,12}[-/.])*[a-z0-9]{1,12}\Z")
)
def test_ids_hashes_addresses_and_paths_are_no_credentials(text: str) -> None:
    assert not has_credential(text)


@pytest.mark.parametrize("kind", MARKED | IN_PLACE)
def test_what_is_recognised_here_is_still_unknown_to_the_library(kind: str) -> None:
    """When this fails, the library has learnt it: take it out of `redaction.py`."""
    assert not any(any(detector.analyze_string(SECRETS[kind])) for detector in _detectors())


@pytest.mark.parametrize("name", ["API_KEY_HEADER", "TOKEN_ISSUER", "IDEMPOTENCY_KEY", "TOKENIZER"])
def test_secret_under_a_harmless_name_is_refused_all_the_same(
    problems: Problems, name: str
) -> None:
    secret = MARKED["Vault"]
    found = problems(container_environment=f"{name}={secret}")
    assert found["container_environment"].message.startswith(f"{name}: looks like a credential")
    assert secret not in str(found)


@pytest.mark.parametrize("kind", SECRETS)
def test_nobody_is_asked_whether_a_secret_is_real(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("the network is used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert has_credential(SECRETS[kind])


def test_very_long_value_is_refused_in_no_time(problems: Problems) -> None:
    # Each makes one of the detectors take the square of the length.
    for text in ("eyJ" * 100_000, "x1" * 200_000, "://a:" * 60_000):
        found = problems(health_check_command=text)
        assert "longer than 65536 characters" in found["health_check_command"].message


LOADED = """
import sys, settings
settings.load_settings(sys.argv[1])
print(*{"detect_secrets", "requests"} & sys.modules.keys())
"""


def loaded_for(path: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_detector_is_not_imported_for_usual_settings(write_env: Callable[..., Path]) -> None:
    assert loaded_for(write_env()) == set()
    usual = {
        "service_name": "orders-backend-service-2",
        "container_environment": "LOG_LEVEL=info,STAGE=prod,URL=http://a.default.shop.local:3000",
        "folder_path": "./services/orders-backend-service/app/.",
        "connection_arn": "arn:aws:codeconnections:eu-central-1:123456789012:connection/"
        "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "notification_email": "orders-on-call@example.com",
    }
    assert loaded_for(write_env(**usual)) == set()


def test_detector_is_imported_for_what_has_the_looks_of_a_token(
    write_env: Callable[..., Path],
) -> None:
    sha = HARMLESS["GIT_SHA"]
    path = write_env(container_environment=f"GIT_SHA={sha}")
    assert "detect_secrets" in loaded_for(path)
