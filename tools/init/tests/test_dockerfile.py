"""What init reads in a Dockerfile."""

import pytest

from tools.init.dockerfile import DockerfileError, Stage, parse_dockerfile


def image(*lines: str) -> Stage:
    return parse_dockerfile("\n".join(["FROM scratch", *lines])).image


@pytest.mark.parametrize(
    ("lines", "ports"),
    [
        (["expose 8080/tcp 53/udp 9000-9010"], (8080, 9000)),
        (["ENV PORT=5000", "EXPOSE $PORT"], (5000,)),
        (["ARG PORT=5000", "EXPOSE ${PORT:-80}"], (5000,)),
        (["EXPOSE ${PORT:-80} $UNKNOWN"], (80,)),
        (["EXPOSE \\", "# one", "  80 \\", "", "  81"], (80, 81)),
        (["RUN <<EOF", "EXPOSE 1", "EOF", "EXPOSE 2"], (2,)),
    ],
)
def test_ports(lines: list[str], ports: tuple[int, ...]) -> None:
    assert image(*lines).ports == ports


def test_variables() -> None:
    text = "ARG VERSION=3\nARG BASE=python:${VERSION}\nFROM $BASE\nARG VERSION\nENV V=$VERSION\n"
    found = parse_dockerfile(f"\ufeff{text}ENV A=\"x y\" B='z'\nENV D the rest")
    assert found.pulled == ["python:3"]
    variables = found.image.variables
    assert [variables[name] for name in "VABD"] == ["3", "x y", "z", "the rest"]


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("HEALTHCHECK --timeout=3s \\\n CMD curl a || exit 1", ("CMD-SHELL", "curl a || exit 1")),
        ('HEALTHCHECK --interval=5s CMD ["/app", "-c"]', ("CMD", "/app", "-c")),
        ("HEALTHCHECK NONE", ()),
    ],
)
def test_health_check(line: str, check: tuple[str, ...]) -> None:
    assert image(line).health_check == check


def test_stages() -> None:
    text = """
        FROM node:22 AS base
        EXPOSE 8080
        HEALTHCHECK CMD x
        FROM --platform=$BUILDPLATFORM golang:1 AS Build
        COPY a b/ /x/
        FROM base
        COPY --from=build /app /app
        COPY --from=1 /b /b
        COPY --from=ghcr.io/acme/tool:1 /tool /tool
        ADD ["c d", "https://e.com/f", "/x"]
    """
    found = parse_dockerfile(text)
    assert found.image.ports == (8080,)
    assert found.image.health_check == ("CMD-SHELL", "x")
    assert found.pulled == ["node:22", "golang:1", "ghcr.io/acme/tool:1"]
    assert found.copied == ["a", "b/", "c d"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# nothing", "has no FROM"),
        ("FROM a\nENV A=aaaaaaaaaa" + "\nENV A=$A$A" * 43, "more than 4,096 characters"),
        (f"FROM a\nENV A={'a' * 4000}\nCOPY {'$A' * 30_000} /", "more than 4,096 characters"),
        ("FROM a\n" * 30_000, "more than 1,000 instructions"),
    ],
)
def test_what_cannot_be_read_is_one_error(text: str, said: str) -> None:
    with pytest.raises(DockerfileError, match=said):
        parse_dockerfile(text)


def test_what_docker_would_refuse_is_passed_over() -> None:
    lines = ["FROM", "COPY", "ENV", "HEALTHCHECK", f"CMD {'[' * 60_000}", "ARG"]
    assert parse_dockerfile("\n".join(lines)).pulled == []
