"""The bill counts every resource of the templates that costs something."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from settings.examples import ISOLATED, TOPOLOGIES, sample_env
from tools.cost.__main__ import main
from tools.cost.bill import bill_of, read_table
from tools.example_templates import example_templates


@pytest.mark.parametrize("changes", TOPOLOGIES.values(), ids=TOPOLOGIES.keys())
def test_every_type_of_the_templates_has_a_price_or_is_free(changes: Mapping[str, str]) -> None:
    bill = bill_of(example_templates(**changes))
    assert bill.unknown_types == set()
    assert bill.by_use | bill.units.keys() <= read_table()["price"].keys()


def test_a_type_without_a_price_is_named() -> None:
    bill = bill_of({"Stack": {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}})
    assert "Without a known price: AWS::SQS::Queue" in "\n".join(bill.lines())


def test_the_units_of_the_sample() -> None:
    assert bill_of(example_templates()).units == {
        "public-ipv4": 1,
        "nat-gateway": 1,
        "hosted-zone": 1,
        "custom-metric": 10 + 21,
        "secret": 1,
        "fargate-x86-vcpu": 3 * 0.25,
        "fargate-x86-gb": 3 * 0.5,
        "alarm": 3 + 2 + 2 * 2,
        "dashboard": 1,
    }


def test_endpoints_are_billed_in_each_zone() -> None:
    isolated = bill_of(example_templates(**ISOLATED))
    # ecr.api, ecr.dkr, logs, secretsmanager, ssm and ssmmessages, in two zones
    assert isolated.units["interface-endpoint"] == 6 * 2
    assert "nat-gateway" not in isolated.units
    assert "interface-endpoint-data" in isolated.by_use


def test_prices_are_those_of_the_processor() -> None:
    bill = bill_of(example_templates(**TOPOLOGIES["connected"]))
    assert bill.units["fargate-arm-vcpu"] == 3 * 0.25


def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / ".env"
    file.write_text(sample_env(), encoding="utf-8")
    main(["--env-file", str(file)])
    printed = capsys.readouterr().out
    assert "NAT gateway                               1      32.85        32.85\n" in printed
