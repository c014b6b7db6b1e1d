"""What a configuration costs, and that nothing in the templates is forgotten."""

import datetime
from collections.abc import Mapping
from pathlib import Path

import pytest

from settings import load_deployment
from settings.examples import ISOLATED, TOPOLOGIES, sample_env
from tools.cost.__main__ import main
from tools.cost.bill import Bill, price
from tools.cost.prices import read_prices
from tools.cost.report import WIDTH, report, task_price
from tools.example_templates import example_templates


def bill(**changes: str) -> Bill:
    return price(example_templates(**changes))


def cost_of(of: Bill, what: str) -> float:
    items = [item for items in of.fixed.values() for item in items if item.what == what]
    return sum(item.monthly or 0 for item in items)


@pytest.mark.parametrize("changes", TOPOLOGIES.values(), ids=TOPOLOGIES.keys())
def test_every_type_of_the_templates_has_been_looked_at(changes: Mapping[str, str]) -> None:
    assert bill(**changes).unpriced == ()


def test_a_type_that_nobody_has_looked_at_is_named() -> None:
    of = price({"S": {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}})
    assert of.unpriced == ("AWS::SQS::Queue",)
    assert of.total == 0


def test_a_nat_gateway() -> None:
    of = bill()
    assert cost_of(of, "NAT gateway") == pytest.approx(0.045 * 730)
    assert cost_of(of, "public IPv4 address") == pytest.approx(0.005 * 730)
    assert cost_of(of, "interface endpoints, by zone") == 0
    assert "nat-gateway-data" in of.by_use


def test_endpoints_are_paid_by_zone() -> None:
    of = bill(**ISOLATED)
    # ecr.api, ecr.dkr, logs, secretsmanager, ssm, ssmmessages, in two zones
    assert cost_of(of, "interface endpoints, by zone") == pytest.approx(6 * 2 * 0.01 * 730)
    assert cost_of(of, "NAT gateway") == 0
    assert "interface-endpoint-data" in of.by_use
    assert "nat-gateway-data" not in of.by_use


def test_tasks_by_size_and_processor() -> None:
    x86 = bill()
    assert cost_of(x86, "vCPUs of 3 tasks") == pytest.approx(3 * 0.25 * 0.04048 * 730)
    assert cost_of(x86, "GB of memory of 3 tasks") == pytest.approx(3 * 0.5 * 0.004445 * 730)
    arm = bill(**TOPOLOGIES["connected"])
    assert cost_of(arm, "vCPUs of 3 tasks") == pytest.approx(3 * 0.25 * 0.03238 * 730)
    assert "build-arm" in arm.by_use
    assert task_price(256, 512, arm=True) < task_price(256, 512, arm=False)


def test_scaling_alarms_that_no_template_shows() -> None:
    assert cost_of(bill(), "alarms of auto scaling") == pytest.approx(2 * 2 * 0.10)


def test_an_alarm_is_paid_by_metric() -> None:
    one = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}}
    metrics = [{"Id": "a", "MetricStat": {}}, {"Id": "b", "MetricStat": {}}, {"Expression": "a-b"}]
    two = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": metrics}}
    of = price({"S": {"Resources": {"One": one, "Two": two}}})
    assert of.total == pytest.approx(0.30)


def test_container_insights_belong_to_who_makes_the_cluster() -> None:
    metrics = "Container Insights metrics of the service"
    assert cost_of(bill(), metrics) == pytest.approx(21 * 0.30)
    assert cost_of(bill(**TOPOLOGIES["existing"]), metrics) == 0


def test_every_price_says_where_it_is_from() -> None:
    for name, entry in read_prices().items():
        assert isinstance(entry.date, datetime.date), name
        assert entry.page.startswith("https://aws.amazon.com/"), name
        assert entry.source.startswith("https://") is (entry.usd is not None), name


def printed(folder: Path, capsys: pytest.CaptureFixture[str], **changes: str) -> list[str]:
    path = folder / ".env"
    path.write_text(sample_env(**changes), encoding="utf-8")
    assert main(["--env-file", str(path)]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, of = printed(tmp_path, capsys), price(example_templates(), tokens=1)
    text = " ".join(line.strip() for line in lines)
    assert f"Fixed, all in all: ${of.total:.2f} a month" in text
    assert "eu-west-1 has prices of its own" in text
    assert "Outside the stacks" in text
    assert max(map(len, lines[1:])) <= WIDTH
    # The sum of what is shown is the total, to a cent for each line.
    rows = [line for line in lines[: lines.index("Paid by use")] if " per " in line]
    shown = [float(row.rpartition("$")[2]) for row in rows]
    assert sum(shown) == pytest.approx(of.total, abs=0.01 * len(shown))


def test_the_name_of_the_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2Ja\n.env"
    path.write_text(sample_env(), encoding="utf-8")
    first = next(iter(report(load_deployment(str(path)), price({}))))
    assert r"\x1b[2Ja\n.env costs in a month" in first


def test_in_us_east_1_it_is_no_estimate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(tmp_path, capsys, aws_region="us-east-1", connection_arn="")
    assert "estimate" not in "\n".join(lines)


def test_both_kinds_of_egress_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(tmp_path, capsys, enable_nat_gw="False")
    of = price(example_templates(enable_nat_gw="False"), tokens=1)
    (yours,) = (line for line in lines if line.startswith("  interface endpoints   "))
    assert yours.endswith("yours")
    assert f"${of.total:.2f}" in yours
    assert any(line.startswith("  NAT gateway   ") for line in lines)


def test_settings_that_are_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".env").write_text("task_cpu=300\n", encoding="utf-8")
    assert main(["--env-file", str(tmp_path / ".env")]) == 1
    assert "task_cpu" in capsys.readouterr().err
