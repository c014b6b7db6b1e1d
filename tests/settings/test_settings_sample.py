"""sample.env: every key with its default, and a file that deploys once it is filled in."""

import pytest
from dotenv import dotenv_values

from settings import SettingsError, load_settings
from settings.examples import (
    ACCOUNT,
    ESSENTIALS,
    REGION,
    example_deployment,
    sample_env,
)
from settings.model import ALL_KEYS, DEFAULTS
from tests.repository import ROOT

SAMPLE = ROOT / "sample.env"
TEXT = SAMPLE.read_text(encoding="utf-8")
VALUES = dotenv_values(SAMPLE, interpolate=False)


def test_it_has_every_key_and_its_default() -> None:
    assert sorted(VALUES) == sorted(ALL_KEYS)
    assert {key: VALUES[key] for key in DEFAULTS} == DEFAULTS


def test_a_key_without_a_default_has_a_placeholder_or_an_example() -> None:
    assert [key for key in ALL_KEYS if not VALUES[key] and key not in DEFAULTS] == []


@pytest.mark.parametrize("key", DEFAULTS)
def test_a_key_that_may_be_left_out_is_called_optional(key: str) -> None:
    (group,) = (group for group in TEXT.split("\n\n") if f'\n{key}="' in group)
    assert "# Optional." in group or f"({key} is optional: " in group


def test_three_placeholders_are_essential() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(SAMPLE)
    assert {problem.key: problem.given for problem in caught.value.problems} == {
        "repository_owner": '"<REPO_OWNER>"',
        "account_number": '"<ACCOUNT_NUMBER>"',
        "aws_region": '"<REGION>"',
    }
    assert {problem.key for problem in caught.value.problems} == set(ESSENTIALS)


def test_a_filled_sample_differs_in_the_changed_lines() -> None:
    odd = """say "it's" \\ # $HOME"""
    filled = sample_env(task_cpu="512", container_environment=f"A={odd}").splitlines()
    changed = [new for new, old in zip(filled, TEXT.splitlines(), strict=True) if new != old]
    assert changed == [
        "repository_owner='acme'",
        f"account_number='{ACCOUNT}'",
        f"aws_region='{REGION}'",
        "task_cpu='512'",
        r"""container_environment='A=say "it\'s" \\ # $HOME'""",
    ]
    (settings,) = example_deployment({"container_environment": f"A={odd}"})
    assert settings.service.container_environment == {"A": odd}


def test_a_filled_sample_has_no_other_key() -> None:
    with pytest.raises(KeyError, match="has no key favourite_colour"):
        sample_env(favourite_colour="x")
