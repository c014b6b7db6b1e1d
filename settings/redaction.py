"""Redaction: what must not stand in a settings file, and what a report may show of one.

The forms of tokens are the business of detect-secrets. It takes longer to import than all of the
settings to read, so it is imported only for a text that has the looks of a token.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from detect_secrets.plugins.base import BasePlugin

# A token is long, with capitals or many digits; a path, a name or a command mostly is not.
_LONG_WORD = re.compile(r"[A-Za-z0-9_+=.-]{16,}|BEGIN")
_MIXED = re.compile(r".*[A-Z]|(?:[^0-9]*[0-9]){3}")
# Detectors that find much besides: passwords of Artifactory (any word that begins with "AP" and one
# of six letters) and public addresses; and those that go by names or by randomness alone.
_NOT_ASKED = frozenset({
    "ArtifactoryDetector", "Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector",
    "KeywordDetector",
})  # fmt: skip
# What detect-secrets 1.5.0 does not know: the beginnings that GitHub, Hugging Face, npm, Stripe,
# OpenAI, Anthropic, Google, Slack, Vault, Docker Hub, DigitalOcean, Grafana, Shopify, New Relic,
# Groq, Databricks and AWS (session tokens) give their tokens.
_MARKED = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:hf_|npm_|gsk_|[rs]k_test_)(?=[a-z]{0,40}[A-Z0-9])[A-Za-z0-9]{16}"
    r"|(?:AIza|GOCSPX-|ya29\.|github_pat_|sk-ant-|sk-proj-|sk-svcacct-|sk-admin-|xapp-|xox[cde]-"
    r"|hv[bsr]\.|dckr_[op]at_|do[opr]_v1_|glsa_|glc_|shp(?:at|ca|pa|ss)_|whsec_|NRAK-"
    r"|F[wQ]oGZXIvYXdz|IQoJb3JpZ2lu)"
    r"(?=[a-z_-]{0,40}[A-Z0-9])[A-Za-z0-9_+/-]{16}"
    r"|dapi[0-9a-f]{32}(?![A-Za-z0-9]))"
)
# Passwords and keys in the addresses of databases (JDBC, ODBC), of Azure, and in options of
# commands. What begins with a dollar is taken from a variable when the command runs.
_IN_PLACE = re.compile(
    r"(?<![A-Za-z0-9])(?:password|passwd|sharedaccesskey)\s*=\s*[\"'{]?(?!true\b|false\b)[^\s&;\"'{$]"
    r"|;\s*pwd\s*=\s*[\"'{]?[^\s;\"'{$/]"
    r"|(?<![a-z0-9_])sig=[a-z0-9%/+]{40}",
    re.IGNORECASE,
)
# An AWS secret access key or a classic GitHub token has no mark but its length. The slash may be
# a part of it, or what is before and behind it in a path.
_FORTY_CHARACTERS = re.compile(r"(?<![A-Za-z0-9+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9+])")
_OF_ALL_KINDS = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])")
_RANDOM = 4.2  # bits a character; one random key in 50 000 has less, and few paths have more

_PART, _OVERLAP, _MOST_JUDGED = 2048, 512, 65_536

_WORDS = (
    r"(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN(?!IZ)|CREDENTIALS?|API_?KEY|ACCESS_?KEY"
    r"|PRIVATE_?KEY)"
)
_NAME = re.compile(_WORDS, re.IGNORECASE)
# PASS is also the end of BYPASS and COMPASS: before it stands whose password it is, or nothing.
_NAME_END = re.compile(
    _WORDS + r"[0-9]*$"
    r"|(?:^|_)(?:(?:ADMIN|DB|LDAP|MYSQL|PG|REDIS|ROOT|SMTP|SQL|USER)?(?:PASS|PWD|PW)"
    r"|CREDS?|JWT)[0-9]*$",
    re.IGNORECASE,
)
_KEY_NAME = re.compile(r"(?:^|_)KEY[0-9]*$", re.IGNORECASE)
# Names of a row, an object or half of a key pair, of where a secret is rather than what it is, and
# of what is to be known about one.
_HARMLESS_NAME = re.compile(
    r"(?:^|_)(?:(?:CACHE|HASH|IDEMPOTENCY|OBJECT|PARTITION|PRIMARY|PUBLIC|RANGE|ROUTING|S3|SORT)_KEY"
    r"|ALGORITHM|ARN|AUDIENCE|FILE|HEADER|ISSUER|LENGTH|LIFETIME|NAME|PATH|POLICY|PREFIX|TTL|TYPE)$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"[0-9]+(?:\.[0-9]+)?[a-z]{0,2}|true|false|https?://[^\s?@]+", re.IGNORECASE)
_NAME_OF_A_KEY = re.compile(r"arn:aws[a-z-]*:kms:[^\s?@]+|alias/[^\s?@]+")

_LONGEST_SHOWN = 80
_LONGEST_NAME = 300  # as long as paths are in practice
_MOST_NAMES = 10


def has_credential(text: str) -> bool:
    """Tell whether a well-known kind of credential is in the text (in its first 64 KiB)."""
    text = text[:_MOST_JUDGED]
    if _has_password_in_url(text) or _MARKED.search(text) or _IN_PLACE.search(text):
        return True
    if any(map(_MIXED.match, _LONG_WORD.findall(text))) and any(
        any(detector.analyze_string(part)) for part in _parts(text) for detector in _detectors()
    ):
        return True
    runs = _FORTY_CHARACTERS.findall(text)
    return any(_is_random(run) for run in runs if _OF_ALL_KINDS.match(run))


def may_be_credential(text: str) -> bool:
    """Tell whether there is one, or something as long as one that has no other mark."""
    return bool(_FORTY_CHARACTERS.search(text)) or has_credential(text)


def _parts(text: str) -> Iterator[str]:
    # Some detectors take the square of a text's length; no token is longer than the overlap.
    for start in range(0, max(len(text) - _OVERLAP, 1), _PART - _OVERLAP):
        yield text[start : start + _PART]


@cache
def _detectors() -> Sequence["BasePlugin"]:
    # `analyze_string` looks at the text alone. What would ask the network is another method.
    from detect_secrets.core.plugins.util import (  # noqa: PLC0415
        get_mapping_from_secret_type_to_class,
    )

    plugins: Iterable[type[BasePlugin]] = get_mapping_from_secret_type_to_class().values()
    return [plugin() for plugin in plugins if plugin.__name__ not in _NOT_ASKED]


def _is_random(run: str) -> bool:
    from detect_secrets.plugins.high_entropy_strings import (  # noqa: PLC0415
        Base64HighEntropyString,
    )

    return Base64HighEntropyString().calculate_shannon_entropy(run) > _RANDOM


def _has_password_in_url(text: str) -> bool:
    for address in text.split("://")[1:]:
        try:
            if urlsplit(f"//{address.split()[0]}" if address.split() else "").password:
                return True
        except ValueError:
            continue
    return False


def is_credential_variable(name: str, value: str) -> bool:
    """Tell whether an environment variable seems to carry a credential.

    `DB_PASSWORD` does, whatever its value. `MAX_TOKENS=4096` and `TOKEN_URL=https://...` do not:
    the word is not the end of the name, and the value is plainly harmless. `PARTITION_KEY`,
    `SECRET_NAME` and `PASSWORD_POLICY` do not by their names, nor `KMS_KEY` with the ARN of a key.
    """
    if not value:
        return False
    if has_credential(value):
        return True
    if _HARMLESS_NAME.search(name):
        return False
    if _NAME_END.search(name):
        return True
    if _KEY_NAME.search(name):
        return not _NAME_OF_A_KEY.fullmatch(value)
    return bool(_NAME.search(name)) and not _HARMLESS.fullmatch(value)


def shown_value(text: str) -> str | None:
    """Return a value as a report may show it, or None if it may not."""
    return None if may_be_credential(text) else _quoted(text)


def shown_item(text: str) -> str:
    """Return an item of a list as a message may name it."""
    return "one of them" if may_be_credential(text) else _quoted(text)


def shown_name(text: str) -> str:
    """Return the name of a file or stack as a report may print it, on one line and not too long."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if len(plain) > _LONGEST_NAME:
        half = _LONGEST_NAME // 2
        plain = f"{plain[:half]}...{plain[-half:]}"
    return plain if plain == plain.strip() != "" else f'"{plain}"'


def shown_names(names: Sequence[str]) -> str:
    """Return names as `shown_name` does, with commas between them; of very many the first."""
    shown = ", ".join(shown_name(name) for name in names[:_MOST_NAMES])
    left_out = len(names) - _MOST_NAMES
    return shown if left_out <= 0 else f"{shown} and {left_out} more"


def _quoted(text: str) -> str:
    # A terminal must not be steered by the file.
    plain = "".join(c if c.isprintable() else "?" for c in text)
    if len(plain) > _LONGEST_SHOWN:
        plain = plain[: _LONGEST_SHOWN - 3] + "..."
    return f'"{plain}"'
