"""Credentials: recognising what must not stand in a settings file, nor in a report."""

import re

_SHAPES = re.compile(
    r"""
      (?:AKIA|ASIA)[A-Z0-9]{16}                    # AWS access key id
    | gh[pousr]_[A-Za-z0-9]{20,}                   # GitHub tokens
    | github_pat_[A-Za-z0-9_]{20,}
    | glpat-[A-Za-z0-9_-]{20,}                     # GitLab
    | xox[a-z]-[A-Za-z0-9-]{10,}                   # Slack
    | [sr]k_live_[A-Za-z0-9]{16,}                  # Stripe
    | eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,} # JSON web token
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | ://[^/\s:@]*:[^/\s@]+@                       # a URL with a password in it
    """,
    re.VERBOSE,
)
# An AWS secret access key or a classic GitHub token has no mark but its length.
_FORTY_CHARACTERS = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])")

_WORDS = (
    r"(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)"
)
_NAME = re.compile(_WORDS, re.IGNORECASE)
_NAME_END = re.compile(_WORDS + r"$", re.IGNORECASE)
_HARMLESS = re.compile(r"[0-9]+(?:\.[0-9]+)?[a-z]{0,2}|true|false|https?://[^\s?@]+", re.IGNORECASE)

PRIVATE_KEYS = frozenset({"container_environment", "container_secrets", "github_token_secret_name"})
_LONGEST_SHOWN = 80


def has_credential(text: str) -> bool:
    """Tell whether a well-known kind of credential is in the text."""
    return bool(_SHAPES.search(text))


def may_be_credential(text: str) -> bool:
    """Tell whether there is one, or something as long as one that has no other mark."""
    return has_credential(text) or bool(_FORTY_CHARACTERS.search(text))


def is_credential_variable(name: str, value: str) -> bool:
    """Tell whether an environment variable seems to carry a credential.

    `DB_PASSWORD` does, whatever its value. `MAX_TOKENS=4096` and `TOKEN_URL=https://...` do not:
    the word is not the end of the name, and the value is plainly harmless.
    """
    if not value:
        return False
    if has_credential(value) or _NAME_END.search(name):
        return True
    return bool(_NAME.search(name)) and not _HARMLESS.fullmatch(value)


def showable(key: str, text: str) -> str | None:
    """Return the value of a key as a report may show it, or None if it may not."""
    return None if key in PRIVATE_KEYS or may_be_credential(text) else _quoted(text)


def showable_item(text: str) -> str:
    """Return an item of a list as a message may name it."""
    return "one of them" if may_be_credential(text) else _quoted(text)


def _quoted(text: str) -> str:
    # A terminal must not be steered by the file.
    plain = "".join(c if c.isprintable() else "?" for c in text)
    if len(plain) > _LONGEST_SHOWN:
        plain = plain[: _LONGEST_SHOWN - 3] + "..."
    return f'"{plain}"'
