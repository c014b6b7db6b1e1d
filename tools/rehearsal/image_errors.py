"""Errors for the developer of an image: what was expected, what was found, what to change."""

import re
from collections.abc import Collection, Sequence

from cdk_rehearsal import Delays, RehearsalError
from settings import Settings
from tools.rehearsal.examination import KILLED, Examination, exit_code

_NOT_EXECUTABLE = re.compile(r"permission denied|EACCES", re.IGNORECASE)
EXECUTABLE_BITS = (
    "CodePipeline does not keep the executable bits of a commit "
    "(https://docs.aws.amazon.com/codepipeline/latest/userguide/troubleshooting.html). In the "
    'Dockerfile: RUN chmod +x <file>, or ENTRYPOINT ["sh", "<file>"]'
)
_DNS_SECONDS = int(Delays().records)
_URL_OF_CHECK = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])"
    r"(?::(?P<port>[0-9]+|\$\w+))?(?P<path>/[^\s\"'|;&)]*)?"
)


class ImageError(RehearsalError):
    """The image does not do what the service needs."""

    def __init__(self, what: str, *, expected: str, found: str, lines: Sequence[str] = ()) -> None:
        said = "".join(f"\n    | {line}" for line in lines)
        heading = "\n  its last lines" if said else "\n  it has printed nothing"
        super().__init__(f"{what}\n  expected  {expected}\n  found     {found}{heading}{said}")


def not_built(settings: Settings, failure: str) -> ImageError:
    """Explain a failed build by the message of its action, which ends with the log."""
    lines = failure.splitlines()
    path = settings.delivery.buildspec_path or "the blueprint's own buildspec"
    found = " ".join([lines[0].partition("failed: ")[2] or lines[0], *lines[1:2]])
    found += _about_executable_bits(lines)
    return ImageError(
        "Your image is not built.",
        expected=f"the commands of {path} end with 0 (it builds {settings.delivery.dockerfile})",
        found=found,
        lines=lines[2:],
    )


def ended(task: str, seconds: float, seen: Examination) -> ImageError:
    """Explain the end of a task that ECS had counted on already."""
    return ImageError(
        f"Your service does not stay up: the task {task} has ended.",
        expected="its command runs until it gets SIGTERM",
        found=f"{seen.why_no_answer(0)}, {seconds:.0f} s after its start",
        lines=seen.lines,
    )


def not_healthy(settings: Settings, seen: Examination, failure: str) -> ImageError:
    """Explain a failed rollout by the examination of a container of the image."""
    if seen.exit_code is not None:
        return ImageError(
            "Your container does not stay up: ECS rolled the delivery back.",
            expected="its command runs until it gets SIGTERM",
            found=f"it ends by itself, with {exit_code(seen.exit_code)}"
            + _about_executable_bits(seen.lines),
            lines=seen.lines,
        )
    if seen.check is not None and seen.check[0] != 0:
        code, said = seen.check
        command = " ".join((settings.service.health_check_command or ("", ""))[1:])
        return ImageError(
            "Your container never becomes healthy: ECS rolled the delivery back.",
            expected=f"in the container `{command}` ends with 0",
            found=f"it ends with {exit_code(code)}{f': {said}' if said else ''}; "
            f"{seen.why_no_answer(settings.service.container_port)}\n  to do     "
            "if it needs longer to start, a larger start_period_seconds (now "
            f"{settings.service.start_period_seconds}, at most 300)",
            lines=seen.lines,
        )
    return ImageError(
        "Your container was not rolled out.",
        expected="tasks that run and stay healthy",
        found=failure,
        lines=seen.lines,
    )


def _about_executable_bits(lines: Sequence[str]) -> str:
    denied = any(_NOT_EXECUTABLE.search(line) for line in lines)
    return (
        f"\n  to do     if it is about a file of your commit: {EXECUTABLE_BITS}" if denied else ""
    )


def no_answer(settings: Settings, seen: Examination, host: str, reason: str) -> ImageError:
    """Explain a failed call by the examination of the container that was called."""
    port, path = settings.service.container_port, health_path(settings)
    found = seen.why_no_answer(port)
    if reason.startswith(("HTTP", "no HTTP")):
        # The service was reached. Its health check calls it localhost, this caller by its name.
        found = f"{reason}; the name in the request is {host}"
    expected = f"something that answers on port {port} (container_port), on every address (0.0.0.0)"
    if path:
        expected += f", and at {path} as its health check asks"
    if seen.exit_code is None and seen.ports and port not in seen.ports:
        found += (
            f'\n  to do     container_port="{seen.ports[0]}" in the settings, or a service that '
            "takes its port from SERVICE_PORT"
        )
    return ImageError(
        f"Your service does not answer at http://{host}:{port}{path or '/'}",
        expected=expected,
        found=found,
        lines=seen.lines,
    )


def health_path(settings: Settings) -> str:
    """Return the path that the health check asks over HTTP; empty if it asks none."""
    service = settings.service
    match = _URL_OF_CHECK.search(" ".join(service.health_check_command or ()))
    if match is None:
        return ""
    asked = match["port"] or "80"
    own = {str(service.container_port), "$SERVICE_PORT"}
    return (match["path"] or "/") if asked in own else ""


def advice_on_sigterm(settings: Settings, codes: Collection[int], seconds: float) -> str:
    """Say what to improve in a container that ended so long after SIGTERM; empty if nothing."""
    service = settings.service
    if KILLED in codes:
        return (
            "Your container ignores SIGTERM: it should end within stop_timeout_seconds"
            f" ({service.stop_timeout_seconds}), and ECS had to kill it. The first process of a"
            " container gets no signal that it does not handle: handle SIGTERM, start the service"
            " with exec, or set enable_execute_command, which brings an init process."
        )
    enough = service.dns_ttl_seconds + _DNS_SECONDS
    if seconds < enough:
        return (
            f"Your container ends {seconds:.0f} s after SIGTERM. Callers may have its address for"
            f" {enough} s (dns_ttl_seconds, and up to {_DNS_SECONDS} for DNS): a delivery costs"
            " them failed calls, unless it serves on for DRAIN_SECONDS, which its environment has."
        )
    return ""
