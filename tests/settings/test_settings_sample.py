"""sample.env: complete, explained, and in agreement with the settings."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dotenv.parser import parse_stream

from settings import Settings, SettingsError, load_settings
from settings.keys import ALL_KEYS, DEFAULTS, IMPORT_KEYS

SAMPLE = Path(__file__).parents[2] / "sample.env"
ESSENTIAL = {
    "repository_owner": "<REPO_OWNER>",
    "account_number": "<ACCOUNT_NUMBER>",
    "aws_region": "<REGION>",
}


@pytest.fixture(scope="module")
def sample() -> dict[str, str]:
    with SAMPLE.open(encoding="utf-8") as file:
        return {b.key: b.value or "" for b in parse_stream(file) if b.key is not None}


def test_sample_has_every_key_and_no_other(sample: dict[str, str]) -> None:
    assert sorted(sample) == sorted(ALL_KEYS)


@pytest.mark.parametrize("key", DEFAULTS)
def test_sample_shows_the_default_of_each_optional_key(sample: dict[str, str], key: str) -> None:
    assert sample[key] == DEFAULTS[key]


def test_three_placeholders_are_essential() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(SAMPLE)
    assert {p.key: p.given for p in caught.value.problems} == {
        key: f'"{text}"' for key, text in ESSENTIAL.items()
    }


def test_other_placeholders_are_those_of_an_existing_platform(sample: dict[str, str]) -> None:
    placeholders = {key for key, text in sample.items() if text.startswith("<")}
    assert placeholders - ESSENTIAL.keys() == set(IMPORT_KEYS) - {"ecs_cluster_name"}


def test_sample_deploys_with_the_essentials_alone(load: Callable[..., Settings]) -> None:
    settings = load()
    assert settings.core_stack_name == "CoreInfraStack"
    assert settings.service.task_cpu == 256


def test_every_value_is_written_in_double_quotes() -> None:
    lines = [line for line in SAMPLE.read_text(encoding="utf-8").splitlines() if line]
    written = [line for line in lines if not line.startswith("#")]
    assert len(written) == len(ALL_KEYS)
    assert [line for line in written if '="' not in line or not line.endswith('"')] == []


def test_every_group_of_keys_is_explained() -> None:
    groups = SAMPLE.read_text(encoding="utf-8").split("\n\n")
    for group in groups:
        assert group.lstrip("\n").startswith("#"), f"no comment above: {group}"


@pytest.mark.parametrize("key", DEFAULTS)
def test_optional_keys_are_called_optional(key: str) -> None:
    groups = SAMPLE.read_text(encoding="utf-8").split("\n\n")
    (group,) = [g for g in groups if f'\n{key}="' in g]
    assert "ptional" in group


def test_settings_know_nothing_of_the_cdk() -> None:
    code = (
        "import settings, sys; print([m for m in sys.modules if m in ('aws_cdk', 'boto3', 'jsii')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SAMPLE.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
