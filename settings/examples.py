"""Settings files to try the blueprint with: sample.env as a user would fill it in, and variants."""

import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from .load import load_deployment
from .model import Settings

_SAMPLE = Path(__file__).resolve().parents[1] / "sample.env"

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ESSENTIALS = {"repository_owner": "acme", "account_number": ACCOUNT, "aws_region": REGION}
"""The values that every user has to fill in."""

TOPOLOGIES: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("examples.toml").read_text(encoding="utf-8")
)
EXISTING, ISOLATED, CONNECTED, PROMOTED = (
    TOPOLOGIES[name] for name in ("existing", "isolated", "connected", "promoted")
)
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/db-AbCdEf"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/key"
KEY = ISOLATED["container_secrets_kms_keys"]
CONNECTION = CONNECTED["connection_arn"]


def sample_env(**changes: str) -> str:
    """Return sample.env with the three essential values filled in, and ``changes`` applied.

    Raises ``KeyError`` for a key that sample.env does not have.
    """
    text = _SAMPLE.read_text(encoding="utf-8")
    for key, value in (ESSENTIALS | changes).items():
        line = re.search(rf"^{key}=.*$", text, re.MULTILINE)
        if line is None:
            raise KeyError(f"sample.env has no key {key}")
        text = f"{text[: line.start()]}{key}={quoted(value)}{text[line.end() :]}"
    return text


def quoted(text: str) -> str:
    """Return a text of one line as a settings file writes it, whatever characters it has."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def example_deployment(*files: Mapping[str, str]) -> tuple[Settings, ...]:
    """Return the settings of one app made of several files, each sample.env with its changes."""
    with tempfile.TemporaryDirectory(prefix="example-") as folder:
        paths = [Path(folder) / f"{number}.env" for number in range(len(files))]
        for path, changes in zip(paths, files, strict=True):
            path.write_text(sample_env(**changes), encoding="utf-8")
        return tuple(load_deployment(",".join(map(str, paths))))
