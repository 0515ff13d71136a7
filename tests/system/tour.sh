# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The tour of a freshly booted dom0, judged: used at different numbers of CPUs.

# What the bare kernel does not say in the same machine (its own complaints there: the size of AVX-512
# state and two firmware bugs of Bochs).
COMPLAINTS='BUG:|WARNING: CPU|unhandled|lost interrupt|nobody cared|clocksource.*(unstable|skew|wrong)|hung_task|rcu.*stall|soft lockup|I/O error|segfault|irq .*: Affinity broken|DRHD|hypercall.*fail|timed out|exception Emask'
BARE='fpu__init_system_xstate'

tour_complaints() {
    if section "$1" | grep -aE -- "$COMPLAINTS" | grep -avE -- "$BARE"; then return 1; fi
}

tour() {
    local cpus=$1 megabytes=${TEST_FULL:+100}
    shift
    megabytes=${megabytes:-10} # a disk in Bochs does a megabyte a second
    { printf "#!/bin/sh\nMEGABYTES=%s\n" "$megabytes"; cat "$SOURCE_DIR/tests/system/dom0/tour.sh"; } >"$TEST_LOG/tour.sh"
    boot tour --cpus "$cpus" --timeout 3600 --batch "$TEST_LOG/tour.sh" "$@"
    check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
    check "dom0 runs Debian's kernel" section_has uname 'Linux dom0 6\.1\..*Debian'
    check "xl info says Xen 4.17" section_has info '^xen_version *: *4\.17'
    check "xl info counts the CPUs" section_has info "^nr_cpus *: *$cpus\$"
    check "xl list shows Domain-0 alone" [ "$(section list | grep -c '^Domain-0  *0 .*r-----')" = 1 ]
    check "xl vcpu-list shows every vCPU" [ "$(section vcpu-list | grep -c '^Domain-0')" = "$cpus" ]
    check "dom0 has $cpus CPUs" section_has cpus "^$cpus\$"
    check "lsblk shows the root disk" section_has lsblk 'disk /$'
    check "$megabytes MB copied and checksummed" section_has disk "$megabytes MB copied and read back from the disk"
    check "tcc compiles and the program runs" section_has tcc '^sum 499500$'
    check "dom0's kernel complains of nothing" tour_complaints dmesg-after
}
