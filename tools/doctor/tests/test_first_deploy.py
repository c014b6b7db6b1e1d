"""The steps of a first deploy, and its report: only what the settings need, and without names."""

import re
import tomllib
from collections.abc import Mapping

import pytest

from settings.examples import CONNECTED, EXISTING, ISOLATED, PROMOTED, SECRET, example_deployment
from tools.doctor.first_deploy import steps
from tools.doctor.first_deploy_report import Answer, report
from tools.init.proposal import FIRST_IMAGE
from tools.repository import ROOT

TOKEN, APPROVE = "aws secretsmanager create-secret --name ecs-github-token", "until you approve"


@pytest.mark.parametrize(
    ("changes", "needed", "needless"),
    [
        (
            {},
            [TOKEN, "Deploy CoreInfraStack and Back", 'desired_count="1"'],
            [APPROVE, "get-connection", "endpoints"],
        ),
        (CONNECTED, [APPROVE, "get-connection", "team@example.com"], [TOKEN]),
        (
            PROMOTED,
            ["make deliver ENV_FILE=a.env IMAGE=sha256:<digest>"],
            [TOKEN, "starts by itself"],
        ),
        (EXISTING, ["Deploy BackendServiceStack"], ["CoreInfraStack"]),
        (
            {"seed_image": FIRST_IMAGE, "health_check_command": "", "container_port": "8080"},
            ["nothing answers on port 8080", "Now the health check"],
            [],
        ),
        (
            ISOLATED,
            ["make shell ENV_FILE=a.env COMMAND='curl --fail http://ecs", 'enable_nat_gw="True"'],
            ["CloudShell"],
        ),
    ],
)
def test_the_steps_are_those_that_the_settings_need(
    changes: Mapping[str, str], needed: list[str], needless: list[str]
) -> None:
    deployment = example_deployment(changes)
    text = "\n".join(steps(deployment[0], deployment, "a.env", 30.0))
    assert all(each in text for each in needed)
    # The CDK CLI synthesises the app in each of these commands.
    cdk = re.findall(r"npx cdk (?:[^\n]+\\\n)*[^\n]+", text)
    assert len(cdk) >= 3
    assert all(each.endswith("-c env_file=a.env") for each in cdk)
    assert not any(each in text for each in [*needless, "Write .env", "{", "None"])
    numbers = [int(each) for each in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_report_has_no_account_names_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    changes = ISOLATED | CONNECTED | {"tags": "team=Falcon", "repository_owner": "Acme-Corp"}
    (settings,) = example_deployment(changes)
    service, delivery = settings.service, settings.delivery
    secrets = [
        settings.account_number,
        settings.service_stack_name,
        service.full_name,
        service.namespace_name,
        service.ecr_repository_name,
        "Falcon",
        delivery.repository_owner.lower(),
        delivery.repository_name,
        *(str(delivery.connection_arn), str(delivery.notification_email), SECRET),
        *(
            "10.0.3.17",
            "subnet-0123456789abcdef0",
            "srv-utcrh6wavdkggqtk",
            "a" * 64,
            "AKIAIOSFODNN7EXAMPLE",
        ),
        f"{settings.account_number}.dkr.ecr.eu-west-1.amazonaws.com/x",
        "01234567-89ab-cdef-0123-456789abcdef",
    ]
    found = Answer("Tasks", "row", "3 COMPLETED", f"A (service {') failed ('.join(secrets)}) `x`")
    denied = found._replace(why_not=found.found)
    text = "\n".join(report(settings, [found, denied], ["Build 3 s"]))
    assert "1 different" in text
    assert "Tasks: A (service <account>) failed (<name>)" in text
    words = {part for each in secrets for part in re.split(r"[/:@. ]", each) if len(part) > 3}
    public = {"amazonaws", "eu-west-1", "secret", "default", "connection"}
    assert not {word for word in words - public if word.lower() in text.lower()}


def test_the_rows_of_the_questions_are_on_the_page() -> None:
    page = (ROOT / "docs" / "unproven.md").read_text(encoding="utf-8")
    table = (ROOT / "tools" / "doctor" / "first_deploy_report.toml").read_text(encoding="utf-8")
    rows = {question["row"] for question in tomllib.loads(table)["question"] if "row" in question}
    assert not {row for row in rows if row not in page}
