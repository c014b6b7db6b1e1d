"""A resource in the middle of the service stack cannot be made: its name is taken."""

from typing import Any

from tools.rehearsal.expectation import expect, expect_true
from tools.rehearsal.failures.stage import DEPLOY, DEPLOY_AS_TYPED, FAILED_STACK, Stage
from tools.rehearsal.failures.user_view import essence, tell
from tools.rehearsal.world import CORE, SERVICE


def play(stage: Stage) -> None:
    """Deploy beside somebody's ECS service of the same name, then without it."""
    stage.narrator.chapter("The cluster has a service of that name already, made by hand")
    foreign = ForeignService(stage)
    with stage.narrator.step("Refused and rolled back; theirs and the core stay") as step:
        found = stage.status()
        said = stage.workspace.failing_cdk(*DEPLOY)
        expect_true("the CLI says what is wrong", holds="not idempotent" in said)
        expect_true(
            "the CLI names the file", holds="backend_service/service.py:" in essence(said)[-1]
        )
        expect("status", stage.status(), "ROLLBACK_COMPLETE")
        expect("their service", foreign.status(), "ACTIVE")
        foreign.remove()
        stage.expect_core_alone(FAILED_STACK)
        step.note = f"the CLI deleted the stack in {found} and made it anew"
    tell(stage.narrator, DEPLOY_AS_TYPED, said)
    with stage.narrator.step("Without the cause: the second deploy succeeds") as step:
        said = stage.workspace.cdk(*DEPLOY)
        stage.expect_whole(CORE, SERVICE)
        step.note = f"{stage.status()}, and every resource is there"
    tell(stage.narrator, DEPLOY_AS_TYPED, said)


class ForeignService:
    """A service in our cluster, under our service's name, that no stack knows."""

    def __init__(self, stage: Stage) -> None:
        core = stage.world.outputs(CORE)
        self._ecs: Any = stage.world.aws.client("ecs")
        self._cluster, self._name = core["EcsClusterName"], "ecsdemo-backend"
        answer = self._ecs.register_task_definition(
            family="theirs",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "theirs", "image": "public.ecr.aws/nginx/nginx:1.29"}],
        )
        self._definition = answer["taskDefinition"]["taskDefinitionArn"]
        subnets = {"subnets": core["PrivateSubnetIds"].split(",")}
        self._ecs.create_service(
            cluster=self._cluster,
            serviceName=self._name,
            taskDefinition=self._definition,
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": subnets},
        )

    def status(self) -> str:
        """Return its status, as ECS has it."""
        answer = self._ecs.describe_services(cluster=self._cluster, services=[self._name])
        return str(answer["services"][0]["status"])

    def remove(self) -> None:
        """Leave nothing of it."""
        self._ecs.delete_service(cluster=self._cluster, service=self._name, force=True)
        self._ecs.deregister_task_definition(taskDefinition=self._definition)
