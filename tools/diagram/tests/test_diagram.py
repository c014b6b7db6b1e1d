"""The pictures show what the templates contain, and nothing else."""

import re
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import pytest

from settings.examples import TOPOLOGIES, example_deployment, sample_env
from tools.diagram.__main__ import main
from tools.diagram.filling import pictures_of
from tools.example_templates import example_templates
from tools.repository import ROOT

CHANGES = {
    **TOPOLOGIES,
    "one zone and one task": {"az_count": "1", "desired_count": "1", "max_count": "1"},
    "six zones": {"az_count": "6"},
    "six zones without NAT gateway": {"az_count": "6", "enable_nat_gw": "False"},
}


@cache
def pictures(topology: str) -> dict[str, str]:
    changes = CHANGES[topology]
    pictures = pictures_of(example_deployment(changes), example_templates(**changes))
    return {name: text for _, name, text in pictures}


def types_in(picture: str) -> tuple[set[str], set[str]]:
    """Return the resource types that a picture draws, and those that it says it leaves out."""
    root = ET.fromstring(picture)  # noqa: S314 - written by the code under test
    drawn = " ".join(element.get("data-types", "") for element in root.iter())
    return set(drawn.split()), {str(each.get("type")) for each in root.iterfind(".//{*}left-out")}


def texts_in(picture: str) -> list[str]:
    root = ET.fromstring(picture)  # noqa: S314 - written by the code under test
    return ["".join(text.itertext()) for text in root.iterfind(".//{*}text")]


@pytest.mark.parametrize("name", ["architecture.svg", "overview.svg"])
def test_the_pictures_in_docs_are_those_of_the_sample(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
    remedy = f"docs/{name} is out of date: run `make diagram` without a .env, and commit"
    assert committed == pictures("default")[name], remedy


@pytest.mark.parametrize("topology", CHANGES)
def test_every_resource_type_is_drawn_or_left_out_for_a_reason(topology: str) -> None:
    drawn, left_out = types_in(pictures(topology)["architecture.svg"])
    templates = example_templates(**CHANGES[topology]).values()
    types = {each["Type"] for template in templates for each in template["Resources"].values()}
    missing = types - drawn - left_out
    assert not missing, "draw them in tools/diagram/architecture.svg, or say there why not"
    if topology != "existing":  # whose core is drawn, although no template makes it
        assert drawn <= types


@pytest.mark.parametrize("topology", CHANGES)
def test_no_blank_and_no_attribute_of_the_drawing_is_left(topology: str) -> None:
    for picture in pictures(topology).values():
        assert not [text for text in texts_in(picture) if "{" in text]
        assert not re.search(r"data-(show|width|spread)|display=", picture)
        links = re.findall(r'(?:href="|url\()([^"#)]+)', picture)
        assert all(link.startswith("data:font/") for link in links), "it loads something"


@pytest.mark.parametrize(
    ("topology", "shown", "hidden"),
    [
        ("default", "NAT gateway", "Approve"),
        ("default", "Webhook", "Connection"),
        ("default", "no e-mail address", "sent by e-mail"),
        ("default", "Zone 3", "Zone 4"),
        ("default", "10.0.128.0/20", "Its zones"),
        ("isolated", "default, jobs.", "NAT gateway"),
        ("isolated", "ssm, ssmmessages", "10.0.128.0/20"),
        ("connected", "Approve", "Webhook"),
        ("connected", "on ARM64", "no e-mail address"),
        ("existing", "Its zones", "VPC flow logs"),
        ("six zones", "10.0.176.0/20", "Its zones"),
        ("one zone and one task", "1 task of 0.25 vCPU and 512 MB", "Zone 2"),
    ],
)
def test_what_is_shown_depends_on_the_settings(topology: str, shown: str, hidden: str) -> None:
    texts = texts_in(pictures(topology)["architecture.svg"])
    assert shown in texts
    assert hidden not in texts


def test_the_pictures_of_settings_files_are_named_after_the_stacks(tmp_path: Path) -> None:
    orders = {"deploy_core_stack": "False", "stack_prefix": "Orders", "service_name": "orders"}
    orders["ecr_repository_name"] = "orders"
    files = [tmp_path / "all.env", tmp_path / "orders.env"]
    for file, changes in zip(files, ({}, orders), strict=True):
        file.write_text(sample_env(**changes), encoding="utf-8")
    main(["--env-file", ",".join(map(str, files)), "--to", str(tmp_path)])
    picture = (tmp_path / "OrdersBackendServiceStack-architecture.svg").read_text(encoding="utf-8")
    assert {"ECS service orders", "10.0.0.0/16"} <= set(texts_in(picture))
