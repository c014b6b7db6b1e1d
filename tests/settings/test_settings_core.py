"""The core infrastructure."""

from collections.abc import Callable

import pytest

from settings import CoreSettings, Problem, Settings

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]


def core(settings: Settings) -> CoreSettings:
    assert settings.core is not None
    return settings.core


def test_core_of_the_sample(load: Load) -> None:
    settings = load()
    assert settings.existing_platform is None
    assert core(settings).model_dump() == {
        "vpc_cidr": "10.0.0.0/16",
        "ecs_cluster_name": "ecs-blueprint-infra",
        "namespaces": ("default",),
        "enable_nat_gw": True,
        "az_count": 3,
        "availability_zones": (),
        "log_retention_days": 30,
    }


def test_namespaces_are_trimmed_and_get_their_full_names(load: Load) -> None:
    settings = core(load(namespaces=" default , other", ecs_cluster_name="shop"))
    assert settings.namespaces == ("default", "other")
    assert settings.namespace_names == ("default.shop.local", "other.shop.local")


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        ("default,", "empty item"),
        (",", "empty item"),
        ("a,,b", "empty item"),
        ("a,b, a", '"a" is there twice'),
        ("Default", "lower-case letters"),
        ("-a", "lower-case letters"),
        ("a-", "lower-case letters"),
        ("a_b", "lower-case letters"),
        ("a" * 64, "lower-case letters"),
        ("default.shop.local", "has a dot"),
        ("ünder", "lower-case letters"),
    ],
)
def test_impossible_namespaces(problems: Problems, namespaces: str, expected: str) -> None:
    found = problems(namespaces=namespaces)
    assert list(found) == ["namespaces"]
    assert expected in found["namespaces"].message


@pytest.mark.parametrize("name", ["My-Cluster", "my_cluster", "a" * 64, "my.cluster", "-x"])
def test_cluster_name_that_cannot_be_part_of_a_dns_name(problems: Problems, name: str) -> None:
    assert "DNS" in problems(ecs_cluster_name=name)["ecs_cluster_name"].message


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "172.16.4.0/22", "100.64.0.0/16", "11.0.0.0/16"])
def test_possible_cidr(load: Load, cidr: str) -> None:
    assert core(load(vpc_cidr=cidr)).vpc_cidr == cidr


@pytest.mark.parametrize(
    ("cidr", "expected"),
    [
        ("10.0.0.0/15", "from /16 to /28"),
        ("10.0.0.0/29", "from /16 to /28"),
        ("10.0.0.0", "expected an IPv4 block"),
        ("10.0.0.0/255.255.0.0", "expected an IPv4 block"),
        ("10.0.0/16", "expected an IPv4 block"),
        ("10.0.0.256/16", "expected an IPv4 block"),
        ("010.0.0.0/16", "expected an IPv4 block"),
        ("fd00::/16", "expected an IPv4 block"),
        ("ten", "expected an IPv4 block"),
        ("10.0.0.1/16", "host bits set; expected 10.0.0.0/16"),
        ("10.0.128.0/16", "host bits set; expected 10.0.0.0/16"),
        ("127.0.0.0/16", "no VPC in this range"),
        ("169.254.0.0/16", "no VPC in this range"),
        ("224.0.0.0/16", "no VPC in this range"),
        ("0.0.0.0/16", "no VPC in this range"),
    ],
)
def test_impossible_cidr(problems: Problems, cidr: str, expected: str) -> None:
    found = problems(vpc_cidr=cidr)
    assert list(found) == ["vpc_cidr"]
    assert expected in found["vpc_cidr"].message


# The limits are those at which ec2.Vpc itself starts to refuse.
@pytest.mark.parametrize(
    ("az_count", "smallest"), [(1, 27), (2, 26), (3, 25), (4, 25), (5, 24), (6, 24)]
)
class TestRoomForSubnets:
    def test_smallest_block_has_room(self, load: Load, az_count: int, smallest: int) -> None:
        settings = load(vpc_cidr=f"10.0.0.0/{smallest}", az_count=str(az_count))
        assert core(settings).az_count == az_count

    def test_next_smaller_block_has_none(
        self, problems: Problems, az_count: int, smallest: int
    ) -> None:
        found = problems(vpc_cidr=f"10.0.0.0/{smallest + 1}", az_count=str(az_count))
        assert f"the {2 * az_count} subnets" in found["vpc_cidr"].message
        assert f"/{smallest} or larger" in found["vpc_cidr"].message


@pytest.mark.parametrize("count", ["0", "7", "-1", "2.0", "two", "1_0", "٣", "+3"])
def test_impossible_az_count(problems: Problems, count: str) -> None:
    assert problems(az_count=count)["az_count"].message == "expected a whole number from 1 to 6"


def test_named_zones(load: Load) -> None:
    settings = load(availability_zones="eu-central-1c, eu-central-1a", az_count="2")
    assert core(settings).availability_zones == ("eu-central-1c", "eu-central-1a")


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ("eu-central-1a,eu-central-1b", "expected 3 zones"),
        ("eu-central-1a,eu-central-1b,eu-central-1c,eu-central-1d", "expected 3 zones"),
        ("eu-central-1a,eu-central-1b,eu-central-1a", "there twice"),
        ("eu-central-1a,eu-central-1b,us-east-1a", '"us-east-1a" is no zone of eu-central-1'),
        ("eu-central-1a,eu-central-1b,eu-central-1", "no zone of eu-central-1"),
        ("eu-central-1a,eu-central-1b,euc1-az1", "no zone of eu-central-1"),
        ("eu-central-1a,eu-central-1b,eu-central-1-ham-1a", "no zone of eu-central-1"),
        ("eu-central-1a,eu-central-1b,", "empty item"),
    ],
)
def test_impossible_zones(problems: Problems, zones: str, expected: str) -> None:
    found = problems(availability_zones=zones)
    assert list(found) == ["availability_zones"]
    assert expected in found["availability_zones"].message


def test_zones_are_not_blamed_for_an_impossible_region(problems: Problems) -> None:
    zones = "us-east-1a,us-east-1b,us-east-1c"
    assert list(problems(aws_region="us-esat-1", availability_zones=zones)) == ["aws_region"]


def test_nat_can_be_left_out(load: Load) -> None:
    assert core(load(enable_nat_gw="False")).enable_nat_gw is False
