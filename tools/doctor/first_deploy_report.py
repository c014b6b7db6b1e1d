"""Compare a deployed service with what the rehearsal said: ``make first-deploy-report``.

It only reads. The report on standard output is Markdown without account numbers and names. The exit
code is 1 if there is a difference.
"""

from tools.command_line import run

import argparse
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from settings import Settings
from tools.doctor.after_deploy import QUESTIONS, Answer, Deployed, NoAnswerError, Question, times
from tools.doctor.anonymous import without_names
from tools.doctor.check import ERRORS, result_of_error
from tools.operations.account import Account, OperationError, say
from tools.operations.service import DeployedService, choose
from tools.service_choice import load_chosen

_WIDTH = 80
_PASTE = (
    "Read the report, and paste it into a new issue of the blueprint with the form First deploy "
    "(.github/ISSUE_TEMPLATE/unproven.yml)."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report of one service, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make first-deploy-report", description=__doc__)
    parser.add_argument("--env-file", help="settings file, .env by default; several with commas")
    parser.add_argument("--service", help="the service_name, if there are several settings files")
    given = parser.parse_args(arguments)
    try:
        settings = choose(load_chosen(given.env_file), given.service)
        account = Account(settings)
        deployed = Deployed(DeployedService(settings, account))
    except OperationError as error:
        sys.exit(f"error: {error}")
    answers = [(question, ask(question, deployed)) for question in QUESTIONS]
    where = "a local AWS" if account.is_local else f"AWS, {settings.aws_region}"
    try:
        took = ", ".join(times(deployed))
    except (NoAnswerError, OperationError) as error:
        took = str(error)
    print("\n".join(report(settings, where, answers, took)))
    say(f"\n{textwrap.fill(_PASTE, _WIDTH)}")
    return int(any(isinstance(a, Answer) and a.rehearsed != a.found for _, a in answers))


def ask(question: Question, deployed: Deployed) -> Answer | str:
    """Return the answer, or why there is none: a denied call is a line of the report."""
    try:
        return question.answer(deployed)
    except NoAnswerError as reason:
        return str(reason)
    except OperationError as error:
        cause = error.__cause__
        return result_of_error(cause, deployed.aws).line if isinstance(cause, ERRORS) else str(error)
    except ERRORS as error:
        return result_of_error(error, deployed.aws).line


def report(
    settings: Settings, where: str, answers: Sequence[tuple[Question, Answer | str]], took: str
) -> Iterator[str]:
    """Yield the lines of the report, without names: differences first, then the rest."""
    different, equal, unknown = [], [], []
    for question, answer in answers:
        if isinstance(answer, str):
            unknown.append(f"- {question.about}: {answer}")
        elif answer.rehearsed == answer.found:
            equal.append(f"- {question.about}: {answer.found}")
        else:
            row = f' (docs/unproven.md: "{question.row}")' if question.row else ""
            different += [f"- **{question.about}**{row}", f"  - rehearsed: {answer.rehearsed}"]
            different.append(f"  - found: `{answer.found.replace('`', ' ')}`")
    core = "a core stack" if settings.core else "an existing core"
    source = "connection" if settings.delivery.connection_arn else "token"
    yield f"### First deploy on {where}, {datetime.now(UTC):%Y-%m-%d}"
    yield f"\nOn {core}, delivered with a {source}. {len(different) // 3} differences from the"
    yield f"rehearsal, {len(equal)} equal, {len(unknown)} without an answer."
    for title, lines in (
        ("Different", different),
        ("Equal", equal),
        ("Without an answer", unknown),
        ("Times, which the rehearsal cannot show", [f"- {took}"]),
    ):
        if lines:
            yield f"\n**{title}**\n"
        for line in lines:
            depth = 2 + len(line) - len(line.lstrip())
            yield textwrap.fill(
                without_names(line, settings),
                _WIDTH,
                subsequent_indent=" " * depth,
                break_long_words=False,
                break_on_hyphens=False,
            )


if __name__ == "__main__":
    run(main)
