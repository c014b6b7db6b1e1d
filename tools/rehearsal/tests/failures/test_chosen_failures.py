"""Which failures are rehearsed: all of them, or some alone."""

import sys

import pytest

from tools.rehearsal.failures.__main__ import FAILURES, chosen, deploy_service, main
from tools.rehearsal.failures.attacks import attacking_build
from tools.rehearsal.failures.broken_promotions import killed_function


def test_every_failure_is_brought_about() -> None:
    assert chosen([]) == FAILURES


def test_one_that_is_run_alone_finds_a_deployed_service() -> None:
    assert chosen(["attacking_build"]) == (deploy_service, attacking_build)


def test_several_go_on_in_the_order_of_the_whole() -> None:
    some = chosen(["attacking_build", "killed_function"])
    assert some == (deploy_service, killed_function, attacking_build)


def test_one_that_depends_on_those_before_it_cannot_be_run_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["failures", "--only", "deleted_by_hand"])
    with pytest.raises(SystemExit):
        main()
    assert "killed_function" in capsys.readouterr().err, "it says which can be"
