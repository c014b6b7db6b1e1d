"""What is read in a Dockerfile."""

import pytest

from tools.init.dockerfile import (
    DockerfileError,
    Stage,
    expanded,
    is_from_docker_hub,
    parse_dockerfile,
    twin_on_ecr_public,
)


def image(*lines: str) -> Stage:
    return parse_dockerfile("\n".join(["FROM scratch", *lines])).image


@pytest.mark.parametrize(
    ("lines", "ports"),
    [
        (["EXPOSE 8080"], (8080,)),
        (["expose 8080/tcp 53/udp 9000/TCP"], (8080, 9000)),
        (["EXPOSE 8000-8010"], (8000,)),
        (["ENV PORT=5000", "EXPOSE $PORT"], (5000,)),
        (["ENV PORT 5000", "EXPOSE ${PORT}"], (5000,)),
        (["ARG PORT=5000", "EXPOSE ${PORT:-80}"], (5000,)),
        (["ARG PORT", "EXPOSE ${PORT:-80}"], (80,)),
        (["EXPOSE \\", "# one", "  80 \\", "", "  81"], (80, 81)),
        (["EXPOSE $UNKNOWN"], ()),
        (["RUN <<EOF", "EXPOSE 1", "EOF", "EXPOSE 2"], (2,)),
        (["COPY <<-'A' /a", "EXPOSE 1", "\tA", "EXPOSE 2"], (2,)),
        (["RUN echo '", "EXPOSE 3"], (3,)),
    ],
)
def test_ports(lines: list[str], ports: tuple[int, ...]) -> None:
    assert image(*lines).ports == ports


def test_windows_line_ends_a_byte_order_mark_and_another_escape() -> None:
    text = "\ufeff# escape=`\r\nFROM scratch\r\nENV A=C:\\ `\r\n    PORT=80\r\nEXPOSE $PORT\r\n"
    assert parse_dockerfile(text).image.ports == (80,)


def test_variables_of_a_line_and_of_an_argument_before_the_first_stage() -> None:
    text = (
        "ARG VERSION=3\nARG BASE=python:${VERSION}\nFROM $BASE AS app\nARG VERSION\nENV V=$VERSION"
    )
    found = parse_dockerfile(text)
    assert found.pulled == ("python:3",)
    assert found.image.variables == {"V": "3"}


def test_quotation_marks_and_spaces_in_variables() -> None:
    variables = image("ENV A=\"x y\" B='z' C=a\\ b", "ENV D the rest").variables
    assert variables == {"A": "x y", "B": "z", "C": "a b", "D": "the rest"}


@pytest.mark.parametrize(
    ("line", "check"),
    [
        (
            "HEALTHCHECK CMD curl -f localhost || exit 1",
            ("CMD-SHELL", "curl -f localhost || exit 1"),
        ),
        ('HEALTHCHECK --interval=5s --retries=3 CMD ["/app", "-c"]', ("CMD", "/app", "-c")),
        ("HEALTHCHECK NONE", ()),
        (
            "HEALTHCHECK --timeout=3s \\\n  CMD wget -q localhost",
            ("CMD-SHELL", "wget -q localhost"),
        ),
    ],
)
def test_health_check(line: str, check: tuple[str, ...]) -> None:
    assert image(line).health_check == check


def test_a_stage_inherits_from_the_one_that_it_starts_from() -> None:
    text = """
        FROM node:22 AS base
        ENV PORT=8080
        EXPOSE $PORT
        HEALTHCHECK CMD x
        FROM golang:1 AS unused
        FROM base
        CMD ["node"]
    """
    found = parse_dockerfile(text)
    assert found.image.ports == (8080,)
    assert found.image.health_check == ("CMD-SHELL", "x")
    assert found.pulled == ("node:22",), "BuildKit does not build what nobody needs"


def test_only_what_the_build_pulls_is_named() -> None:
    text = """
        # syntax=docker/dockerfile:1
        FROM --platform=$BUILDPLATFORM golang:1 AS Build
        RUN --mount=type=bind,from=alpine:3,target=/a true
        FROM scratch
        COPY --from=build /app /app
        COPY --from=ghcr.io/acme/tool:1 /tool /tool
        COPY --from=0 /b /b
    """
    found = parse_dockerfile(text.lstrip())
    assert found.pulled == ("golang:1", "alpine:3", "ghcr.io/acme/tool:1")
    assert found.syntax == "docker/dockerfile:1"


def test_what_is_copied_from_the_context() -> None:
    lines = ["COPY a b/ /x/", 'ADD ["c d", "/x"]', "ADD https://e.com/f /f", "COPY --chown=1 g /"]
    text = "\n".join(["FROM scratch AS first", "COPY other /", "FROM scratch", *lines])
    assert parse_dockerfile(text).copied == ("a", "b/", "c d", "g")


@pytest.mark.parametrize("text", ["", "# nothing\n", "ARG A=1", "CMD x"])
def test_a_file_without_an_image(text: str) -> None:
    with pytest.raises(DockerfileError, match="no FROM"):
        parse_dockerfile(text)


@pytest.mark.parametrize(
    "text",
    ["FROM", "FROM a\nCOPY", "FROM a\nENV", "FROM a\nHEALTHCHECK", "FROM a\nCMD [", "FROM a\nARG"],
)
def test_what_docker_would_refuse_ends_nothing_here(text: str) -> None:
    parse_dockerfile(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$A-${A}-\\$A", "1-1-\\$A"),
        ("${B:-x}${B-x}${C:-x}${C-y}", "xxx"),
        ("${A:+x}${B:+x}", "x"),
    ],
)
def test_variables_are_replaced_as_docker_does(text: str, result: str) -> None:
    assert expanded(text, {"A": "1", "C": ""}) == result


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("node:22", "public.ecr.aws/docker/library/node:22"),
        ("docker.io/library/node:22", "public.ecr.aws/docker/library/node:22"),
        ("node@sha256:" + "0" * 64, "public.ecr.aws/docker/library/node@sha256:" + "0" * 64),
        ("grafana/grafana:12", None),
    ],
)
def test_images_of_docker_hub_and_their_twins(name: str, twin: str | None) -> None:
    assert is_from_docker_hub(name)
    assert twin_on_ecr_public(name) == twin


@pytest.mark.parametrize(
    "name",
    ["public.ecr.aws/docker/library/node:22", "gcr.io/distroless/static", "localhost/a", "h:5/a"],
)
def test_images_of_other_registries(name: str) -> None:
    assert not is_from_docker_hub(name)
