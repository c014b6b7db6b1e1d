"""What whoever develops an image hears of it: expected, found, what to do, and its last lines."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from settings.examples import example_deployment
from tools.rehearsal.containers import deliveries
from tools.rehearsal.own_service import image
from tools.rehearsal.own_service.examination import Examination, ImageError, health_path
from tools.rehearsal.own_service.image import OwnImage
from tools.rehearsal.pipeline.pipeline_run import ActionFailedError

PORT = 3000
LISTENING = {
    "on loopback alone": ([("127.0.0.1", 3000)], "listens on 127.0.0.1 only"),
    "on loopback of IPv6 alone": ([("::1", 3000)], "listens on ::1 only"),
    "on another port": ([("::", 8080)], "listens on port 8080, not on 3000"),
    "nowhere": ([], "it runs, and listens on no port"),
    "and does not answer": ([("0.0.0.0", 3000)], "listens on port 3000, and answers nothing"),  # noqa: S104
}


class Advice(list[str]):
    def advise(self, what: str) -> None:
        self.append(what)

    leave_out = advise


def own(seen: Examination | None = None, *, failed: str = "", reason: str = "") -> OwnImage:
    """Return an image whose delivery fails so, and whose container looks so."""
    (settings,) = example_deployment({})
    advice = Advice()
    context = SimpleNamespace(report=advice, host="orders.default.local")

    def deliver() -> str:
        raise ActionFailedError(failed, reason, [])

    found = SimpleNamespace(
        settings=settings,
        context=context,
        port=PORT,
        path="/health",
        deliver=deliver,
        examined=lambda: seen,
    )
    return cast("OwnImage", found)


def said(of: OwnImage) -> str:
    with pytest.raises(ImageError) as caught:
        image.deliver(of)
    return str(caught.value)


@pytest.mark.parametrize(("listening", "expected"), LISTENING.values(), ids=LISTENING.keys())
def test_why_nobody_gets_an_answer(listening: Sequence[tuple[str, int]], expected: str) -> None:
    assert expected in Examination(exit_code=None, listening=listening).found(PORT)


def test_another_port_comes_with_what_to_do() -> None:
    seen = Examination(exit_code=None, listening=[("0.0.0.0", 8080)])  # noqa: S104
    assert 'container_port="8080"' in seen.remedy(PORT)
    assert Examination(exit_code=None, listening=[("127.0.0.1", PORT)]).remedy(PORT) == ""


def test_an_image_that_does_not_build_is_told_with_the_end_of_its_log() -> None:
    log = "build: exit status 1 of\ndocker build --tag x .\nSTEP 3: RUN make\nmake: *** no rule"
    text = said(own(failed="Build", reason=log))
    assert text.startswith("Your image is not built.")
    assert "found     build: exit status 1 of docker build --tag x ." in text
    assert text.endswith("| STEP 3: RUN make\n    | make: *** no rule")
    assert "unqualified-search-registries" not in text


def test_podman_that_knows_no_registry_comes_with_what_to_do() -> None:
    log = 'build: exit status 1 of\ndocker build .\nError: short-name "acme/x" did not resolve'
    text = said(own(failed="Build", reason=log))
    assert 'unqualified-search-registries = ["docker.io"]' in text


def test_a_container_that_ends_is_told_with_its_exit_code_and_last_lines() -> None:
    seen = Examination(exit_code=127, lines=["sh: server: not found"])
    text = said(own(seen, failed="Deploy", reason="ECS deployment circuit breaker"))
    assert "Your container does not stay up" in text
    assert "exit code 127 (its command is not in the image)" in text
    assert text.endswith("| sh: server: not found")


def test_a_check_that_fails_is_told_with_what_it_says_and_where_the_service_listens() -> None:
    seen = Examination(
        exit_code=None, listening=[("127.0.0.1", 3000)], check=(127, "curl: not found")
    )
    text = said(own(seen, failed="Deploy", reason="unhealthy"))
    assert "Your container never becomes healthy" in text
    assert "exit code 127 (its command is not in the image): curl: not found" in text
    assert "listens on 127.0.0.1 only" in text
    assert text.endswith("it has printed nothing")


def test_a_rollout_that_fails_otherwise_is_told_in_its_own_words() -> None:
    seen = Examination(exit_code=None, check=(0, ""))
    assert "no address" in said(own(seen, failed="Deploy", reason="no address"))


@pytest.mark.parametrize(
    ("code", "took", "told", "advice"),
    [
        (137, 90, "it ignores SIGTERM", "Your container ignores SIGTERM"),
        (0, 1, "ended 1 s after SIGTERM, exit code 0", "costs them failed calls"),
        (0, 30, "ended 30 s after SIGTERM, exit code 0", "for 70 s"),
        (0, 75, "ended 75 s after SIGTERM, exit code 0", ""),
    ],
)
def test_what_it_does_at_sigterm(code: int, took: int, told: str, advice: str) -> None:
    of = own()
    began = datetime(2026, 1, 1, tzinfo=UTC)
    task: dict[str, Any] = {
        "stoppingAt": began,
        "stoppedAt": began + timedelta(seconds=took),
        "containers": [{"exitCode": code}],
    }
    context = cast("Any", of.context)
    context.have_stopped, context.described = lambda _: True, lambda _: [task]
    assert told in image.sigterm(of, ["1"])
    assert [advice in each for each in context.report] == ([True] if advice else [])


@pytest.mark.parametrize(("init", "told"), [(True, "ignores SIGTERM"), (False, "not shown")])
def test_what_an_init_process_would_do_is_not_guessed(init: bool, told: str) -> None:
    (settings,) = example_deployment({"enable_execute_command": "True"})
    of = own()
    task = {
        "stoppingAt": datetime(2026, 1, 1, tzinfo=UTC),
        "stoppedAt": datetime(2026, 1, 1, tzinfo=UTC),
        "containers": [{"exitCode": 137}],
    }
    context = cast("Any", of.context)
    context.have_stopped, context.described = lambda _: True, lambda _: [task]
    context.containers = lambda: {"t": {"HostConfig": {"Init": init}}}
    of.settings = settings
    assert told in image.sigterm(of, ["1"])
    assert len(context.report) == 1


@pytest.mark.parametrize(
    ("check", "path"),
    [
        (("CMD-SHELL", "curl --fail http://localhost:$SERVICE_PORT/health || exit 1"), "/health"),
        (("CMD-SHELL", "wget -q -O- 'http://127.0.0.1:3000/healthz'"), "/healthz"),
        (("CMD", "/app", "-url", "http://[::1]:3000"), "/"),
        (("CMD-SHELL", "curl http://localhost:9000/metrics"), ""),
        (("CMD-SHELL", "curl https://example.com:3000/"), ""),
        (("CMD", "/app", "check"), ""),
        (None, ""),
    ],
)
def test_the_path_that_a_health_check_asks(check: Sequence[str] | None, path: str) -> None:
    assert health_path(check, PORT) == path


def test_an_error_status_at_the_path_of_the_check_is_about_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frameworks refuse names that they do not know, and the check asks for localhost."""
    of = own()
    context = cast("Any", of.context)
    context.containers = lambda: {"t": {"Id": "c"}}
    context.address = lambda _: "10.0.0.9"
    seen = Examination(exit_code=None, listening=[("::", PORT)], lines=["DisallowedHost"])
    monkeypatch.setattr(image, "examine", lambda *_: seen)
    monkeypatch.setattr(deliveries, "settle", lambda _: None)
    failures = {"10.0.0.9": "HTTP 400 at /health"}
    monkeypatch.setattr(image, "ask", lambda *_: ({}, failures))
    with pytest.raises(ImageError, match="HTTP 400 at /health; the name in the request is orders"):
        image.call_by_name(of)
