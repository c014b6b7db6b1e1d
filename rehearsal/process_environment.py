"""The environments of the processes that a rehearsal starts: made of what they need.

Nothing else of the shell is handed on, whatever it is called: a variable that nobody here has asked
for may hold a secret, or change what a tool does.
"""

import os
from collections.abc import Iterable, Mapping

_ALL = (
    "PATH",
    "TMPDIR",
    # The encoding of what is read and printed.
    *("LANG", "LC_ALL", "LC_CTYPE"),
    # Without these a Python that was built outside of the system's folders may not start.
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
)

# The user's configuration says, for instance, whose folders git may read, and what it ignores.
_GIT = ("HOME", "XDG_CONFIG_HOME")

# An engine is the user's own: where it is, how it reaches registries and packages. By name: with
# `DOCKER_` alone would come a DOCKER_PASSWORD.
_ENGINE = (
    *("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
    *("DOCKER_API_VERSION", "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM"),
    *("BUILDKIT_HOST", "BUILDX_BUILDER", "BUILDX_CONFIG"),
    *("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY"),
    *("CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE", "CONTAINERS_REGISTRIES_CONF"),
    *("CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER", "STORAGE_OPTS", "BUILDAH_ISOLATION"),
    *("REGISTRY_AUTH_FILE", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)


def process_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what every process may have of the shell's variables (by default: of this process).

    No HOME, no proxy, no certificate: these processes reach 127.0.0.1 only, and whoever starts one
    gives it a HOME.
    """
    return _chosen(_ALL, shell)


def git_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what git may have: it reads the repository in its folder, and writes nothing."""
    kept = _chosen((*_ALL, *_GIT), shell)
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def engine_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what the command line of a container engine may have."""
    return _chosen((*_ALL, *_ENGINE), shell)


def _chosen(names: Iterable[str], shell: Mapping[str, str] | None) -> dict[str, str]:
    given = os.environ if shell is None else shell
    return {name: given[name] for name in names if name in given}
