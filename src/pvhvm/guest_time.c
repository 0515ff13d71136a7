/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks that a guest reads from memory. Each record has a version that is odd while it changes. */
#include <pvhvm/guest_time.h>

#include <hv/assert.h>
#include <hv/compiler.h>
#include <lib/string.h>
#include <pvhvm/shared_info.h>

void pvclock_scale(uint64_t tsc_khz, uint32_t *mul, int8_t *shift)
{
    uint64_t hz = max_of(tsc_khz, 1ULL) * 1000;
    int8_t s = 0;

    /* Bring the frequency into (1, 2] GHz, where 10^9 * 2^32 / f fits 32 bits with its top bit in
     * use. */
    while (hz > 2 * (uint64_t)NS_PER_SEC) {
        hz >>= 1;
        s--;
    }
    while (hz <= (uint64_t)NS_PER_SEC) {
        hz <<= 1;
        s++;
    }
    *mul = (uint32_t)(((uint64_t)NS_PER_SEC << 32) / hz);
    *shift = s;
}

uint64_t pvclock_ticks_to_ns(uint64_t ticks, uint32_t mul, int8_t shift)
{
    if (shift >= 0)
        ticks = shift < 64 ? ticks << shift : 0;
    else
        ticks = shift > -64 ? ticks >> -shift : 0;
    return (uint64_t)(((unsigned __int128)ticks * mul) >> 32);
}

/* Begins a change: the odd version. */
static uint32_t version_begin(uint32_t *version)
{
    uint32_t v = __atomic_load_n(version, __ATOMIC_RELAXED) | 1;

    __atomic_store_n(version, v, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return v;
}

static void version_end(uint32_t *version, uint32_t odd)
{
    __atomic_store_n(version, odd + 1, __ATOMIC_RELEASE);
}

void pvclock_write(struct vcpu_time_info *to, const struct pvclock_source *from)
{
    uint32_t odd = version_begin(&to->version);

    WRITE_ONCE(to->tsc_timestamp, from->tsc_timestamp);
    WRITE_ONCE(to->system_time, (uint64_t)from->system_time);
    WRITE_ONCE(to->tsc_to_system_mul, from->mul);
    WRITE_ONCE(to->tsc_shift, from->shift);
    WRITE_ONCE(to->flags, from->flags);
    version_end(&to->version, odd);
}

uint64_t pvclock_read(const struct vcpu_time_info *from, uint64_t tsc)
{
    return from->system_time +
           pvclock_ticks_to_ns(tsc - from->tsc_timestamp, from->tsc_to_system_mul, from->tsc_shift);
}

void wallclock_write(void *shared_info, bool layout32, ns_t utc_at_zero)
{
    uint32_t *wc = (uint32_t *)(void *)((char *)shared_info + shared_info_wc_offset(layout32));
    uint32_t *hi =
        (uint32_t *)(void *)((char *)shared_info + shared_info_wc_sec_hi_offset(layout32));
    uint64_t utc = utc_at_zero > 0 ? (uint64_t)utc_at_zero : 0;
    uint64_t sec = utc / (uint64_t)NS_PER_SEC;
    uint32_t odd = version_begin(&wc[0]);

    WRITE_ONCE(wc[1], (uint32_t)sec);
    WRITE_ONCE(wc[2], (uint32_t)(utc % (uint64_t)NS_PER_SEC));
    WRITE_ONCE(*hi, (uint32_t)(sec >> 32));
    version_end(&wc[0], odd);
}

void runstate_init(struct runstate *r, ns_t now)
{
    memset(r, 0, sizeof(*r));
    r->state = RUNSTATE_offline;
    r->since = now;
}

void runstate_change(struct runstate *r, uint32_t state, ns_t now)
{
    ASSERT(state <= RUNSTATE_offline && r->state <= RUNSTATE_offline);
    /* Clocks of two CPUs may differ by a little: time never runs backwards here. */
    if (now > r->since) {
        r->time[r->state] += now - r->since;
        r->since = now;
    }
    r->state = state;
}

void runstate_get(const struct runstate *r, ns_t now, struct vcpu_runstate_info *out)
{
    unsigned int i;

    memset(out, 0, sizeof(*out));
    out->state = (int)r->state;
    out->state_entry_time = (uint64_t)r->since;
    for (i = 0; i < 4; i++)
        out->time[i] = (uint64_t)r->time[i];
    if (now > r->since)
        out->time[r->state] += (uint64_t)(now - r->since);
}

void runstate_make_image(const struct runstate *r, ns_t now, bool layout32,
                         struct runstate_image *out)
{
    struct vcpu_runstate_info info;
    uint32_t entry = layout32 ? 4 : 8; /* 64-bit values of a 32-bit guest are aligned to four */

    runstate_get(r, now, &info);
    memset(out, 0, sizeof(*out));
    memcpy(out->bytes, &info.state, sizeof(info.state));
    memcpy(out->bytes + entry, &info.state_entry_time, 8);
    memcpy(out->bytes + entry + 8, info.time, sizeof(info.time));
    out->flag_offset = entry + 7;
    out->size = entry + 40;
}

void runstate_write(void *area, bool layout32, const struct runstate *r, ns_t now, bool update_flag)
{
    struct runstate_image image;
    uint8_t *flag, clear;

    runstate_make_image(r, now, layout32, &image);
    flag = (uint8_t *)area + image.flag_offset;
    clear = image.bytes[image.flag_offset];
    if (update_flag) {
        __atomic_store_n(flag, clear | RUNSTATE_FLAG_BYTE, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        image.bytes[image.flag_offset] |= RUNSTATE_FLAG_BYTE;
    }
    memcpy(area, image.bytes, image.size);
    if (update_flag)
        __atomic_store_n(flag, clear, __ATOMIC_RELEASE);
}
