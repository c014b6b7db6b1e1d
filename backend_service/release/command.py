"""Run: a command of the new image, such as a database migration, before the rollout.

ECS runs it as a task of its own, of the task definition that the rollout is about to replace, with
the new image. The first call registers the definition and starts nothing. Each later call knows it
from its token, so ECS takes a repeated request to start the task for the same one.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from .action import ActionError, Outcome, Service
from .failed_rollout import SEPARATOR, reasons_of_end
from .images import digest_in


def run_command(
    image: str, service: Service, *, client: Callable[[str], Any], token: Mapping[str, Any]
) -> Outcome:
    """Run the command in ``image``; ``token`` is that of the call before.

    CodePipeline calls again until the command has ended, which may take hours. A rollback of the
    stage runs nothing: the command of an older image may not know the database. Raises ActionError
    with the last lines of the log if the exit code is not 0.
    """
    digest_in(service.repository, image)
    ecs = client("ecs")
    if not token:
        stages = client("codepipeline").get_pipeline_state(name=service.pipeline)["stageStates"]
        # The execution of this job is alone in the last stage.
        if stages[-1].get("latestExecution", {}).get("type") == "ROLLBACK":
            return Outcome("A rollback runs no command")
        begun = _register(ecs, image, service)
        return Outcome(f"{begun['taskDefinition']} runs the command", token=json.dumps(begun))
    arn = token.get("task") or _start(ecs, service, token)
    found = ecs.describe_tasks(cluster=service.cluster, tasks=[arn])["tasks"]
    # ECS may not show a new task at once.
    if not found or found[0]["lastStatus"] != "STOPPED":
        return Outcome(f"{arn} is running", token=json.dumps({**token, "task": arn}))
    (task,) = found
    codes = {each["name"]: each.get("exitCode") for each in task["containers"]}
    if codes.get(service.container) != 0:
        why = SEPARATOR.join(reasons_of_end(client("logs"), service, task))
        raise ActionError(f"the command before the rollout failed; no task is replaced: {why}")
    return Outcome(f"The command has ended well in {arn}")


def _register(ecs: Any, image: str, service: Service) -> dict[str, Any]:
    """Register the definition of the task; return all that a request to start it depends on."""
    answer = ecs.describe_services(cluster=service.cluster, services=[service.name])
    (found,) = answer["services"]
    # The rollout copies the same revision.
    used = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
    # DescribeTaskDefinition also returns what RegisterTaskDefinition does not take.
    taken = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    copied = {key: value for key, value in used.items() if key in taken}
    # With an entry point of the definition, neither ENTRYPOINT nor CMD of the image counts.
    first, *others = json.loads(service.command)
    changes = {"image": image, "entryPoint": [first], "command": others}
    copied["containerDefinitions"] = [
        {**each, **(changes if each["name"] == service.container else {})}
        for each in used["containerDefinitions"]
    ]
    copied["family"] = f"{service.pipeline}-command"
    registered = ecs.register_task_definition(**copied)["taskDefinition"]["taskDefinitionArn"]
    return {"taskDefinition": registered, "networkConfiguration": found["networkConfiguration"]}


def _start(ecs: Any, service: Service, token: Mapping[str, Any]) -> str:
    """Start the task; a repeated request with the same token starts no second one.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
    """
    started = ecs.run_task(
        **token,
        cluster=service.cluster,
        launchType="FARGATE",
        clientToken=token["taskDefinition"][-64:],  # which has at most 64 characters
    )
    if not started["tasks"]:
        raise ActionError(f"ECS did not start the command: {started['failures']}")
    return str(started["tasks"][0]["taskArn"])
