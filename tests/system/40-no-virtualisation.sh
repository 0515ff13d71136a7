#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# CPUs without what Tenon needs: each ends in a sentence, not in a triple fault.
. "$(dirname "$0")/lib.sh"

# amd NAME CPU-FLAGS WHAT SENTENCE
amd() {
    QEMU_CPU="EPYC,-smap,-smep,-monitor,$2" boot "$1" --emulator tcg --serial --timeout 600
    check "an AMD CPU without $3 is refused in a sentence" console_has "$4"
    check "and Tenon halts in order" console_has 'Tenon halts here'
}

amd amd-no-svm -svm SVM 'needs AMD SVM'
amd amd-no-npt +svm,-npt 'nested paging' 'needs nested paging'
BOCHS_CPU=p4_prescott_celeron_336 boot old --emulator bochs --serial --timeout 600
check "an Intel CPU without VMX is refused in a sentence" console_has 'VMX|VT-x'
check "and Tenon halts in order there" console_has 'Tenon halts here'
