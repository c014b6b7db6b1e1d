"""Compare a deployed service with what the rehearsal shows: ``make first-deploy-report``.

It only reads. The report on standard output is Markdown without account numbers and names. The exit
code is 1 if there is a difference.
"""

from tools.command_line import run

import argparse
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import jmespath
from jmespath.exceptions import JMESPathError

from backend_service.names import task_log_group_name
from core_infra.service_discovery import NEGATIVE_TTL_SECONDS
from settings import Settings
from tools.doctor.account import credentials
from tools.doctor.anonymous import without_names
from tools.doctor.aws import Aws
from tools.doctor.check import ERRORS, Verdict, result_of_error
from tools.operations.account import OperationError
from tools.operations.service import choose
from tools.service_choice import add_options, load_chosen

_PASTE = (
    "\nRead the report, and paste it into a new issue of the blueprint with the form First deploy\n"
    "(.github/ISSUE_TEMPLATE/unproven.yml)."
)


class Answer(NamedTuple):
    """An answer of the account; without one, ``why_not`` says why.

    ``row`` are words of the row of docs/unproven.md that it is about.
    """

    about: str
    row: str
    rehearsed: str
    found: str
    why_not: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report of one service, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make first-deploy-report", description=__doc__)
    add_options(parser)
    given = parser.parse_args(arguments)
    try:
        settings = choose(load_chosen(given.env_file), given.service)
        aws = Aws(settings.aws_region)
        result = credentials(settings, aws)
        stacks = (settings.core_stack_name, settings.service_stack_name)
        if result.verdict is Verdict.PROBLEM:
            sys.exit(f"error: the credentials {result.line}")
        if not any(map(aws.stack_resources, stacks)):
            sys.exit(f"error: there is no stack {' or '.join(stacks)}: deploy first")
    except OperationError as error:
        sys.exit(f"error: {error}")
    except ERRORS as error:
        sys.exit(f"error: {result_of_error(error, aws).line}")
    account = Account(settings, aws)
    answers = list(account.answers())
    print("\n".join(report(settings, answers, list(account.times()))))
    print(_PASTE, file=sys.stderr)
    return int(any(not each.why_not and each.rehearsed != each.found for each in answers))


class Account:
    """Asks the questions of first_deploy_report.toml, and remembers named results."""

    def __init__(self, settings: Settings, aws: Aws) -> None:
        self._settings, self._aws = settings, aws
        self._names = _names(settings)

    def answers(self) -> Iterator[Answer]:
        """Yield the answers; a call that is denied or fails is one, too."""
        for question in self._entries("question"):
            found, why_not = self._ask(question)
            if not why_not and "name" in question:
                self._names[question["name"]] = found
            if "about" in question:
                rehearsed = "" if why_not else _filled(question["rehearsed"], self._names)
                texts = (question.get("row", ""), _text(rehearsed), _text(found), why_not)
                yield Answer(question["about"], *texts)

    def times(self) -> Iterator[str]:
        """Yield how long the stacks and the actions of a delivery took, as far as it is known."""
        for entry in self._entries("time"):
            found, _ = self._ask(entry)
            for what, begin, end in sorted(found or (), key=itemgetter(1)):
                if end:
                    yield f"{what} {(end - begin).total_seconds():.0f} s"

    def _entries(self, kind: str) -> Iterator[dict[str, Any]]:
        text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
        for entry in tomllib.loads(text)[kind]:
            if entry.get("when") != "core" or self._settings.core:
                yield entry

    def _ask(self, question: Mapping[str, Any]) -> tuple[Any, str]:
        """Return what was found, or why nothing was."""
        try:
            asked = _filled(question, self._names)
        except KeyError as missing:
            name = str(missing.args[0]).replace("_", " ")
            return None, f"it needs the {name}, which is not known"
        parameters = asked.get("with", {})
        if [] in parameters.values():
            return [], ""
        try:
            found = jmespath.search(asked["find"], self._reply(asked["call"], parameters))
        except ERRORS as error:
            return None, result_of_error(error, self._aws).line
        except JMESPathError as error:
            return None, f"the reply has another form: {error}"
        return found, "" if found is not None else "there is nothing yet"

    def _reply(self, call: str, parameters: Mapping[str, Any]) -> Any:
        service, _, operation = call.partition(".")
        client = self._aws.client(service)
        if client.can_paginate(operation):
            return client.get_paginator(operation).paginate(**parameters).build_full_result()
        return getattr(client, operation)(**parameters)


def _names(settings: Settings) -> dict[str, Any]:
    """Return what the questions need to know before they are asked."""
    service = settings.service
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=3)
    return {
        "settings": settings,
        "service": service,
        "delivery": settings.delivery,
        "log_group": task_log_group_name(service.ecs_cluster_name, service.service_name),
        "negative_ttl": NEGATIVE_TTL_SECONDS,
        "minute": minute.isoformat(),
        "next_minute": (minute + timedelta(minutes=1)).isoformat(),
    }


def _filled(value: Any, names: Mapping[str, Any]) -> Any:
    """Put the names into the texts of a value; ``{name}`` alone is the value of the name.

    Raises ``KeyError`` for a name that is not known.
    """
    if isinstance(value, dict):
        return {key: _filled(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, names) for each in value]
    if isinstance(value, str):
        alone = value.startswith("{") and value[1:-1] in names
        return names[value[1:-1]] if alone else value.format(**names)
    return value


def _text(found: Any) -> str:
    if isinstance(found, list):
        return " ".join(_text(each) for each in found if each is not None) or "none"
    if isinstance(found, bool):
        return "yes" if found else "no"
    return f"{found:g}" if isinstance(found, float) else str(found)


def report(settings: Settings, answers: Sequence[Answer], times: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the report, without names: differences first, then the rest."""
    different, equal, unknown = [], [], []
    for each in answers:
        found = without_names(each.why_not or each.found, settings).replace("`", " ")
        if each.why_not:
            unknown.append(f"- {each.about}: {found}")
        elif each.rehearsed == each.found:
            equal.append(f"- {each.about}: {found}")
        else:
            row = f' (docs/unproven.md: "{each.row}")' if each.row else ""
            different.append(f"- **{each.about}**{row}")
            rehearsed = without_names(each.rehearsed, settings)
            different += [f"  - rehearsed: {rehearsed}", f"  - found: `{found}`"]
    where = "a local AWS" if os.environ.get("AWS_ENDPOINT_URL") else f"AWS, {settings.aws_region}"
    core = "a core stack" if settings.core else "an existing core"
    source = "a connection" if settings.delivery.connection_arn else "a token"
    if settings.delivery.image_source_repository_arn:
        source = "images from elsewhere"
    yield f"### First deploy on {where}, {datetime.now(UTC):%Y-%m-%d}"
    yield f"\nOn {core}, delivered with {source}."
    for title, lines in (
        (f"{len(different) // 3} different from the rehearsal", different),
        (f"{len(equal)} as rehearsed", equal),
        (f"{len(unknown)} without an answer", unknown),
        ("Times, which no rehearsal shows", [f"- {', '.join(times) or 'none'}"]),
    ):
        yield f"\n**{title}**" + "\n" * bool(lines)
        yield from lines


if __name__ == "__main__":
    run(main)
