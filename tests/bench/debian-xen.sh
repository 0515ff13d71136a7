# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash

# debian_xen DIR: Debian's Xen 4.17, unpacked in DIR/xen unless it is there already; prints where the hypervisor is. Fails where its
# package cannot be had.
debian_xen() {
    local package=xen-hypervisor-4.17-amd64
    mkdir -p "$1"
    (cd "$1" && { [ -f xen/boot/xen-4.17-amd64.gz ] || { apt-get download -qq $package && dpkg -x ${package}_*.deb xen; }; }) >"$1/xen.apt" 2>&1 &&
        echo "$1/xen/boot/xen-4.17-amd64.gz"
}
