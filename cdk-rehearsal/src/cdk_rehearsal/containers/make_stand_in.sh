#!/bin/sh
# make_stand_in.sh ARCHIVE.tar: Debian trixie with its Python 3.13, from Debian's packages alone.
#
# As in the official Python image there is an interpreter with pip in /usr/local (here a virtual
# environment), so that a Dockerfile cannot tell the difference.
set -eu

mmdebstrap --quiet --variant=apt --mode=root \
    --include=python3,python3-venv,ca-certificates \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
    --customize-hook='chroot "$1" python3 -m venv /usr/local' \
    trixie "$1"
