"""What a user sees of a failure: the few lines that matter of all that the CLI prints."""

import os
from collections.abc import Sequence

from settings.examples import ROOT
from tools.rehearsal.narration import Narrator

_INDENT = " " * 12
_FAILED, _DONE = "❌", "✅"
_ERROR = "ERROR "  # of a synthesis
# Where the reasons of a failure end: its place in the app follows, and then general advice.
_PLACE, _ADVICE = "Source Location:", "CloudTrail delivery"
_OURS = f"({ROOT}{os.sep}"


def essence(said: str) -> list[str]:
    """Return the CLI's verdicts, each failure with its reasons.

    Without a verdict these are the errors of the synthesis, or at least the last line.
    Of the frames of a failure's place in the app, the innermost of this project's own is kept.
    """
    kept: list[str] = []
    in_failure = in_place = False
    lines = [line.rstrip() for line in said.splitlines()]
    for line in lines:
        if line.startswith((_FAILED, _DONE)):
            in_failure = line.startswith(_FAILED)
            kept.append(line)
            in_place = False
        elif not line or line.lstrip().startswith((_PLACE, _ADVICE)):
            in_place = in_failure and line.startswith(_PLACE)
            in_failure = False
        elif in_place and _OURS in line:
            kept.append(f"{_PLACE} {line.strip().replace(_OURS, '(')}")
            in_place = False
        elif in_failure:
            kept.append(line)
    errors = [line for line in lines if line.startswith(_ERROR)]
    return kept or errors or [line for line in lines if line][-1:]


def as_typed(arguments: Sequence[str]) -> str:
    """Return the command line of a user who runs the CDK CLI with these arguments."""
    return f"npx cdk {' '.join(arguments)}"


def tell(narrator: Narrator, command: str, said: str) -> None:
    """Show a command and the essence of its answer, below the step that ran it."""
    narrator.say(f"{_INDENT}$ {command}")
    for line in essence(said):
        narrator.say_folded(f"{_INDENT}  ", line, indent=len(_INDENT) + 4)
