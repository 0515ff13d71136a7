/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of hvm_params.def and its only reader. */
#include <pvhvm/hvm_params.h>
#include <pvhvm/viridian.h>

#include <hv/assert.h>
#include <hv/compiler.h>
#include <hv/errno.h>
#include <lib/string.h>
#include <xen/sched.h>

enum self_rule { RULE_MISSING, RULE_RW, RULE_R, RULE_NONE, RULE_GONE };
enum { CHANGE_ANY, CHANGE_ONCE };

static const struct { uint8_t self, once; } rules[HVM_NR_PARAMS] = {
#define PARAM(name, self, once, initial, valid) [HVM_PARAM_##name] = { RULE_##self, CHANGE_##once },
#include "hvm_params.def"
#undef PARAM
};

static bool value_is_valid(uint32_t index, uint64_t v)
{
    switch (index) {
#define PARAM(name, self, once, initial, valid) case HVM_PARAM_##name: return valid;
#include "hvm_params.def"
#undef PARAM
    default:
        return false;
    }
}

void hvm_params_init(struct hvm_params *p)
{
    memset(p, 0, sizeof(*p));
#define PARAM(name, self, once, initial, valid) p->value[HVM_PARAM_##name] = (initial);
#include "hvm_params.def"
#undef PARAM
}

/* What the table says about access; *i is the index, safe under speculation. */
static int access_check(uint32_t index, bool self, bool write, size_t *i)
{
    if (index >= HVM_NR_PARAMS)
        return -EINVAL;
    *i = array_index_nospec(index, HVM_NR_PARAMS);
    if (rules[*i].self == RULE_MISSING || (self && rules[*i].self == RULE_GONE))
        return -EINVAL;
    if (self && (rules[*i].self == RULE_NONE || (write && rules[*i].self == RULE_R)))
        return -EPERM;
    return 0;
}

int hvm_params_check_set(const struct hvm_params *p, uint32_t index, uint64_t value, bool self)
{
    size_t i;
    int rc = access_check(index, self, true, &i);

    if (rc != 0)
        return rc;
    if (rules[i].once == CHANGE_ONCE && p->value[i] != 0 && p->value[i] != value)
        return -EEXIST;
    return value_is_valid(index, value) ? 0 : -EINVAL;
}

void hvm_params_set(struct hvm_params *p, uint32_t index, uint64_t value)
{
    ASSERT(index < HVM_NR_PARAMS);
    p->value[array_index_nospec(index, HVM_NR_PARAMS)] = value;
}

int hvm_params_get(const struct hvm_params *p, uint32_t index, bool self, uint64_t *value)
{
    size_t i;
    int rc = access_check(index, self, false, &i);

    if (rc == 0)
        *value = p->value[i];
    return rc;
}
