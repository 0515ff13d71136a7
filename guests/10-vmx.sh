#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Small guests under src/vmx and src/ept, without a dom0: guests/vmx on the two CPU models of Bochs
# that the paths with and without the newer features want.
. "$(dirname "$0")/../tests/system/lib.sh"
. "$SOURCE_DIR/tools/testbed/lib.sh"
. "$SOURCE_DIR/tools/testbed/build.sh"
build_product "$TEST_LOG/build.log"

vmx() { image_boot "$1" vmx_test 'vmx test' --emulator bochs "${@:2}"; }

BOCHS_CPU=corei7_skylake_x vmx skylake --cpus 1
BOCHS_CPU=corei7_haswell_4770 vmx haswell --cpus 2
