"""Composition root: reads the settings and puts the stacks together."""

import gc
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def print_error(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Print the traceback of an error; a full disk, of which jsii prints fifty lines, is one."""
    if "no space left on device" in str(error).lower():
        print("error: a disk is full (cdk.out, ~/.cache, or the temporary folder)", file=sys.stderr)
        sys.unraisablehook = lambda _: None  # jsii ends with another error, of its half start.
    else:
        sys.__excepthook__(kind, error, trace)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the app without a traceback.
    sys.excepthook = print_error
try:
    from aws_cdk import App, Environment, Stack, Tags

    from backend_service.stack import BackendServiceStack
    from core_infra.stack import CoreInfraStack
    from settings import Settings, SettingsError, load_deployment, shown_names
except ModuleNotFoundError as missing:
    if __name__ != "__main__":
        raise
    sys.exit(f"error: {missing} for {sys.executable}; run `make install`, or activate its .venv")


def add_stacks(app: App, deployment: Sequence[Settings]) -> None:
    """Add the core stacks, then a service stack for each of the settings."""
    cores: dict[str, CoreInfraStack] = {}
    for settings in deployment:
        if core := settings.core:
            stack = cores[core.ecs_cluster_name] = CoreInfraStack(
                app,
                settings.core_stack_name,
                env=_env(settings),
                core=core,
                endpoint_services=_called_from(core.ecs_cluster_name, deployment),
            )
            _tag(stack, settings)
    for settings in deployment:
        service = settings.service
        service_stack = BackendServiceStack(
            app,
            settings.service_stack_name,
            env=_env(settings),
            platform=settings.existing_platform
            or cores[service.ecs_cluster_name].platforms[service.namespace_name],
            service=service,
            delivery=settings.delivery,
        )
        _tag(service_stack, settings)


def _tag(stack: Stack, settings: Settings) -> None:
    """Tag each resource that takes tags. CDK's helper functions get those of the stack."""
    for key, value in settings.tags.items():
        Tags.of(stack).add(key, value)
        stack.tags.set_tag(key, value)


def make_app(
    deployment: Sequence[Settings],
    outdir: str | Path,
    *,
    context: Mapping[str, Any] | None = None,
    template_rules: bool = False,
) -> App:
    """Return the app, not yet synthesised, for a program that reads its templates.

    The CDK CLI runs the same app, with two differences. Assets are named and not copied. CDK looks
    nothing up in an account: what ``context`` does not have, it replaces by made-up values.
    """
    flags = json.loads(Path(__file__).with_name("cdk.json").read_text(encoding="utf-8"))["context"]
    app = App(
        auto_synth=False,
        analytics_reporting=False,
        builtin_cloud_formation_validation=template_rules,
        outdir=str(outdir),
        context={**flags, "aws:cdk:disable-asset-staging": True, **(context or {})},
    )
    add_stacks(app, deployment)
    return app


def templates_of(deployment: Sequence[Settings]) -> dict[str, Mapping[str, Any]]:
    """Synthesise the app in this process, without asking AWS; return the templates by stack."""
    with TemporaryDirectory(prefix="templates-") as folder:
        stacks = make_app(deployment, folder).synth().stacks
        return {stack.stack_name: stack.template for stack in stacks}


def _env(settings: Settings) -> Environment:
    return Environment(account=settings.account_number, region=settings.aws_region)


def _called_from(cluster_name: str, deployment: Sequence[Settings]) -> frozenset[str]:
    """Return the AWS services that the services on a cluster call."""
    services = (s.service for s in deployment if s.service.ecs_cluster_name == cluster_name)
    return frozenset().union(*(service.endpoint_services for service in services))


def main() -> None:
    """Synthesise the app, or report every problem of the settings and exit with 1."""
    gc.freeze()  # Otherwise Python searches all of aws_cdk for garbage, also when the process ends.
    # Stack traces of constructs end inside jsii, unless jsii adds Python's frames (decision 13).
    context = {"aws:cdk:disable-creation-stack-traces": os.getenv("JSII_HOST_STACK_TRACES") != "1"}
    # CDK's template rules take longer than the rest of the synthesis; `make check` applies them
    # (decision 13). The stack traces of CDK's messages to the CLI end inside jsii in any case.
    app = App(builtin_cloud_formation_validation=False, context=context, stack_traces=False)
    env_files = app.node.try_get_context("env_file")
    try:
        deployment = load_deployment(".env" if env_files is None else env_files)
    except SettingsError as error:
        sys.exit(str(error))
    if env_files is not None:
        # If `-c env_file=` is given twice, the CLI hands over only the last one.
        files = shown_names([str(settings.env_file) for settings in deployment])
        print(f"Settings: {files}", file=sys.stderr)
    add_stacks(app, deployment)
    app.synth()


if __name__ == "__main__":
    main()
