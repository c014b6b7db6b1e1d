"""No secret gets into a report, wherever the user put it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import SettingsError, load_settings
from settings.model import ALL_KEYS

WriteEnv = Callable[..., Path]

LEAK = "ghp_CANARY6789abcdefghijABCDEFGHIJ012345"


def report(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return f"{caught.value!s} {caught.value!r} {caught.value.problems!r}"


@pytest.mark.parametrize("key", ALL_KEYS)
@pytest.mark.parametrize(
    "text", [f"{LEAK} ", f"{LEAK}!!", f"<X>{LEAK}", f"\x07{LEAK}", f"${{Token[{LEAK}]}}"]
)
def test_token_is_not_repeated_whatever_key_it_is_in(
    write_env: WriteEnv, key: str, text: str
) -> None:
    # Another key is wrong for sure, so that there is a report in any case.
    assert "CANARY" not in report(write_env(**{"nonsense": "x", key: text}))


@pytest.mark.parametrize("key", ["container_environment", "container_secrets"])
@pytest.mark.parametrize(
    "text",
    [
        "CANARY",
        "A=CANARY",
        "=CANARY",
        "A=b,CANARY",
        "A=arn:CANARY",
        "PASSWORD=CANARY",
        "A=b,A=CANARY",
        "A=arn:aws:ssm:CANARY:123456789012:parameter/x",
        "SERVICE_PORT=CANARY",
        "A=<X>CANARY",
        "A=\x07CANARY",
        "A={{resolve:CANARY}}",
    ],
)
def test_values_of_variables_are_never_repeated(write_env: WriteEnv, key: str, text: str) -> None:
    assert "CANARY" not in report(write_env(**{"nonsense": "x", key: text}))


@pytest.mark.parametrize("key", ["contaner_secrets", "DB_PASSWORD", "GITHUB_TOKEN", "github_token"])
def test_value_of_an_unknown_key_is_not_repeated(write_env: WriteEnv, key: str) -> None:
    assert "CANARY" not in report(write_env(**{key: "CANARY"}))


@pytest.mark.parametrize(
    "lines",
    [
        "container_secrets=A=CANARY\n",
        'container_secrets="A=CANARY\n',
        '="CANARY"\n',
        f"{LEAK}\n",
        f"{LEAK}=\n",
        "hunter2CANARY\n",
        f"-----BEGIN PRIVATE KEY-----\n{'CANARY' * 10}AAAA\nCANARY=\n-----END PRIVATE KEY-----\n",
    ],
)
def test_text_of_a_spoiled_line_is_not_repeated(write_env: WriteEnv, lines: str) -> None:
    path = write_env()
    path.write_text(lines + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert "CANARY" not in report(path)


@pytest.mark.parametrize("key", ["namespaces", "availability_zones"])
def test_secret_key_among_the_items_of_a_list_is_not_repeated(
    write_env: WriteEnv, key: str
) -> None:
    secret = "CANARYrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKE"[:40]
    assert "CANARY" not in report(write_env(**{key: f"a,{secret}"}))


@pytest.mark.parametrize("key", ["health_check_command", "repository_name", "vpc_cidr"])
def test_credential_has_no_place_in_any_key(write_env: WriteEnv, key: str) -> None:
    assert "looks like a credential" in report(write_env(**{key: f"curl {LEAK}"}))
