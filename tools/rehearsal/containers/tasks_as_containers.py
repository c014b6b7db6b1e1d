"""Tasks as containers: two services deployed on an engine, looked at, called, delivered to."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backend_service.names import AlarmKind, alarm_name
from settings.examples import ACCOUNT, REGION
from tools.container_engine import Engine, NoEngineError, build_image
from tools.container_engine.ownership import KEPT_IMAGES
from tools.local_aws import NO_DELAYS, Delays
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.console_report import ConsoleReport
from tools.rehearsal.containers import deliveries
from tools.rehearsal.containers.callers import calling
from tools.rehearsal.containers.context import ORDERS, ContainerContext
from tools.rehearsal.containers.network import aws_with_containers
from tools.rehearsal.context import CORE, SERVICE, read_deliverable
from tools.rehearsal.expectation import expect, expect_all, expect_true, wait_until
from tools.rehearsal.pipeline.docker_command import available_engine, docker_command
from tools.rehearsal.scenarios.first_deploy import store_token
from tools.rehearsal.workspace import Workspace
from tools.repository import ROOT

APPLICATION = ROOT / "application-code" / "ecsdemo-backend"
CACHE = ROOT / ".cache" / "container_engine"
CHART = ROOT / ".cache" / "laptop.svg"
SEED = f"{KEPT_IMAGES}/seed:first"
TOGETHER = ".env,orders.env"

_LOG_SECONDS = 10
_CALLS, _CALLING_SECONDS = 60, 30
_LEAST_SHARE = 0.15
_ERROR_PATHS = ("ERROR", "FATAL", "Exception", "level=error")
_ERRORS_A_MINUTE = 9
_ERROR_MINUTES = 5
"""As far back as the alarm looks."""

NOT_SHOWN = (
    "containers of the image that the buildspec builds, their health checks and logs",
    "names that resolve for another service, and each task's share of its calls",
    "calls that go on during a delivery, a crash, and the rollback of a bad version",
)


def available() -> Engine:
    """Return an engine that has the base image; ``NoEngineError`` says what is missing."""
    return available_engine(APPLICATION / "Dockerfile")[0]


def build_seed(engine: Engine) -> None:
    """Have the image ``SEED``, of the sample service: for first tasks, and with Python in it."""
    build_image(engine, APPLICATION, SEED, CACHE, build_args={"REVISION": "first"})


def leave_out(report: ConsoleReport, reason: NoEngineError) -> None:
    """Say at the end what is not shown without an engine."""
    report.leave_out(f"tasks as containers: {reason}")
    for each in NOT_SHOWN:
        report.leave_out(each)


def run(
    report: ConsoleReport,
    engine: Engine,
    *,
    working_tree: bool = False,
    delays: Delays = NO_DELAYS,
    tasks: int = 3,
    chart: Path = CHART,
    drain_seconds: int | None = None,
) -> None:
    """Do it all with tasks that are containers.

    With ``working_tree`` the files that are delivered are as they are on disk, not as committed.
    ``tasks`` is how many the backend has. ``drain_seconds`` is another draining time than the
    template's, to see what it is worth; if it is shorter than TTL and DNS together, no caller is
    expected not to notice a delivery.
    """
    report.section("Tasks as containers")
    report.say(_pace(delays))
    with (
        ScratchDirectory("docker") as scratch,
        # Outermost: at its end it removes the images, which no task may use any more.
        docker_command(scratch.path, APPLICATION / "Dockerfile") as docker,
        _deployable(report, engine, working_tree=working_tree, delays=delays) as context,
    ):
        _deploy(context, tasks)
        _call_by_name(context)
        _ask_for_errors(context)
        if drain_seconds is not None:
            with report.step(f"Tasks that drain for {drain_seconds} s"):
                deliveries.set_drain(context, drain_seconds)
        deliveries.run(context, docker, chart)


def _pace(delays: Delays) -> str:
    if delays == NO_DELAYS:
        return "Without delays: on AWS health counts after 30 s, and DNS may be 60 s late."
    return (
        f"At AWS's pace: Cloud Map acts on health after {delays.custom_health:g} s, DNS hears of "
        f"changes after {delays.records:g} s."
    )


@contextmanager
def _deployable(
    report: ConsoleReport, engine: Engine, *, working_tree: bool, delays: Delays
) -> Iterator[ContainerContext]:
    """Have a local AWS of its own, whose tasks are containers, ready for a first deploy."""
    with report.step("Build the image of the first tasks") as step:
        build_seed(engine)
        step.note = f"{engine.name}; it stands for seed_image, which is not downloaded"
    with (
        aws_with_containers(engine, account=ACCOUNT, region=REGION, helper=SEED, delays=delays) as (
            aws,
            network,
            feed,
        ),
        Workspace(aws) as workspace,
    ):
        context = ContainerContext(
            aws=aws,
            workspace=workspace,
            report=report,
            working_tree=working_tree,
            engine=engine,
            network=network,
            feed=feed,
            delays=delays,
        )
        with report.step("Start a local AWS, cdk bootstrap") as step:
            workspace.write_env()
            workspace.bootstrap()
            store_token(context)
            step.note = aws.endpoint_url
        read_deliverable(context)
        yield context


def _deploy(context: ContainerContext, count: int) -> None:
    """Deploy two services and look at their tasks from all sides."""
    report = context.report
    with report.step(f"cdk deploy --all -c env_file={TOGETHER}") as step:
        _write_env_files(context, count)
        context.workspace.deploy(env_file=TOGETHER)
        tasks = context.tasks()
        expect("running backend tasks", len(tasks), count)
        step.note = f"in {context.network.name}, {context.network.cidr}, without egress"
    with report.step("Tasks are containers of the image") as step:
        containers = context.containers()
        ids = [task["taskArn"].rpartition("/")[2] for task in tasks]
        expect_all("containers of the backend", containers, ids)
        addresses = [context.address(each) for each in containers.values()]
        expect_all("their addresses", addresses, context.task_addresses())
        zones = context.outputs(CORE)["AvailabilityZones"].split(",")
        expect("their zones", len({task["availabilityZone"] for task in tasks}), min(count, 3))
        expect_true("zones of the core", holds={t["availabilityZone"] for t in tasks} <= {*zones})
        step.note = ", ".join(sorted(addresses))
    with report.step("Their health checks pass") as step:
        expect("health", {task["healthStatus"] for task in tasks}, {"HEALTHY"})
        users = {context.engine("exec", c["Id"], "id", "-u") for c in containers.values()}
        expect_true("none runs as root", holds="0" not in users)
        step.note = f"run in the containers, user {', '.join(users)}"
    with report.step("Cloud Map names them, and no other") as step:
        deliveries.settle(context)
        instances = context.instances()
        found = [i["Attributes"]["AWS_INSTANCE_IPV4"] for i in instances]
        expect_all("what Cloud Map discovers", found, addresses)
        expect("health in Cloud Map", {i["HealthStatus"] for i in instances}, {"HEALTHY"})
        step.note = f"healthy instances: {len(found)}"
    with report.step("Their logs are in CloudWatch Logs") as step:
        seconds = wait_until(
            "every task has logged its start", lambda: _logs(context), _LOG_SECONDS
        )
        step.note = f"{context.outputs(SERVICE)['LogGroupName']}, {seconds:.1f} s later"


def _write_env_files(context: ContainerContext, count: int) -> None:
    write, cidr = context.workspace.write_env, context.network.cidr
    # Where DNS is never late nobody has to wait for tasks that drain.
    stop = {} if context.delays.records else {"stop_timeout_seconds": "30"}
    write(seed_image=SEED, vpc_cidr=cidr, desired_count=str(count), **stop)
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


def _logs(context: ContainerContext) -> bool:
    logs, group = context.aws.client("logs"), context.outputs(SERVICE)["LogGroupName"]
    events = logs.filter_log_events(logGroupName=group)["events"]
    started = {e["logStreamName"] for e in events if '"message": "starting"' in e["message"]}
    return len(started) == len(context.containers())


def _call_by_name(context: ContainerContext) -> None:
    """Call the backend from orders for a moment; every task must answer its share."""
    report = context.report
    with report.step("orders calls the backend by its name") as step:
        (container,) = context.containers(ORDERS).values()
        with calling(context.engine, container["Id"], context.url, ["plain"]) as (caller,):
            wait_until(
                "enough calls", lambda: len(caller.calls().requests) >= _CALLS, _CALLING_SECONDS
            )
            calls = caller.calls()
        expect("errors", calls.reasons(), {})
        shares, total = calls.shares("task"), len(calls.requests)
        expect_all("the tasks that answered", shares, context.containers())
        fair = all(count >= total * _LEAST_SHARE for count in shares.values())
        expect_true(f"each task has its share: {shares}", holds=fair)
        expect("zones that answered", len(calls.shares("zone")), min(len(shares), 3))
        by_task = " + ".join(map(str, sorted(shares.values())))
        step.note = f"{context.url}: {total} answers, {by_task} by task"


def _ask_for_errors(context: ContainerContext) -> None:
    """Ask for paths that read like errors: the log alarm stays off, and goes off for real ones."""
    with context.report.step("A caller asks for /ERROR") as step:
        (container,) = context.containers(ORDERS).values()
        # Several at once, as curl expands it.
        url = f"{context.url}{{{','.join(_ERROR_PATHS)}}}?[1-{_ERRORS_A_MINUTE}]"
        context.engine("exec", container["Id"], "curl", "--silent", "--output", "/dev/null", url)
        wanted = len(_ERROR_PATHS) * _ERRORS_A_MINUTE
        # Not exactly as many: on a busy machine an engine's log has had a line twice.
        wait_until(
            "the requests are in the log", lambda: len(_requests(context)) >= wanted, _LOG_SECONDS
        )
        asked = _requests(context)
        _log_for_minutes(context, asked)
        expect("the alarm that watches the log", _log_alarm(context), "OK")
        error = '{"level": "error", "message": "cannot reach the database"}'
        _log_for_minutes(context, [error] * _ERRORS_A_MINUTE)
        expect("the alarm when the service itself reports errors", _log_alarm(context), "ALARM")
        name = alarm_name(context.outputs(SERVICE)["PipelineName"], AlarmKind.LOG_ERRORS)
        context.aws.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue="OK", StateReason="the end of the rehearsed errors"
        )
        step.note = f"{len(asked)} a minute: no alarm; {_ERRORS_A_MINUTE} errors a minute: alarm"


def _requests(context: ContainerContext) -> list[str]:
    """Return what the service has logged of the requests for such paths."""
    logs, group = context.aws.client("logs"), context.outputs(SERVICE)["LogGroupName"]
    pattern = " || ".join(f'$.path = "/{path}"' for path in _ERROR_PATHS)
    events = logs.filter_log_events(logGroupName=group, filterPattern=f"{{ {pattern} }}")
    return [event["message"] for event in events["events"]]


def _log_for_minutes(context: ContainerContext, lines: Sequence[str]) -> None:
    """Log the same lines in each of the minutes that the alarm needs; nobody waits for them."""
    logs, group = context.aws.client("logs"), context.outputs(SERVICE)["LogGroupName"]
    stream, now = f"rehearsed/{secrets.token_hex(4)}", time.time()
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for minute in range(_ERROR_MINUTES):
        at = int((now - 60 * minute) * 1000)
        events = [{"timestamp": at, "message": line} for line in lines]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _log_alarm(context: ContainerContext) -> str:
    name = alarm_name(context.outputs(SERVICE)["PipelineName"], AlarmKind.LOG_ERRORS)
    answer = context.aws.client("cloudwatch").describe_alarms(AlarmNames=[name])
    return str(answer["MetricAlarms"][0]["StateValue"])
