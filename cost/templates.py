"""The templates of the settings, made in this process: the same code that a deploy runs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import App

from app import add_stacks
from rehearsal.local_aws.scratch import ScratchDirectory
from settings import Settings, VpcAttributes

Template = Mapping[str, Any]

_ROOT = Path(__file__).resolve().parents[1]


def templates_of(deployment: Sequence[Settings]) -> dict[str, Template]:
    """Synthesise the app; the templates by the name of their stack.

    Asks AWS nothing: a made-up VPC stands for one that would be looked up, which changes no count.
    """
    flags = json.loads((_ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    not_deployed = {
        # The hash of the assets is enough, and their warnings are for those who deploy.
        "aws:cdk:disable-asset-staging": True,
        "@aws-cdk/core:annotationsInValidationReport": False,
    }
    with ScratchDirectory("cost") as scratch:
        app = App(
            auto_synth=False,
            analytics_reporting=False,
            outdir=str(scratch.path / "cdk.out"),
            context={**flags, **not_deployed},
        )
        add_stacks(app, [_without_look_up(settings) for settings in deployment])
        return {stack.stack_name: dict(stack.template) for stack in app.synth().stacks}


def _without_look_up(settings: Settings) -> Settings:
    existing = settings.existing_platform
    if existing is None or existing.vpc is not None:
        return settings
    region = settings.aws_region
    vpc = VpcAttributes(
        vpc_id="vpc-0123456789abcdef0",
        vpc_cidr="10.0.0.0/16",
        availability_zones=(f"{region}a", f"{region}b"),
        public_subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        private_subnet_ids=("subnet-0123456789abcdef2", "subnet-0123456789abcdef3"),
    )
    known = existing.model_copy(update={"vpc_name": None, "vpc": vpc})
    return settings.model_copy(update={"platform": known})
