"""A secret in the wrong place of the settings file is refused, and not repeated."""

from pathlib import Path

import pytest

from settings.examples import sample_env
from tests.app_runs import call_app

CANARY = "CANARY"
TOKEN = f"ghp_{CANARY}6789abcdefghijABCDEFGHIJ012345"
PASSWORD = f"correct-horse-{CANARY}-staple"
CLASSIC_TOKEN = "0ddba11" * 5 + "cafed"
"""Of the oldest kind, which has no mark but its form."""

# Every other key and form: tests/settings/test_settings_secrecy.py and test_settings_redaction.py.
MISPLACED = {
    "a token as the name of its secret": {"github_token_secret_name": TOKEN},
    "a classic token as the name of its secret": {"github_token_secret_name": CLASSIC_TOKEN},
    "a key of a vendor in a command": {"health_check_command": f"curl -u sk-ant-{TOKEN} localhost"},
    "a password in the environment": {"container_environment": f"DB_PASSWORD={PASSWORD}"},
}  # fmt: skip


@pytest.mark.parametrize("where", MISPLACED)
def test_misplaced_secret_is_refused_and_not_repeated(where: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(sample_env(**MISPLACED[where]), encoding="utf-8")
    run = call_app(tmp_path)
    assert run.status == 1
    assert next(iter(MISPLACED[where])) in run.stderr
    if "environment" in where:
        assert "container_secrets" in " ".join(run.stderr.split())
    (tmp_path / ".env").unlink()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    for text in (run.stdout, run.stderr, *(f.read_bytes().decode("latin-1") for f in files)):
        assert CANARY not in text
        assert CLASSIC_TOKEN not in text
