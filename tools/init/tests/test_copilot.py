"""Manifests of Copilot, in the shape of its documentation, as settings."""

import re
import tomllib
from pathlib import Path

import pytest

from settings import Settings, load_settings
from settings.model import ALL_KEYS
from tools.init.__main__ import main
from tools.init.copilot import Manifest, ManifestError
from tools.init.tests.conftest import make_repository
from tools.repository import ROOT

MANIFEST = """
name: orders
type: Backend Service
image:
  build: {dockerfile: docker/Dockerfile, context: ., args: {VERSION: 1}}
  port: 8080
  healthcheck: {command: [CMD-SHELL, curl -f localhost:8080 || exit 1], start_period: 0s}
platform: linux/arm64
cpu: 512
memory: 1024
count:
  range: 2-6
  cpu_percentage: {value: 55, cooldown: {in: 30s}}
exec: true
network: {connect: true, vpc: {placement: private, security_groups: [sg-1]}}
env_file: orders.vars
variables: {VERSION: 1.10, WHERE: "${COPILOT_ENVIRONMENT_NAME}", DB_PASSWORD: hunter2, BOTH: "a,b"}
secrets:
  KEY: /copilot/${COPILOT_APPLICATION_NAME}/${COPILOT_ENVIRONMENT_NAME}/key
  DB: {secretsmanager: shop/db}
logging: {retention: 14, destination: {Name: cloudwatch}}
http: {path: /, healthcheck: {path: /health}}
later: x
environments:
  test: &more {count: 1, cpu: 1024}
  prod: {<<: *more, count: {range: {min: 3, max: 9}}, variables: {WHERE: here}}
"""
REQUIRED = ("--account", "123456789012", "--region", "eu-west-1")


def written(folder: Path, manifest: str, *arguments: str) -> Settings:
    files = {
        "docker/Dockerfile": "FROM scratch\nCOPY x /\nEXPOSE 80\n",
        "orders.vars": "LEVEL=1\n",
        "copilot/.workspace": "application: shop\n",
        "copilot/orders/manifest.yml": manifest,
    }
    path = make_repository(folder, files) / "copilot" / "orders" / "manifest.yml"
    env = folder / ".env"
    assert main(["--copilot", str(path), "--env-file", str(env), *REQUIRED, *arguments]) == 0
    return load_settings(env)


def test_a_manifest_becomes_settings_with_what_has_no_counterpart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = written(tmp_path, MANIFEST, "--copilot-env", "production")
    service, delivery = settings.service, settings.delivery
    assert (service.service_name, service.container_port) == ("orders", 8080)
    assert (delivery.folder_path, delivery.dockerfile) == (".", "docker/Dockerfile")
    assert (service.task_cpu, service.task_memory, service.cpu_architecture) == (512, 1024, "ARM64")
    assert (service.desired_count, service.max_count) == (2, 6)
    assert (service.cpu_target_percent, service.memory_target_percent) == (55, None)
    assert (service.enable_execute_command, service.log_retention_days) == (True, 14)
    assert service.container_environment == {"LEVEL": "1", "VERSION": "1.10", "WHERE": "production"}
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/copilot/shop/production/key"
    assert service.container_secrets == {"KEY": arn}
    assert service.start_period_seconds == 0
    later = "# After the first delivery: health_check_command='curl -f localhost:8080 || exit 1'"
    assert later in (tmp_path / ".env").read_text("utf-8")
    said = capsys.readouterr().out
    assert re.search(r'max_count +"6" +\S+manifest.yml: count.range\n', said)
    nearest = said.partition("what comes nearest:\n")[2].partition("\n\n")[0].splitlines()
    assert {line.partition(":")[0].strip() for line in nearest} == {
        *("image.build", "count.cpu_percentage.cooldown", "network.connect", "logging", "http"),
        *("network.vpc.security_groups", "variables.DB_PASSWORD", "variables.BOTH"),
        *("secrets.DB.secretsmanager", "later", "environments"),
    }
    assert "  network.connect: docs/recipes/service-connect.md" in said
    assert "hunter2" not in said


def test_an_environment_s_values_come_first_and_refused_ones_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = written(tmp_path, MANIFEST, "--copilot-env", "prod").service
    assert (service.desired_count, service.max_count) == (3, 9)
    assert (service.task_cpu, service.task_memory) == (256, 512), "not 1024 with 1024"
    assert service.container_environment["WHERE"] == "here"
    assert "  memory: task_memory: expected 2048 to 8192" in capsys.readouterr().out


def test_an_image_from_elsewhere_runs_first(tmp_path: Path) -> None:
    manifest = "name: orders\ntype: Backend Service\nimage: {location: 'quay.io/acme/orders:1'}\n"
    service = written(tmp_path, manifest).service
    assert (service.seed_image, service.container_port) == ("quay.io/acme/orders:1", 80)
    assert (service.desired_count, service.max_count) == (1, 1), "Copilot's default"


BOMB = "".join(f"{n}: &{n} {{<<: [{f'*{n - 1}, ' * 9}], a: *{n - 1}}}\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("type: Load Balanced Web Service", "it has a load balancer: see ECS Express Mode"),
        ("- type", "no other type has a counterpart"),
        ("a: {", "is not the YAML of a manifest"),
        ("a: " + "[\n" * 9_999, "is not the YAML of a manifest"),
        ("a: &a [*a]", "is not the YAML of a manifest"),
        (f"0: &0 {{a: b}}\n{BOMB}", "is larger than any manifest"),
        ("#" * 70_000, "is larger than any manifest"),
    ],
)
def test_what_is_no_manifest_of_a_backend_service_is_one_error(
    tmp_path: Path, manifest: str, said: str
) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(manifest, "utf-8")
    with pytest.raises(ManifestError, match=re.escape(said)):
        Manifest(path, None)


def test_the_tables_name_settings_and_files_that_exist() -> None:
    text = (ROOT / "tools" / "init" / "copilot.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    named = [*tables["same"].values(), *tables["meanings"].values()]
    assert {setting for settings in named for setting in settings} <= set(ALL_KEYS)
    assert all((ROOT / path).exists() for path in re.findall(r"[\w/-]+/[\w-]+\.(?:md|py)", text))
