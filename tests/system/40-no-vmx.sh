#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# CPUs without what Tenon needs: each ends in a sentence, not in a triple fault.
. "$(dirname "$0")/lib.sh"

boot amd --emulator tcg --serial --timeout 120
check "an AMD CPU is refused in a sentence" console_has 'VMX|VT-x|Intel'
check "and Tenon halts in order" console_has 'Tenon halts here'
BOCHS_CPU=p4_prescott_celeron_336 boot old --emulator bochs --serial --timeout 300
check "an Intel CPU without VMX is refused in a sentence" console_has 'VMX|VT-x'
check "and Tenon halts in order there" console_has 'Tenon halts here'
