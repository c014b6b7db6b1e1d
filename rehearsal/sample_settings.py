"""Settings files made from sample.env, as a user would fill it in."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"
REGION = "eu-west-1"
ESSENTIALS = {"repository_owner": "acme", "account_number": ACCOUNT, "aws_region": REGION}


def sample_env(**changes: str) -> str:
    """Return sample.env with the three essential values filled in, and ``changes`` applied.

    A key that sample.env does not have is an error of the caller, as in ``.env`` itself.
    """
    wanted = ESSENTIALS | changes
    lines = []
    for line in (ROOT / "sample.env").read_text(encoding="utf-8").splitlines():
        key = line.partition("=")[0]
        lines.append(f"{key}='{wanted.pop(key)}'" if key in wanted else line)
    if wanted:
        raise KeyError(f"sample.env has no key {', '.join(sorted(wanted))}")
    return "\n".join(lines) + "\n"
