"""What there is with an address for notifications, and without one."""

import pytest

from tests.synthesis import CONNECTED, TOPOLOGIES, synthesise

SERVICE = "BackendServiceStack"
PAID_FOR_NOTIFYING = (
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::Subscription",
    "AWS::KMS::Key",
    "AWS::Events::Rule",
)


@pytest.mark.parametrize("kind", PAID_FOR_NOTIFYING)
def test_without_an_address_nothing_is_there_to_notify_with(kind: str) -> None:
    assert synthesise().resources(SERVICE, kind) == {}


@pytest.mark.parametrize("kind", PAID_FOR_NOTIFYING)
def test_with_an_address_there_is(kind: str) -> None:
    assert synthesise(**CONNECTED).resources(SERVICE, kind)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_alarms_and_dashboard_are_always_there(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    assert len(synthesis.resources(SERVICE, "AWS::CloudWatch::Alarm")) == 4
    assert len(synthesis.resources(SERVICE, "AWS::CloudWatch::Dashboard")) == 1
