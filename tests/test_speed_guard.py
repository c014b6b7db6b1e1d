"""What must not grow unnoticed: counts that are the same on every machine.

`make bench` measures time; here a regression fails wherever the tests run. The limits leave a
little room. Raise one only with a reason.
"""

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from settings.examples import sample_env
from tests.repository import ROOT

MYPY = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
FOLLOWED = [
    {module.removesuffix(".*") for module in override["module"]}
    for override in MYPY["overrides"]
    if override.get("follow_imports") == "normal"
]
# Modules of aws_cdk that the default topology loads. Each costs time at every `cdk ls`.
(MODULES,) = (modules for modules in FOLLOWED if "aws_cdk" in modules)
MOST_CALLS_AT_IMPORT = 30
# Of these 30 for the repository of the builds and the function that releases them, and 27 for
# rights that are narrower than those that CDK's constructs grant.
MOST_CALLS_FOR_BOTH_STACKS = 377
MOST_CALLS_FOR_ONE_MORE_SERVICE = 297

PROBE = """
import gc, json, os, sys, tempfile
from pathlib import Path
from jsii._kernel.providers import process

calls = 0
send = process._NodeProcess.send

def counting(self, request, response_type):
    global calls
    calls += 1
    return send(self, request, response_type)

process._NodeProcess.send = counting
import app

at_import = calls
folder = Path(tempfile.mkdtemp())
for name, text in json.loads(sys.argv[1]).items():
    (folder / name).write_text(text)
deployment = app.load_deployment(",".join(str(folder / name) for name in (".env", "more.env")))
cdk_app = app.App(builtin_cloud_formation_validation=False, outdir=tempfile.mkdtemp())
service_stack = app.BackendServiceStack
counts = []

def noting(*arguments, **given):
    counts.append(calls - before)
    return service_stack(*arguments, **given)

app.BackendServiceStack = noting
before = calls
app.add_stacks(cdk_app, deployment)
app.BackendServiceStack = service_stack
_, one, two = [*counts, calls - before]
modules = sorted(
    name for name in sys.modules
    if name.startswith("aws_cdk.") and name.count(".") == 1 and not name.endswith("._jsii")
)
os.chdir(folder)
app.main()
print(json.dumps({
    "import": at_import, "one": one, "two": two, "modules": modules,
    "searched for garbage at the end": len(gc.get_objects()), "left alone": gc.get_freeze_count(),
}))
"""


@cache
def counted() -> dict[str, object]:
    more = sample_env(
        deploy_core_stack="False",
        stack_prefix="More",
        service_name="more",
        ecr_repository_name="more",
    )
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", PROBE, json.dumps({".env": sample_env(), "more.env": more})],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": folder, "CDK_OUTDIR": f"{folder}/cdk.out"},
            check=True,
            capture_output=True,
            text=True,
        )
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_no_module_of_aws_cdk_is_loaded_beyond_the_reviewed_ones() -> None:
    modules = counted()["modules"]
    assert isinstance(modules, list)
    assert set(modules) - MODULES == set()


def test_no_module_of_aws_cdk_is_imported_whose_types_nobody_checks() -> None:
    folders = [path for path in ROOT.glob("[a-z]*/") if path.name != "node_modules"]
    files = [*ROOT.glob("*.py"), *(file for folder in folders for file in folder.rglob("*.py"))]
    imported = {module for file in files for module in modules_of_aws_cdk(file)}
    assert {"aws_cdk.aws_ecs", "aws_cdk.assertions"} <= imported
    assert imported - set().union(*FOLLOWED) == set()


def modules_of_aws_cdk(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if "aws_cdk" in text else ():
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("aws_cdk."))
        elif isinstance(node, ast.ImportFrom) and node.module == "aws_cdk":
            yield from (f"aws_cdk.{a.name}" for a in node.names if a.name.islower())
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aws_cdk."):
            yield str(node.module)


def test_imports_take_few_calls_to_the_jsii_kernel() -> None:
    """Constants of CDK's types are made at import, once for all services."""
    at_import = counted()["import"]
    assert isinstance(at_import, int)
    assert 0 < at_import <= MOST_CALLS_AT_IMPORT


def test_both_stacks_take_few_calls_to_the_jsii_kernel() -> None:
    one = counted()["one"]
    assert isinstance(one, int)
    assert 0 < one <= MOST_CALLS_FOR_BOTH_STACKS


def test_one_more_service_takes_few_calls_to_the_jsii_kernel() -> None:
    one, two = counted()["one"], counted()["two"]
    assert isinstance(one, int)
    assert isinstance(two, int)
    assert 0 < two - one <= MOST_CALLS_FOR_ONE_MORE_SERVICE


def test_the_end_of_the_process_is_not_spent_on_what_the_imports_have_made() -> None:
    searched, left_alone = counted()["searched for garbage at the end"], counted()["left alone"]
    assert isinstance(searched, int)
    assert isinstance(left_alone, int)
    assert 10 * searched < left_alone
