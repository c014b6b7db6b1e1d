"""What a user sees of a failure: the few lines that matter of all that the CLI prints."""

from rehearsal.narration import Narrator

_INDENT = " " * 12
_FAILED, _DONE = "❌", "✅"
# Where the CLI's message ends and its advice to the app's developers begins.
_ENDS = ("Source Location:", "CloudTrail delivery")


def essence(said: str) -> list[str]:
    """Return the CLI's verdicts, each failure with its reasons; its last line if it has none."""
    kept: list[str] = []
    in_failure = False
    lines = [line.rstrip() for line in said.splitlines()]
    for line in lines:
        if line.startswith((_FAILED, _DONE)):
            in_failure = line.startswith(_FAILED)
            kept.append(line)
        elif not line or line.lstrip().startswith(_ENDS):
            in_failure = False
        elif in_failure:
            kept.append(line)
    return kept or [line for line in lines if line][-1:]


def tell(narrator: Narrator, command: str, said: str) -> None:
    """Show a command and the essence of its answer, below the step that ran it."""
    narrator.say(f"{_INDENT}$ {command}")
    for line in essence(said):
        narrator.say(f"{_INDENT}  {line}")
