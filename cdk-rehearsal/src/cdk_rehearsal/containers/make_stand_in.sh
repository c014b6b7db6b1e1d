#!/bin/sh
# make_stand_in.sh ARCHIVE.tar: Debian trixie with its Python 3.13, from Debian's packages alone.
#
# As in the official Python image there is an interpreter with pip in /usr/local (here a virtual
# environment), so that a Dockerfile cannot tell the difference. Apt keeps no caches, also as there:
# they would be 96 MB of an image that installs curl.
set -eu

mmdebstrap --quiet --variant=apt --mode=root \
    --include=python3,python3-venv,ca-certificates \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
    --customize-hook='chroot "$1" python3 -m venv /usr/local' \
    --customize-hook='cat > "$1/etc/apt/apt.conf.d/no-caches" <<END
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Keep-Downloaded-Packages "false";
END
        rm --force "$1"/var/cache/apt/*.bin' \
    trixie "$1"
