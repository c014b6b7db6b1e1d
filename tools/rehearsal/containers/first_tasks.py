"""The first deploy, with containers: what ECS and Cloud Map say is what the engine runs."""

from tools.container_engine.ownership import KEPT_IMAGES
from tools.rehearsal.containers.stage import ORDERS, Stage, wait_until
from tools.rehearsal.expectation import expect, expect_all, expect_true
from tools.rehearsal.world import CORE, SERVICE

TOGETHER = ".env,orders.env"
_LOG_SECONDS = 10
SEED = f"{KEPT_IMAGES}/seed:first"


def play(stage: Stage) -> None:
    """Deploy two services and look at their tasks from all sides."""
    world, narrator = stage.world, stage.world.narrator
    with narrator.step(f"cdk deploy --all -c env_file={TOGETHER}") as step:
        _write_env_files(stage)
        world.workspace.deploy(env_file=TOGETHER)
        tasks = world.tasks()
        expect("running backend tasks", len(tasks), 3)
        step.note = f"in {stage.network.name}, {stage.network.cidr}, no way out"
    with narrator.step("Tasks are containers of the image") as step:
        containers = stage.containers()
        ids = [task["taskArn"].rpartition("/")[2] for task in tasks]
        expect_all("containers of the backend", containers, ids)
        addresses = [stage.address(each) for each in containers.values()]
        expect_all("their addresses", addresses, world.task_addresses())
        zones = world.outputs(CORE)["AvailabilityZones"].split(",")
        expect_all("their zones", {task["availabilityZone"] for task in tasks}, zones)
        step.note = ", ".join(sorted(addresses))
    with narrator.step("Their health checks pass") as step:
        expect("health", {task["healthStatus"] for task in tasks}, {"HEALTHY"})
        users = {stage.engine("exec", c["Id"], "id", "-u") for c in containers.values()}
        expect_true("none runs as root", holds="0" not in users)
        step.note = f"run in the containers, user {', '.join(users)}"
    with narrator.step("Cloud Map names them, and no other") as step:
        instances = stage.instances()
        found = [i["Attributes"]["AWS_INSTANCE_IPV4"] for i in instances]
        expect_all("what Cloud Map discovers", found, addresses)
        expect("health in Cloud Map", {i["HealthStatus"] for i in instances}, {"HEALTHY"})
        step.note = f"{len(found)} healthy instances"
    with narrator.step("Their logs are in CloudWatch Logs") as step:
        seconds = wait_until("every task has logged its start", lambda: _logs(stage), _LOG_SECONDS)
        step.note = f"{world.outputs(SERVICE)['LogGroupName']}, {seconds:.1f} s later"


def _write_env_files(stage: Stage) -> None:
    write, cidr = stage.world.workspace.write_env, stage.network.cidr
    write(seed_image=SEED, vpc_cidr=cidr)
    write(
        "orders.env",
        deploy_core_stack="False",
        stack_prefix=ORDERS.removesuffix("BackendServiceStack"),
        service_name="orders",
        container_name="orders",
        ecr_repository_name="orders",
        desired_count="1",
        seed_image=SEED,
        container_environment="BACKEND_URL=http://ecsdemo-backend.default.ecs-blueprint-infra.local:3000",
    )


def _logs(stage: Stage) -> bool:
    logs, group = stage.world.aws.client("logs"), stage.world.outputs(SERVICE)["LogGroupName"]
    events = logs.filter_log_events(logGroupName=group)["events"]
    started = {e["logStreamName"] for e in events if '"message": "starting"' in e["message"]}
    return len(started) == len(stage.containers())
