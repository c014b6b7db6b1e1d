"""Ask the account about everything that a deploy relies on: ``python -m doctor``.

Exit code 1 means that there is a problem.
"""

from tools.command_line import run

import argparse
import sys
from collections.abc import Sequence

from doctor.answer import Answer, Verdict, not_checked
from doctor.aws import Aws
from doctor.check import Case, Check
from doctor.github import GitHub
from doctor.plan import ESSENTIAL, checks_for
from doctor.refusal import ERRORS, answer_to
from doctor.report import Report
from settings import SettingsError, load_deployment


def main(arguments: Sequence[str] | None = None, *, github: GitHub | None = None) -> int:
    """Examine every settings file and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m doctor", description=__doc__)
    parser.add_argument(
        "--env-file", default=".env", help="settings file; several, comma-separated, make one app"
    )
    parser.add_argument(
        "--github", action="store_true", help="ask GitHub too, with the stored token"
    )
    options = parser.parse_args(arguments)
    try:
        deployment = load_deployment(options.env_file)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    report = Report()
    for settings in deployment:
        region = settings.aws_region
        report.heading(f"{settings.env_file}: account {settings.account_number}, {region}")
        examine(Case(settings, Aws(region), github or GitHub() if options.github else None), report)
    report.sum_up()
    return 1 if report.problems else 0


def examine(case: Case, report: Report) -> None:
    """Answer every question that the settings raise."""
    for check in ESSENTIAL:
        if _ask(check, case, report).verdict is Verdict.PROBLEM:
            report.add("everything else", not_checked("makes no sense before that is solved"))
            return
    for check in checks_for(case.settings):
        _ask(check, case, report)


def _ask(check: Check, case: Case, report: Report) -> Answer:
    report.begin(check.what)
    try:
        answer = check.examine(case)
    except ERRORS as error:
        answer = answer_to(error, case.aws)
    report.add(check.what, answer)
    return answer


if __name__ == "__main__":
    run(main)
