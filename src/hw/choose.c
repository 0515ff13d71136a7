/* SPDX-License-Identifier: BSD-2-Clause */
#include "vendor.h"

#include <hv/assert.h>
#include <hv/compiler.h>
#include <lib/string.h>

#define JUMP_REL32 0xe9U

/* The thunk, and where it leads on either vendor's CPU. */
struct operation { uint8_t *thunk; const void *vmx, *svm; };

static const struct operation operations[] init_data = {
#define HW_OP(type, name, on_vmx, on_svm, params, args) \
    { (uint8_t *)(uintptr_t)hw_##name, (const void *)(uintptr_t)on_vmx, (const void *)(uintptr_t)on_svm },
#include <hv/hw_ops.def>
#undef HW_OP
};

static init_text void lead(uint8_t *thunk, const void *target)
{
    int64_t distance = (const uint8_t *)target - (thunk + 5);
    int32_t rel = (int32_t)distance;

    BUG_ON(thunk[0] != JUMP_REL32 || rel != distance);
    memcpy(thunk + 1, &rel, sizeof(rel));
}

init_text void hw_choose(void)
{
    bool svm = hw_is_svm();

    for (size_t i = 0; i < ARRAY_COUNT(operations); i++)
        lead(operations[i].thunk, svm ? operations[i].svm : operations[i].vmx);
}
