#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# AMD's SVM with nested paging (QEMU's emulation of it): from GRUB to xl in dom0 and off again, with 2 CPUs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"

boot svm --emulator tcg --cpus 2 --kernel lz4 --timeout 1800 --batch "$SOURCE_DIR/tests/system/dom0/short.sh"
check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
check "it is SVM" console_has 'with SVM'
check "dom0 runs Debian's kernel" section_has uname 'Linux dom0 6\.1\..*Debian'
check "xl info says Xen 4.17" section_has info '^xen_version *: *4\.17'
check "xl info counts the CPUs" section_has info '^nr_cpus *: *2$'
check "xl list shows Domain-0 alone" [ "$(section list | grep -c '^Domain-0  *0 .*r-----')" = 1 ]
check "dom0 has 2 CPUs" section_has cpus '^2$'
check "dom0's kernel complains of nothing" tour_complaints dmesg
