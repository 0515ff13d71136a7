/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Length and register of the instructions that exit, for CPUs that do not tell: prefixes, then one of the few opcodes
 * that a hypervisor steps over or emulates without touching memory. Pure.
 */
#ifndef HVM_SYSTEM_INSN_H
#define HVM_SYSTEM_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum system_op { SYSTEM_OTHER,        /* known, and its length is all there is to know */
                 SYSTEM_MOV_FROM, SYSTEM_MOV_TO,      /* control or debug register from or to gpr */
                 SYSTEM_CLTS, SYSTEM_LMSW, SYSTEM_SMSW };
struct system_insn { uint8_t length, gpr; enum system_op op; };

/* false: not such an instruction, or cut off, or LMSW and SMSW with a memory operand. */
bool system_insn_decode(const uint8_t *bytes, size_t count, bool code64, struct system_insn *out);

#endif
