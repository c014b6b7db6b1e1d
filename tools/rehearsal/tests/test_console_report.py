"""The few lines of the CLI's output that a report shows."""

from tools.rehearsal.console_report import relevant_lines
from tools.repository import ROOT

FAILED = f"""\
✨  Synthesis time: 1.4s
✅  CoreInfraStack (no changes)
CoreInfraStack.VpcId = vpc-1

❌  BackendServiceStack failed to deploy
‣ DeploymentError: Resource updates failed:
  secret ecs-github-token not found
Source Location: ...aws-cdk-lib, jsii runtime
                 __init__ ({ROOT}/backend_service/pipeline.py:63)
                 main ({ROOT}/app.py:76)

   CloudTrail delivery can lag up to 15 minutes
"""


def test_verdicts_are_kept_and_a_failure_with_its_reasons_and_its_line_of_the_app() -> None:
    assert relevant_lines(FAILED) == [
        "✅  CoreInfraStack (no changes)",
        "❌  BackendServiceStack failed to deploy",
        "‣ DeploymentError: Resource updates failed:",
        "  secret ecs-github-token not found",
        "Source Location: __init__ (backend_service/pipeline.py:63)",
    ]


def test_without_a_verdict_the_errors_of_the_synthesis_or_the_last_line_are_kept() -> None:
    said = "one\nERROR no credentials (Construct Annotations)\n   A/B\nSynthesis finished\n"
    assert relevant_lines(said) == ["ERROR no credentials (Construct Annotations)"]
    assert relevant_lines("one\ntwo\n\n") == ["two"]
