/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hw_NAME(), one jump each. Until hw_choose() has written where to, it leads to a stop.
 */
#define HW_OP(ret, name, on_vmx, on_svm, params, args)   \
    .globl hw_##name                                  ; \
    .type hw_##name, @function                        ; \
    .balign 8                                         ; \
hw_##name:                                              \
    .byte 0xe9                                        ; \
    .long hw_not_chosen - . - 4                       ; \
    .size hw_##name, 5                                ;

    .section .text.hw_thunks, "ax", @progbits
hw_not_chosen:
    ud2
#include <hv/hw_ops.def>
    .section .note.GNU-stack, "", @progbits
