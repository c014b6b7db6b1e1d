"""Which values look like a credential, and how a report shows values and names.

Text of the user goes into templates and into reports on a terminal. The check for credentials is
a safety net for the usual mistakes. It is no scanner: a scanner belongs into the repository's CI.
"""

import re
from collections.abc import Sequence

# The well-known beginnings of tokens of AWS, GitHub, GitLab, Slack, Stripe, OpenAI, Anthropic,
# Google, npm, PyPI and Hugging Face; then JSON Web Tokens and private keys.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|(?:gh[oprsu]_|npm_|hf_)[A-Za-z0-9]{30}"
    r"|(?:github_pat_|glpat-|xox[a-z]-|xapp-|[rs]k_(?:live|test)_|sk-(?:ant|proj)-|AIza|pypi-)"
    r"[A-Za-z0-9_-]{16}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ"
    r")|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_PASSWORD_IN_URL = re.compile(r"://[^\s/?#@:]*:[^\s/?#@]+@")
_NAME_OF_CREDENTIAL = re.compile(
    r"(?:^|.*_)(?:[A-Z]*PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|TOKEN|CREDENTIALS?"
    r"|[A-Z]*(?:API|ACCESS|PRIVATE|SECRET|ENCRYPTION)_?KEY)",
    re.IGNORECASE,
)

_LONGEST_VALUE = 80
_LONGEST_NAME = 300  # long enough for a path


def has_credential(text: str) -> bool:
    """Tell whether a well-known kind of token, key or password in a URL is in the text."""
    return bool(_TOKEN.search(text) or _PASSWORD_IN_URL.search(text))


def is_credential_variable(name: str, value: str) -> bool:
    """Tell whether an environment variable seems to carry a credential, by its name or value.

    A boolean is none, so ``REQUIRE_PASSWORD=true`` is accepted.
    """
    if not value or value.lower() in {"true", "false"}:
        return False
    return bool(_NAME_OF_CREDENTIAL.fullmatch(name)) or has_credential(value)


def shown_value(text: str) -> str | None:
    """Return a value as a report may show it, or None if it looks like a credential."""
    if has_credential(text):
        return None
    plain = _escaped(text)
    return f'"{plain}"' if len(plain) <= _LONGEST_VALUE else f'"{plain[: _LONGEST_VALUE - 3]}..."'


def shown_item(text: str) -> str:
    """Return an item of a list as a message may name it."""
    return shown_value(text) or "one of them"


def shown_name(text: str) -> str:
    """Return the name of a file or stack as a report may print it, on one line and not too long."""
    plain = _escaped(text)
    if len(plain) > _LONGEST_NAME:
        half = _LONGEST_NAME // 2
        plain = f"{plain[:half]}...{plain[-half:]}"
    return plain if plain == plain.strip() != "" else f'"{plain}"'


def shown_names(names: Sequence[str]) -> str:
    """Return names as ``shown_name`` does, with commas between them."""
    return ", ".join(map(shown_name, names))


def _escaped(text: str) -> str:
    # Else a control character in the text could steer the terminal.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
