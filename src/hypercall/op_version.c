/* SPDX-License-Identifier: BSD-2-Clause */
/* xen_version: who we say we are (xen/version.h). Not a table: results
 * differ in kind, not in form. */
#include "door.h"

#include <hypercall/hypercall.h>
#include <lib/string.h>
#include <xen/features.h>
#include <xen/version.h>

#define VERSION_NUMBER 0x00040011U   /* 4.17: Debian chooses /usr/lib/xen-4.17 by it */
#define EXTRAVERSION ".7-tenon"
#define CAPABILITIES "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 "

_Static_assert(sizeof(EXTRAVERSION) <= sizeof(xen_extraversion_t), "fits the ABI's field");

/* What a guest that is translated by EPT may rely on; PV interrupt pass-through is not offered. */
#define FEATURES_COMMON \
    (BIT(XENFEAT_writable_page_tables) | BIT(XENFEAT_auto_translated_physmap) | \
     BIT(XENFEAT_hvm_callback_vector) | BIT(XENFEAT_hvm_safe_pvclock) | \
     BIT(XENFEAT_memory_op_vnode_supported) | BIT(XENFEAT_not_direct_mapped))
#define FEATURES_DOM0 (FEATURES_COMMON | BIT(XENFEAT_dom0))
_Static_assert(FEATURES_DOM0 == 0x12b05 && FEATURES_COMMON == 0x12305, "as 4.17 reports them");

static int64_t put_text(struct hc *c, gva_t at, const char *text, size_t size)
{
    size_t length = strlen(text);

    if (hc_write(c, at, text, length) != 0)
        return -EFAULT;
    return guest_clear(c->v, gva_of(at.v + length), size - length);
}

static int64_t compile_info(struct hc *c, gva_t at)
{
    struct xen_compile_info info = { 0 };

    (void)hv_strlcpy(info.compiler, hypercall_env.compiler, sizeof(info.compiler));
    (void)hv_strlcpy(info.compile_by, hypercall_env.compile_by, sizeof(info.compile_by));
    (void)hv_strlcpy(info.compile_date, hypercall_env.compile_date, sizeof(info.compile_date));
    return hc_write(c, at, &info, sizeof(info));
}

static int64_t features(struct hc *c, gva_t at)
{
    struct xen_feature_info info;

    if (hc_read(c, &info, at, sizeof(info)) != 0)
        return -EFAULT;
    if (info.submap_idx != 0)
        return -EINVAL;
    info.submap = (uint32_t)(c->d->is_dom0 ? FEATURES_DOM0 : FEATURES_COMMON);
    return hc_write(c, at, &info, sizeof(info));
}

int64_t hc_xen_version(struct hc *c)
{
    gva_t at = gva_of(c->arg[1]);
    uint64_t none = 0;

    switch ((uint32_t)c->arg[0]) {
    case XENVER_version:             return VERSION_NUMBER;
    case XENVER_extraversion: return put_text(c, at, EXTRAVERSION, sizeof(xen_extraversion_t));
    case XENVER_compile_info:        return compile_info(c, at);
    case XENVER_capabilities: return put_text(c, at, CAPABILITIES, sizeof(xen_capabilities_info_t));
    case XENVER_changeset:           return put_text(c, at, "", sizeof(xen_changeset_info_t));
    case XENVER_platform_parameters: return hc_write(c, at, &none, c->bits32 ? 4 : 8);
    case XENVER_get_features:        return features(c, at);
    case XENVER_pagesize:            return c->arg[1] ? -EINVAL : (int64_t)PAGE_SIZE;
    case XENVER_guest_handle:        return hc_write(c, at, c->d->handle, sizeof(c->d->handle));
    case XENVER_commandline:
        return put_text(c, at, c->d->is_dom0 ? hypercall_env.cmdline : "<denied>",
                        sizeof(xen_commandline_t));
    case XENVER_build_id:            return -ENODATA;
    default:                         return -ENOSYS;
    }
}
