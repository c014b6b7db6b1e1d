"""Composition root: reads the settings and puts the stacks together."""

import sys

from aws_cdk import App, Environment

from backend_service.imported_platform import ImportedPlatform
from backend_service.stack import BackendServiceStack
from core_infra.log_retention import log_retention
from core_infra.service_platform import PlatformProvider
from core_infra.stack import CoreInfraStack
from settings import (
    CoreSettings,
    ExistingPlatformSettings,
    Settings,
    SettingsError,
    load_settings,
)


def add_stacks(app: App, settings: Settings) -> None:
    """Add the service's stack and, if the settings ask for it, the core that it runs on."""
    env = Environment(account=settings.account_number, region=settings.aws_region)
    platform: PlatformProvider
    match settings.platform:
        case ExistingPlatformSettings() as existing:
            platform = ImportedPlatform(existing)
        case CoreSettings() as core:
            platform = CoreInfraStack(
                app,
                settings.core_stack_name,
                env=env,
                cluster_name=core.ecs_cluster_name,
                namespace_names=core.namespace_names,
                vpc_cidr=core.vpc_cidr,
                az_count=core.az_count,
                zone_names=core.availability_zones,
                enable_nat_gw=core.enable_nat_gw,
                endpoint_services=settings.service.endpoint_services,
                log_retention=log_retention(core.log_retention_days),
            ).platform
    BackendServiceStack(
        app,
        settings.service_stack_name,
        env=env,
        platform=platform,
        service=settings.service,
        delivery=settings.delivery,
        log_retention=log_retention(settings.service.log_retention_days),
    )


def main() -> None:
    """Synthesise the app, or report every problem of the settings and exit with 1."""
    # Automatic synthesis would write an assembly even when the settings are rejected.
    app = App(auto_synth=False)
    try:
        settings = load_settings(app.node.try_get_context("env_file") or ".env")
    except SettingsError as error:
        sys.exit(str(error))
    add_stacks(app, settings)
    app.synth()


if __name__ == "__main__":
    main()
