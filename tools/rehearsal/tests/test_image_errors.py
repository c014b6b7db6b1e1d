"""What the developer of an image reads: expected, found, what to do, and the last lines."""

from collections.abc import Sequence

import pytest

from settings.examples import example_deployment
from tools.rehearsal.examination import Examination
from tools.rehearsal.image_errors import (
    advice_on_sigterm,
    health_path,
    no_answer,
    not_built,
    not_healthy,
)

PORT = 3000
(SAMPLE,) = example_deployment({})
ANYWHERE = "0.0.0.0"  # noqa: S104 - where a service should listen


@pytest.mark.parametrize(
    ("listening", "expected"),
    [
        ([("127.0.0.1", PORT)], "listens on 127.0.0.1 only"),
        ([("::", 8080)], 'to do     container_port="8080"'),
        ([], "it runs, and listens on no port"),
        ([(ANYWHERE, PORT)], "listens on port 3000, and answers nothing"),
    ],
)
def test_why_nobody_gets_an_answer(listening: Sequence[tuple[str, int]], expected: str) -> None:
    seen = Examination(exit_code=None, listening=listening)
    assert expected in str(no_answer(SAMPLE, seen, "host", "refused"))


def test_an_error_status_is_about_the_name() -> None:
    """Frameworks refuse names that they do not know, and the health check asks for localhost."""
    seen = Examination(exit_code=None, listening=[("::", PORT)], lines=["DisallowedHost"])
    text = str(no_answer(SAMPLE, seen, "orders.local", "HTTP 400 at /health"))
    assert "HTTP 400 at /health; the name in the request is orders.local" in text
    assert text.endswith("| DisallowedHost")


def test_an_image_that_does_not_build_is_told_with_the_end_of_its_log() -> None:
    log = "build: exit status 1 of\ndocker build --tag x .\nSTEP 3: RUN make\nmake: *** no rule"
    text = str(not_built(SAMPLE, log))
    assert text.startswith("Your image is not built.")
    assert "found     build: exit status 1 of docker build --tag x ." in text
    assert text.endswith("| STEP 3: RUN make\n    | make: *** no rule")


def test_a_container_that_ends_is_told_with_its_exit_code_and_last_lines() -> None:
    seen = Examination(exit_code=127, lines=["sh: server: not found"])
    text = str(not_healthy(SAMPLE, seen, "ECS deployment circuit breaker"))
    assert "Your container does not stay up" in text
    assert "exit code 127 (a command is not in the image)" in text
    assert text.endswith("| sh: server: not found")


def test_a_lost_executable_bit_is_told_with_what_to_write() -> None:
    lines = ['exec: "./start.sh": permission denied']
    for text in (
        str(not_healthy(SAMPLE, Examination(exit_code=126, lines=lines), "")),
        str(not_built(SAMPLE, "\n".join(["x failed: y", "z", *lines]))),
    ):
        assert "RUN chmod +x <file>, or ENTRYPOINT" in text
        assert "docs.aws.amazon.com/codepipeline" in text


def test_a_check_that_fails_is_told_with_what_it_says_and_where_the_service_listens() -> None:
    listening = [("127.0.0.1", PORT)]
    seen = Examination(exit_code=None, listening=listening, check=(127, "curl: not found"))
    text = str(not_healthy(SAMPLE, seen, "unhealthy"))
    assert "Your container never becomes healthy" in text
    assert "exit code 127 (a command is not in the image): curl: not found" in text
    assert "listens on 127.0.0.1 only" in text
    assert text.endswith("it has printed nothing")


@pytest.mark.parametrize(
    ("code", "seconds", "expected"),
    [(137, 90, "ignores SIGTERM"), (0, 1, "costs them failed calls"), (0, 75, "")],
)
def test_the_advice_on_sigterm(code: int, seconds: float, expected: str) -> None:
    advice = advice_on_sigterm(SAMPLE, {code}, seconds)
    assert expected in advice
    assert bool(advice) == bool(expected)


@pytest.mark.parametrize(
    ("check", "path"),
    [
        ("curl --fail http://localhost:$SERVICE_PORT/health || exit 1", "/health"),
        ("/app -url http://[::1]:3000", "/"),
        ("curl http://localhost:9000/metrics", ""),
        ("curl https://example.com:3000/", ""),
        ("", ""),
    ],
)
def test_the_path_that_a_health_check_asks(check: str, path: str) -> None:
    (settings,) = example_deployment({"health_check_command": check})
    assert health_path(settings) == path
