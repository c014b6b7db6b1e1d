"""What the code itself promises: who knows whom, and what is written beside what."""

import ast
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.repository import ROOT

CORE = sorted((ROOT / "core_infra").glob("*.py"))
BACKEND = sorted((ROOT / "backend_service").glob("*.py"))
SETTINGS = sorted((ROOT / "settings").glob("*.py"))
TOP = [ROOT / "app.py"]
PRODUCT = [*CORE, *BACKEND, *SETTINGS, *TOP]
OURS = {"app", "backend_service", "core_infra", "settings", "tests", "tools"}
# What the service may know of the core: the contract, and the logs that both declare alike.
OF_THE_CORE = {"core_infra.service_platform", "core_infra.logs"}
# Names without CDK, for everybody.
NAMES = {"backend_service.names", "core_infra.names"}
# The two places where the settings meet the constructs.
MAY_KNOW_SETTINGS = {"backend_service/stack.py", "backend_service/imported_platform.py"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each module of ours that a file imports, with the name that it takes from it."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield from ((module, alias.name) for alias in node.names)


def our_imports(path: Path) -> set[str]:
    return {module for module, _ in imports(path) if module.partition(".")[0] in OURS}


def public(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Yield the public classes and functions of a file, and the public methods of the classes."""
    for node in tree(path).body:
        members = [node, *node.body] if isinstance(node, ast.ClassDef) else [node]
        for member in members:
            if not isinstance(member, ast.ClassDef | ast.FunctionDef):
                continue
            if not member.name.startswith("_"):
                yield member


def construct_classes(path: Path) -> Iterator[ast.ClassDef]:
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef):
            bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
            if bases & {"Construct", "Stack"}:
                yield node


def constructor(of: ast.ClassDef) -> ast.FunctionDef:
    (found,) = (
        node for node in of.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    )
    return found


@pytest.mark.parametrize("path", BACKEND, ids=name_of)
def test_the_service_knows_of_the_core_only_the_contract_and_the_shared_logs(path: Path) -> None:
    known = {module for module in our_imports(path) if module.startswith("core_infra")}
    assert known <= OF_THE_CORE


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_knows_nobody(path: Path) -> None:
    others = {module for module in our_imports(path) if not module.startswith("core_infra")}
    assert others == set()


@pytest.mark.parametrize("module", sorted(NAMES))
def test_names_can_be_read_without_cdk_and_without_anything_of_ours(module: str) -> None:
    package, _, name = module.partition(".")
    for path in (ROOT / package / "__init__.py", ROOT / package / f"{name}.py"):
        taken = {module.partition(".")[0] for module, _ in imports(path)}
        assert taken <= sys.stdlib_module_names


@pytest.mark.parametrize("path", [*CORE, *BACKEND], ids=name_of)
def test_constructs_know_no_settings(path: Path) -> None:
    if name_of(path) not in MAY_KNOW_SETTINGS:
        assert not any(module.startswith("settings") for module in our_imports(path))


@pytest.mark.parametrize("path", SETTINGS, ids=name_of)
def test_the_settings_know_nothing_of_the_cdk_and_of_the_stacks_the_names_only(path: Path) -> None:
    modules = {module for module, _ in imports(path)}
    assert not {module.partition(".")[0] for module in modules} & {"aws_cdk", "constructs"}
    of_the_stacks = {m for m in modules if m.partition(".")[0] in {"core_infra", "backend_service"}}
    assert of_the_stacks <= NAMES


def test_only_the_app_loads_settings() -> None:
    loading = {"load_settings", "load_deployment"}
    outside = [*CORE, *BACKEND, *TOP]
    loaders = {
        name_of(path)
        for path in outside
        if any(
            module.partition(".")[0] == "settings" and name in loading
            for module, name in imports(path)
        )
    }
    assert loaders == {"app.py"}


def test_the_product_knows_neither_its_tests_nor_the_tools() -> None:
    """Who forks it may throw the tools away."""
    for path in PRODUCT:
        modules = {module.partition(".")[0] for module, _ in imports(path)}
        assert not modules & {"tests", "tools"}, name_of(path)


def test_the_tests_of_the_product_know_no_tool() -> None:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "application-code").rglob("*.py")]
    assert files
    for path in files:
        assert "tools" not in {module.partition(".")[0] for module, _ in imports(path)}, path


def test_no_file_is_a_drawer_for_anything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "lib"}
    assert not {path.stem for path in PRODUCT} & drawers


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_everything_public_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "the module"
    for member in public(path):
        assert ast.get_docstring(member), member.name


@pytest.mark.parametrize("path", [*CORE, *BACKEND], ids=name_of)
def test_children_are_created_in_the_construct_itself(path: Path) -> None:
    """``scope`` is for the base class; a construct that hangs children there leaks them."""
    for construct in construct_classes(path):
        used = [
            node
            for node in ast.walk(constructor(construct))
            if isinstance(node, ast.Name) and node.id == "scope"
        ]
        assert len(used) == 1, construct.name


@pytest.mark.parametrize("path", [*CORE, *BACKEND], ids=name_of)
def test_constructs_take_typed_keywords(path: Path) -> None:
    for construct in construct_classes(path):
        arguments = constructor(construct).args
        assert [argument.arg for argument in arguments.args] == ["self", "scope", "construct_id"]
        assert all(argument.annotation for argument in arguments.kwonlyargs), construct.name


@pytest.mark.parametrize("path", [*CORE, *BACKEND], ids=name_of)
def test_every_wildcard_resource_has_its_reason_on_the_line_above(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for above, line in pairwise(lines):
        if re.search(r"""resources=\[["']\*["']\]""", line):
            assert above.lstrip().startswith("#"), line
