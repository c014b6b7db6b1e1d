"""The answers: what the file says in the keys that its topology uses, defaults included."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from . import keys
from .credentials import PRIVATE_KEYS, has_credential, showable
from .env_file import EnvFile
from .placeholder import has_placeholder
from .problems import Problem, UnfitError
from .yes_no import yes_no

# What begins with these is a reference for CDK or CloudFormation: they replace it with something
# that the file does not say, or refuse the template (cfn-lint E1029, one of CDK's default rules).
_REFERENCES = ("${", "#{Token[", "{{resolve:")
_LONGEST = 65_536  # of a whole task definition (Amazon ECS service quotas)
_MOST_SUGGESTIONS = 100  # each takes a millisecond, and a file can have a hundred thousand keys


@dataclass(frozen=True, slots=True)
class Answers:
    """The usable texts, by key. What is not usable is absent, and among the `problems`.

    `deploy_core_stack` is None if the file does not say it properly. `shares_core` if the service
    runs on the core stack that another file of the same deployment creates.
    """

    file: EnvFile
    deploy_core_stack: bool | None
    shares_core: bool
    texts: Mapping[str, str]
    problems: tuple[Problem, ...]

    def problem(self, key: str, message: str) -> Problem:
        """Describe what is wrong with the value of a key."""
        return _problem(self.file, key, message)


def answers_of(file: EnvFile, clusters_in_reach: frozenset[str] = frozenset()) -> Answers:
    """Pick the answers out of a file, and notice what needs no knowledge of their meaning.

    `clusters_in_reach` are the clusters that other files of the same deployment create.
    """
    problems = list(file.problems)
    silent = set(file.spoiled)
    for key, meant in _unknown_keys(file):
        hint = f"; did you mean {meant}?" if meant else ""
        given = file.texts.get(key, "") if meant and meant not in PRIVATE_KEYS else None
        shown = None if given is None else showable(key, given)
        problems.append(Problem(key, f"unknown key{hint}", shown, file.lines[key]))
        if meant and meant not in file.lines:
            silent.add(meant)  # one mistake, one problem: it is not missing too

    deploy_core_stack = creates_core(file)
    shares_core = (
        deploy_core_stack is False and file.texts.get("ecs_cluster_name") in clusters_in_reach
    )
    required, optional = _keys_in_use(file, deploy_core_stack, shares_core=shares_core)
    texts: dict[str, str] = {}
    for key in keys.ALL_KEYS:
        if key in silent or key not in required | optional:
            continue
        text = file.texts.get(key, keys.DEFAULTS.get(key))
        if key in optional and key in keys.IMPORT_KEYS and (not text or has_placeholder(text)):
            continue
        message = _objection(key, text, is_required=key in required)
        if message is not None:
            problems.append(_problem(file, key, message))
        elif text is not None:
            texts[key] = text
    return Answers(file, deploy_core_stack, shares_core, texts, tuple(problems))


def _unknown_keys(file: EnvFile) -> Iterator[tuple[str, str | None]]:
    unknown = (key for key in file.lines if key not in keys.ALL_KEYS)
    for key in islice(unknown, _MOST_SUGGESTIONS):
        near = difflib.get_close_matches(key.lower()[:80], keys.ALL_KEYS, n=1, cutoff=0.75)
        yield key, near[0] if near else None
    for key in unknown:
        yield key, None


def creates_core(file: EnvFile) -> bool | None:
    """Say whether the file creates a core stack, or None if it does not say so properly."""
    try:
        return yes_no(file.texts.get("deploy_core_stack"))
    except UnfitError:
        return None


def _keys_in_use(
    file: EnvFile, deploy_core_stack: bool | None, *, shares_core: bool
) -> tuple[set[str], set[str]]:
    """Return the keys that must be there and those that may, in the topology of the file."""
    used = {*keys.TARGET_KEYS, *keys.SERVICE_KEYS, *keys.DELIVERY_KEYS}
    optional = set(keys.DEFAULTS)
    if file.texts.get("connection_arn"):
        used.remove("github_token_secret_name")
    if deploy_core_stack is True:
        used.update(keys.CORE_KEYS)
    elif deploy_core_stack is False:
        used.update(keys.SHARED_CORE_KEYS if shares_core else keys.IMPORT_KEYS)
        if not shares_core:
            used.add("core_outputs_file")
        if shares_core or file.texts.get("core_outputs_file"):
            optional.update(keys.IMPORT_KEYS)
            name = file.texts.get("namespace_name", "")
            if not name or has_placeholder(name):
                used.add("namespaces")
    return used - optional, used & optional


def _objection(key: str, text: str | None, *, is_required: bool) -> str | None:
    why = ""
    if is_required and key in keys.IMPORT_KEYS and key not in keys.CORE_KEYS:
        why = ', as deploy_core_stack="False" needs it; or name a core_outputs_file'
    if text is None:
        return f"is missing{why}" if why else "is missing; see sample.env"
    if not text and is_required:
        return f"is empty; fill it in{why}"
    if has_placeholder(text):
        return f"is still a placeholder; fill it in{why}"
    return _misplaced(key, text)


def _misplaced(key: str, text: str) -> str | None:
    """Say what is in the text that no key takes, if anything."""
    if len(text) > _LONGEST:
        return f"is longer than {_LONGEST} characters, which nothing takes"
    if not text.isprintable():
        return "has an invisible character; write the value anew"
    # What is an ARN is judged by its form, and no secret has it.
    if key not in PRIVATE_KEYS and not key.endswith("_arn") and has_credential(text):
        return "looks like a credential, which belongs in Secrets Manager; no key takes one"
    if mark := next((mark for mark in _REFERENCES if mark in text), None):
        instead = "write $NAME" if mark == "${" else "leave it out"
        return f"CDK and CloudFormation take {mark} for a reference; {instead}"
    return None


def _problem(file: EnvFile, key: str, message: str) -> Problem:
    text = file.texts.get(key)
    given = None if text is None else showable(key, text)
    if key not in file.lines and keys.DEFAULTS.get(key):
        given = f'"{keys.DEFAULTS[key]}" (the default)'
    return Problem(key, message, given, file.lines.get(key))
