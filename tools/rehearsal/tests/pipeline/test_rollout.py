"""The deploy action, with an ECS whose rollouts end as the test wants."""

from typing import Any

import pytest

from tools.rehearsal.pipeline.rollout import RolloutError, roll_out


class Ecs:
    """Has one service, on revision 2 of 3; a new deployment ends in ``outcome``."""

    def __init__(self, outcome: str) -> None:
        self.outcome = outcome
        self.service = {"taskDefinition": "app:2", "deployments": [{"taskDefinition": "app:2"}]}
        self.registered: dict[str, Any] = {}

    def list_tasks(self, **_: Any) -> dict[str, Any]:
        return {"taskArns": []}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": [self.service]}

    def describe_task_definition(self, taskDefinition: str) -> dict[str, Any]:  # noqa: N803
        containers = [{"name": "app", "image": "old"}, {"name": "log", "image": "log"}]
        described = {"taskDefinitionArn": taskDefinition, "revision": 2, "status": "ACTIVE"}
        memory = {"app:2": "in service", "app:3": "newest"}[taskDefinition]
        settings = {"family": "app", "memory": memory, "containerDefinitions": containers}
        return {"taskDefinition": described | settings}

    def register_task_definition(self, **revision: Any) -> dict[str, Any]:
        self.registered = revision
        return {"taskDefinition": {"taskDefinitionArn": "app:4"}}

    def update_service(self, **request: Any) -> None:
        if self.outcome != "gone":
            state = {"rolloutState": self.outcome, "rolloutStateReason": "because"}
            deployment = {"taskDefinition": request["taskDefinition"], **state}
            self.service["deployments"] = [deployment]


def deploy(ecs: Ecs, **images: str) -> str:
    return roll_out(ecs, cluster="c", service="app", images=images)


def test_the_revision_is_made_from_the_one_in_service() -> None:
    ecs = Ecs("COMPLETED")
    assert deploy(ecs, app="new") == "app:4"
    assert ecs.registered == {
        "family": "app",
        "memory": "in service",
        "containerDefinitions": [
            {"name": "app", "image": "new"},
            {"name": "log", "image": "log"},
        ],
    }


@pytest.mark.parametrize(
    ("outcome", "reason"), [("FAILED", "because"), ("gone", "app:4 was rolled back")]
)
def test_a_rollout_that_fails_is_an_error(outcome: str, reason: str) -> None:
    with pytest.raises(RolloutError, match=reason):
        deploy(Ecs(outcome), app="new")
