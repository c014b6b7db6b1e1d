#!/bin/sh
# Installs what the container tests need on a Debian machine without Docker, from Debian's packages:
#   podman, runc       the engine, and the runtime that also works in a sandbox without systemd
#   netavark, aardvark-dns, nftables       networks, names in them, published ports
#   mmdebstrap         makes the stand-in base image where no registry can be reached
#
# CI runs it, and you can (as root); no other command of this project does.
set -eu

if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    echo "Docker answers: nothing to install."
    exit 0
fi
if command -v podman >/dev/null && command -v runc >/dev/null \
    && command -v nft >/dev/null && command -v mmdebstrap >/dev/null; then
    echo "podman and what it needs are here: nothing to install."
    exit 0
fi
echo "Installing podman and what it needs from Debian's packages."
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
apt-get install --quiet=2 --yes --no-install-recommends \
    podman runc netavark aardvark-dns nftables mmdebstrap ca-certificates >/dev/null
podman --version
