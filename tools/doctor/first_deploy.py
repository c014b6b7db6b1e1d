"""Print the steps of a first deploy with the names of your settings: ``make first-deploy``.

It asks nothing of AWS, and so it prints also what is done already.
"""

from tools.command_line import run

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app import templates_of
from backend_service.names import pipeline_url
from settings import Settings
from tools.cost.bill import HOURS, bill_of
from tools.doctor.github import NEEDED_SCOPES, TOKENS, command_to_store
from tools.init.proposal import FIRST_IMAGE
from tools.operations.account import OperationError
from tools.operations.service import choose
from tools.rehearsal.image_errors import health_path
from tools.service_choice import add_options, is_sample, load_chosen, shown_file

_NOTHING = frozenset({"", "None", "False"})


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the steps for one service."""
    parser = argparse.ArgumentParser(prog="make first-deploy", description=__doc__)
    add_options(parser)
    given = parser.parse_args(arguments)
    deployment = load_chosen(given.env_file)
    try:
        settings = choose(deployment, given.service)
    except OperationError as error:
        sys.exit(f"error: {error}")
    print(f"First deploy of {settings.service.service_name} ({shown_file(settings)})")
    cost = bill_of(templates_of(deployment)).total
    print("\n".join(steps(settings, deployment, given.env_file, cost)))


def steps(
    settings: Settings, deployment: Sequence[Settings], env_file: str | None, cost: float
) -> Iterator[str]:
    """Yield the lines of the steps that the settings of a service need.

    ``env_file`` are the files that the user has named. ``cost`` is in USD a month.
    """
    names = _names(settings, deployment, env_file)
    names["cost"] = f"about {cost:.0f} USD a month, {cost / HOURS:.2f} an hour"
    number = 0
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    for step in tomllib.loads(text)["step"]:
        if not _is_needed(step, names):
            continue
        if "title" in step:
            number += 1
            yield f"\n{number}. {step['title'].format(**names)}"
        yield step["text"].removeprefix("\n").format(**names)


def _is_needed(step: Mapping[str, Any], names: Mapping[str, object]) -> bool:
    """Say whether all texts of ``when``, and none of ``unless``, are something with the names."""
    when, unless = (
        [text.format(**names) not in _NOTHING for text in step.get(key, ())]
        for key in ("when", "unless")
    )
    return all(when) and not any(unless)


def _names(
    settings: Settings, deployment: Sequence[Settings], env_file: str | None
) -> dict[str, object]:
    """Return the names in the texts of the steps; ``make`` and ``cdk`` are ends of commands."""
    service, delivery = settings.service, settings.delivery
    cores = [each.core for each in deployment if each.core]
    core_stacks = [each.core_stack_name for each in deployment if each.core]
    secret, connection = str(delivery.github_token_secret_name), delivery.connection_arn or "::"
    store = command_to_store("create-secret --name", secret, settings.aws_region)
    host = f"{service.service_name}.{service.namespace_name}:{service.container_port}"
    files = f" ENV_FILE={env_file}" if env_file else ""
    return {
        "settings": settings,
        "service": service,
        "delivery": delivery,
        "cdk": f" -c env_file={env_file}" if env_file else "",
        "endpoints": any(not core.enable_nat_gw and core.az_count > 1 for core in cores),
        "several_tasks": service.desired_count > 1,
        "connection_service": connection.split(":")[2],
        "file": ".env" if is_sample(settings) else shown_file(settings),
        "files": files,
        "make": files + (f" SERVICE={service.service_name}" if len(deployment) > 1 else ""),
        "placeholder": service.seed_image == FIRST_IMAGE,
        "pipeline": pipeline_url(settings.aws_region, service.full_name),
        "sample": is_sample(settings),
        "scopes": " and ".join(sorted(NEEDED_SCOPES)),
        "stacks": " and ".join([*core_stacks, *(each.service_stack_name for each in deployment)]),
        "store": store.replace("| ", "|\n     ").replace(" --secret", " \\\n       --secret"),
        "tokens": TOKENS,
        "url": f"http://{host}{health_path(settings) or '/'}",
    }


if __name__ == "__main__":
    run(main)
