#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Small guests under src/vmx and src/ept, without a dom0: guests/vmx on the two CPU models of Bochs
# that the paths with and without the newer features want.
. "$(dirname "$0")/../tests/system/lib.sh"
. "$SOURCE_DIR/tools/testbed/lib.sh"
. "$SOURCE_DIR/tools/testbed/build.sh"
build_product "$TEST_LOG/build.log"

# vmx NAME RUN-OPTION...: the image's own lines become checks.
vmx() {
    local name=$1 line
    shift
    boot "$name" --serial --emulator bochs --hypervisor "$SOURCE_DIR/build/release/vmx_test" --mem 512 \
        --timeout 300 "$@"
    while IFS= read -r line; do
        case $line in
        '(XEN) ok '*) echo "ok $name: ${line#(XEN) ok }" ;;
        '(XEN) not ok '*) echo "not ok $name: ${line#(XEN) not ok }" ;;
        esac
    done < <(tr -d '\r' <"$CONSOLE")
    check "$name: the test comes to its end" console_has 'vmx test: [0-9]+ CPUs, 0 failures'
}

BOCHS_CPU=corei7_skylake_x vmx skylake --cpus 1
BOCHS_CPU=corei7_haswell_4770 vmx haswell --cpus 2
