"""A secret in the wrong place of the settings file is refused, and not repeated."""

from pathlib import Path

import pytest

from settings.sample import sample_env
from tests.canary import CLASSIC_TOKEN, PASSWORD, TOKEN, files_in, holders
from tests.test_bad_file import run_app

pytestmark = pytest.mark.slow

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
    done = run_app(tmp_path)
    assert done.returncode == 1
    assert next(iter(MISPLACED[where])) in done.stderr
    if "environment" in where:
        assert "container_secrets" in " ".join(done.stderr.split())
    (tmp_path / ".env").unlink()
    assert holders({"stdout": done.stdout, "stderr": done.stderr} | files_in(tmp_path)) == []
