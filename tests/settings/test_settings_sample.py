"""sample.env and docs/settings.md: written from the settings, complete and explained."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dotenv.parser import parse_stream

from settings import Settings, SettingsError, load_settings
from settings.model import (
    ALL_KEYS,
    DEFAULTS,
    SECTIONS,
    SETTINGS,
    ExistingPlatformSettings,
    settings_in,
)
from settings.sample import ACCOUNT, REGION, sample_env, table, written_files

IMPORT_KEYS = [key for key in ExistingPlatformSettings.model_fields if key in ALL_KEYS]
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


@pytest.mark.parametrize("path", written_files(SAMPLE.parent), ids=lambda path: path.name)
def test_file_is_what_the_settings_say(path: Path) -> None:
    """When it fails: `make settings`."""
    assert path.read_text(encoding="utf-8") == written_files(SAMPLE.parent)[path]


def test_every_setting_is_one_field_with_a_description_and_an_example() -> None:
    described = [key for section in SECTIONS for key, _ in settings_in(section)]
    assert len(described) == len(set(described)), "described twice"
    for key, field in SETTINGS.items():
        assert field.description, key
        assert field.examples, key


def test_every_key_has_a_row_in_the_table() -> None:
    assert sorted(re.findall(r"^\| `([a-z_]+)` \|", table(), re.MULTILINE)) == sorted(ALL_KEYS)


EXAMPLES = {key: str((field.examples or [""])[0]) for key, field in SETTINGS.items()}


def test_examples_of_a_deployment_with_a_core_are_right(load: Callable[..., Settings]) -> None:
    # Each is right by itself, so the token's secret counts, and so does the connection.
    for changes in ({}, {"connection_arn": ""}):
        settings = load(**EXAMPLES | changes)
        assert settings.core is not None
        assert settings.stack_prefix == EXAMPLES["stack_prefix"]


def test_examples_of_an_existing_platform_are_right(load: Callable[..., Settings]) -> None:
    by_hand = {"deploy_core_stack": "False", "core_outputs_file": ""}
    assert load(**EXAMPLES | by_hand).existing_platform is not None


def test_filled_sample_differs_from_the_sample_in_what_was_filled_in() -> None:
    filled = sample_env(task_cpu="512", stack_prefix="")
    before = SAMPLE.read_text(encoding="utf-8").splitlines()
    changed = {new for new, old in zip(filled.splitlines(), before, strict=True) if new != old}
    assert changed == {
        "repository_owner='acme'",
        f"account_number='{ACCOUNT}'",
        f"aws_region='{REGION}'",
        "task_cpu='512'",
        "stack_prefix=''",
    }


def test_filled_sample_has_no_key_of_its_own() -> None:
    with pytest.raises(KeyError, match="has no key favourite_colour"):
        sample_env(favourite_colour="x")


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
