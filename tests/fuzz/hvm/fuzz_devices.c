/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that programs the legacy devices with anything, at any time, and records that no save ever wrote. */
#include <hvm/vhpet.h>
#include <hvm/vlines.h>
#include <hvm/vpic.h>
#include <hvm/vpit.h>
#include <hvm/vpm.h>
#include <hvm/vrtc.h>

#include <stdlib.h>
#include <string.h>

static struct vpic pic;
static struct vpit pit;
static struct vrtc rtc;
static struct vhpet hpet;
static struct vpm pm;
static struct vlines lines;
static ns_t now;

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void begin(void)
{
    now = 0;
    memset(&lines, 0, sizeof(lines));
    vpic_init(&pic);
    vpit_init(&pit, 0);
    vrtc_init(&rtc, 1790000000, 0);
    vhpet_init(&hpet, 0);
    vpm_init(&pm, 0);
}

/* What is due fires once and is then not due any more. */
static void expire(void)
{
    uint64_t pins;
    uint16_t isa;

    (void)vpit_expire(&pit, now);
    (void)vrtc_expire(&rtc, now);
    vpm_expire(&pm, now);
    vhpet_expire(&hpet, now, &pins, &isa);
    check(vpit_deadline(&pit) > now && vrtc_deadline(&rtc) > now && vpm_deadline(&pm) > now &&
          vhpet_deadline(&hpet) > now);
}

static void access_port(uint8_t which, uint8_t value, bool write)
{
    static const uint16_t pics[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 }, pits[] = { 0x40, 0x41, 0x42, 0x43, 0x61 };
    uint8_t got;

    if (which < 6)
        write ? vpic_write(&pic, pics[which], value) : (void)vpic_read(&pic, pics[which]);
    else if (which < 11)
        write ? vpit_write(&pit, pits[which - 6], value, now) : (void)vpit_read(&pit, pits[which - 6], now);
    else if (which < 13)
        (void)(write ? vrtc_write(&rtc, (uint16_t)(0x70 + which - 11), value, now)
                     : vrtc_read(&rtc, (uint16_t)(0x70 + which - 11), now, &got));
    else
        write ? vpm_write(&pm, which & 3, value, now) : (void)vpm_read(&pm, which & 3, now);
}

static void load(uint8_t which, const uint8_t *data, size_t size)
{
    union { struct hvm_hw_vpic pic; struct hvm_hw_pit pit; struct hvm_hw_rtc rtc; struct hvm_hw_hpet hpet; } r;

    memset(&r, 0, sizeof(r));
    memcpy(&r, data, size < sizeof(r) ? size : sizeof(r));
    switch (which & 3) {
    case 0: (void)!vpic_load(&pic, which >> 2 & 1, &r.pic); break;
    case 1: (void)!vpit_load(&pit, &r.pit, now); break;
    case 2: (void)!vrtc_load(&rtc, &r.rtc, now); break;
    default: (void)!vhpet_load(&hpet, &r.hpet, now); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    for (; size >= 12; data += 12, size -= 12) {
        uint64_t value;

        memcpy(&value, data + 4, sizeof(value));
        switch (data[0] % 8) {
        case 0: case 1: access_port(data[1] % 17, data[2], data[3] & 1); break;
        case 2: vhpet_write(&hpet, (data[1] | data[2] << 8) % 0x500, data[3] & 1 ? 4 : 8, value, now); break;
        case 3: (void)vhpet_read(&hpet, (data[1] | data[2] << 8) % 0x500, data[3] & 1 ? 4 : 8, now); break;
        case 4: now += (ns_t)(value % 100000000000ULL); break;
        case 5: vpic_set_line(&pic, data[1] & 15, data[2] & 1); break;
        case 6:
            if (data[1] & 1)
                (void)vlines_set_intx(&lines, data[2], data[3] & 7, value & 1);
            else
                (void)vlines_set_route(&lines, data[2] & 7, data[3]);
            break;
        default: load(data[1], data + 2, size - 2); break;
        }
        expire();
        if (vpic_output(&pic) && (data[0] & 0x80))
            (void)vpic_acknowledge(&pic);
    }
    return 0;
}
