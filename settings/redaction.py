"""Which values look like a credential, and how a report shows values and names.

Text of the user goes into templates and into reports on a terminal. The check for credentials is
a safety net for the usual mistakes. It is no scanner: a scanner belongs into the repository's CI.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

# The well-known beginnings of tokens of AWS, GitHub, GitLab, Slack, Stripe, OpenAI, Anthropic,
# Google, npm, PyPI, Hugging Face, Vault, Docker Hub, DigitalOcean, Grafana and Shopify; then JSON
# Web Tokens, the webhooks of Slack, and private keys.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|(?:gh[oprsu]_|npm_|hf_)[A-Za-z0-9]{30}"
    r"|(?:github_pat_|glpat-|xox[a-z]-|xapp-|[rs]k_(?:live|test)_|sk-(?:ant|proj|svcacct|admin)-"
    r"|AIza|GOCSPX-|ya29\.|pypi-|hv[bsr]\.|dckr_[op]at_|do[opr]_v1_|glsa_|glc_|shp(?:at|ca|pa|ss)_"
    r"|whsec_)[A-Za-z0-9_-]{16}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ"
    r"|hooks\.slack\.com/services/\w+/\w+/\w"
    r")|-----BEGIN [A-Z ]*PRIVATE KEY"
)
# A password or key inside a longer text: in a URL, in a connection string (JDBC, ODBC, Azure), or
# as an option of a command. After a dollar stands the name of a variable, which is no secret.
_PASSWORD_IN_URL = re.compile(r"://[^\s/?#@:]*:(?!\$[A-Za-z_]+@)[^\s/?#@]+@")
_PASSWORD_IN_TEXT = re.compile(
    r"(?<![a-z0-9])(?:[a-z]*password|passwd|accountkey|sharedaccesskey)\s*=\s*"
    r"[\"'{]?(?!true\b|false\b)[^\s&;\"'{$]"
    r"|;\s*pwd\s*=\s*[\"'{]?[^\s;\"'{$/]"
    r"|(?<![a-z0-9_])sig=[a-z0-9%/+]{40}"
    r"|\bcurl\b[^|;&]*\s(?:-u\s*|--user[\s=]+)[^\s:$]+:[^\s\"'$]",
    re.IGNORECASE,
)
# Only its length marks an AWS secret access key or a classic GitHub token. A slash can be a part of
# it, or stand before or after it in a path.
_FORTY_CHARACTERS = re.compile(r"(?<![A-Za-z0-9+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9+])")
_HAS_ALL_KINDS = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])")
_RANDOM = 4.2  # bits per character; one random key in 50,000 has less, and few paths have more

_WORD = (
    r"(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN(?!IZ)|CREDENTIALS?|API_?KEY|ACCESS_?KEY"
    r"|PRIVATE_?KEY)"
)
_WORD_IN_NAME = re.compile(_WORD, re.IGNORECASE)
# BYPASS and COMPASS end with PASS, too. So only the beginning or an owner may stand before PASS.
_WORD_AT_END = re.compile(
    rf"{_WORD}[0-9]*$"
    r"|(?:^|_)(?:(?:ADMIN|DB|LDAP|MYSQL|PG|REDIS|ROOT|SMTP|SQL|USER)?(?:PASS|PWD|PW)"
    r"|CREDS?|JWT|KEY)[0-9]*$",
    re.IGNORECASE,
)
# Names of an object or of half of a key pair, and of facts about a secret.
_HARMLESS_NAME = re.compile(
    r"(?:^|_)(?:(?:CACHE|HASH|IDEMPOTENCY|OBJECT|PARTITION|PRIMARY|PUBLIC|RANGE|ROUTING|S3|SORT)_KEY"
    r"|ALGORITHM|ARN|AUDIENCE|FILE|HEADER|ISSUER|LENGTH|LIFETIME|NAME|PATH|POLICY|PREFIX|TTL|TYPE)$",
    re.IGNORECASE,
)
# If a word is inside of the name, numbers and plain addresses are harmless. Booleans and the names
# of KMS keys are harmless in every variable.
_HARMLESS_INSIDE = re.compile(r"[0-9]+(?:\.[0-9]+)?[a-z]{0,2}|https?://[^\s?@]+", re.IGNORECASE)
_HARMLESS = re.compile(r"true|false|arn:aws[a-z-]*:kms:[^\s?@]+|alias/[^\s?@]+", re.IGNORECASE)

_LONGEST_VALUE = 80
_LONGEST_NAME = 300  # long enough for a path


def has_credential(text: str) -> bool:
    """Tell whether a well-known kind of token, key or password is in the text."""
    if any(form.search(text) for form in (_TOKEN, _PASSWORD_IN_URL, _PASSWORD_IN_TEXT)):
        return True
    runs = _FORTY_CHARACTERS.findall(text)
    return any(_HAS_ALL_KINDS.match(run) and _bits_per_character(run) > _RANDOM for run in runs)


def _bits_per_character(text: str) -> float:
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


def is_credential_variable(name: str, value: str) -> bool:
    """Tell whether an environment variable seems to carry a credential, by its name or value.

    ``DB_PASSWORD`` does with almost any value. ``MAX_TOKENS=4096`` and ``TOKEN_URL=https://...`` do
    not: the word does not end the name, and the value is harmless. ``REQUIRE_PASSWORD=true`` does
    not by its value, and ``SECRET_NAME`` and ``PARTITION_KEY`` do not by their names.
    """
    if not value or _HARMLESS.fullmatch(value):
        return False
    if has_credential(value):
        return True
    if _HARMLESS_NAME.search(name):
        return False
    if _WORD_AT_END.search(name):
        return True
    return bool(_WORD_IN_NAME.search(name)) and not _HARMLESS_INSIDE.fullmatch(value)


def shown_value(text: str) -> str | None:
    """Return a value as a report may show it, or None if it may be a credential."""
    if _FORTY_CHARACTERS.search(text) or has_credential(text):
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
