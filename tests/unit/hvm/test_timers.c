/* SPDX-License-Identifier: BSD-2-Clause */
/* PIT, clock, HPET and PM timer by a clock that the test sets. */
#include <hv/errno.h>
#include <hvm/vhpet.h>
#include <hvm/vpit.h>
#include <hvm/vpm.h>
#include <hvm/vrtc.h>
#include <hvm/vticks.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define MS 1000000LL
#define SECOND 1000000000LL

/* ---- PIT ---- */

static struct vpit pit;

static void load_channel(unsigned int n, uint8_t mode, uint16_t count, ns_t now)
{
    vpit_write(&pit, 0x43, (uint8_t)(n << 6 | 0x30 | mode << 1), now);
    vpit_write(&pit, (uint16_t)(0x40 + n), (uint8_t)count, now);
    vpit_write(&pit, (uint16_t)(0x40 + n), (uint8_t)(count >> 8), now);
}

static uint16_t read_word(unsigned int n, ns_t now)
{
    uint8_t low = vpit_read(&pit, (uint16_t)(0x40 + n), now);

    return (uint16_t)(low | vpit_read(&pit, (uint16_t)(0x40 + n), now) << 8);
}

static void a_rate_generator_ticks_for_ever_without_drift(void **state)
{
    unsigned int ticks = 0;

    (void)state;
    vpit_init(&pit, 0);
    assert_true(vpit_deadline(&pit) == NS_NEVER);
    load_channel(0, 2, 11932, 0);                /* 100 Hz */
    for (ns_t now = 0; now <= 10 * SECOND; now = vpit_deadline(&pit))
        ticks += vpit_expire(&pit, now);
    assert_in_range(ticks, 999, 1000);
}

/* A guest's fastest rate must not be all that a CPU of the machine can do. */
static void a_rate_that_nobody_could_serve_is_served_less_often(void **state)
{
    static const uint16_t counts[] = { 1, 2, 7, 59 };

    (void)state;
    for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        for (uint8_t mode = 2; mode <= 3; mode++) {
            unsigned int ticks = 0;

            vpit_init(&pit, 0);
            load_channel(0, mode, counts[i], 0);
            for (ns_t now = vpit_deadline(&pit); now <= 10 * MS; now = vpit_deadline(&pit))
                ticks += vpit_expire(&pit, now);
            assert_in_range(ticks, 90, 200);
        }
}

static void late_ticks_are_counted(void **state)
{
    (void)state;
    vpit_init(&pit, 0);
    load_channel(0, 3, 11932, 0);
    assert_int_equal(vpit_expire(&pit, 105 * MS), 10);
    assert_int_equal(vpit_expire(&pit, 105 * MS), 0);
    assert_in_range(vpit_deadline(&pit), 109 * MS, 111 * MS);
}

/* A guest that takes each edge a little later than the next tick comes has them all in the end. */
static void owed_ticks_come_one_by_one(void **state)
{
    struct vticks t;
    unsigned int edges = 0;
    ns_t now = 0;

    (void)state;
    vticks_init(&t);
    assert_true(t.again == NS_NEVER);
    assert_true(vticks_due(&t, 3, true, true, 0));
    assert_int_equal(t.owed, 2);
    assert_false(vticks_due(&t, 1, false, true, MS));
    assert_int_equal(t.owed, 3);
    while ((now = t.again) != NS_NEVER)
        edges += vticks_due(&t, 0, true, true, now);
    assert_int_equal(edges, 3);
    assert_false(vticks_due(&t, 0, true, true, now));
    /* Not for ever. */
    assert_false(vticks_due(&t, UINT32_MAX, false, true, MS));
    assert_false(vticks_due(&t, UINT32_MAX, false, true, MS));
    assert_int_equal(t.owed, VTICKS_MAX);
}

/* It may wait for its device model for seconds: that is no reason to look every 200 us. */
static void who_takes_none_is_looked_at_less_and_less_often(void **state)
{
    unsigned int looks = 0;
    struct vticks t;
    ns_t now = 0;

    (void)state;
    vticks_init(&t);
    assert_false(vticks_due(&t, 2, false, true, 0));
    while ((now = t.again) < 1000 * MS) {
        assert_false(vticks_due(&t, 0, false, true, now));
        looks++;
    }
    assert_in_range(looks, 400, 510);
    assert_true(vticks_due(&t, 0, true, true, now));
    assert_int_equal(t.again - now, VTICKS_RETRY_NS);
}

static void who_does_not_want_them_gets_one_late_tick(void **state)
{
    struct vticks t;

    (void)state;
    vticks_init(&t);
    assert_false(vticks_due(&t, 5, false, true, 0));
    assert_true(vticks_due(&t, 7, false, false, MS));
    assert_int_equal(t.owed, 0);
    assert_true(t.again == NS_NEVER);
    assert_false(vticks_due(&t, 0, true, false, MS));
}

static void a_one_shot_fires_once(void **state)
{
    (void)state;
    vpit_init(&pit, 0);
    load_channel(0, 0, 1193, 5 * MS);            /* 1 ms */
    assert_in_range(vpit_deadline(&pit), 5 * MS + 999000, 6 * MS + 1000);
    assert_true(vpit_expire(&pit, vpit_deadline(&pit)));
    assert_true(vpit_deadline(&pit) == NS_NEVER);
}

static void a_latched_count_stands_still(void **state)
{
    uint16_t latched;

    (void)state;
    vpit_init(&pit, 0);
    load_channel(2, 2, 0, 0);                    /* 65536 */
    vpit_write(&pit, 0x43, 0x80, 10 * MS);
    latched = read_word(2, 20 * MS);
    assert_in_range(latched, 65536 - 11933, 65536 - 11930);
    assert_in_range(read_word(2, 20 * MS), 65536 - 23865, 65536 - 23861);
}

static void the_read_back_command_tells_mode_and_output(void **state)
{
    (void)state;
    vpit_init(&pit, 0);
    load_channel(2, 0, 1193, 0);
    vpit_write(&pit, 0x43, 0xe8, 0);
    assert_int_equal(vpit_read(&pit, 0x42, 0), 0x30);
    vpit_write(&pit, 0x43, 0xe8, 2 * MS);
    assert_int_equal(vpit_read(&pit, 0x42, 2 * MS), 0xb0);
}

/* How kernels measure the TSC: gate on, wait for bit 5. */
static void the_speaker_port_shows_channel_two_run_out(void **state)
{
    (void)state;
    vpit_init(&pit, 0);
    vpit_write(&pit, 0x61, 1, 0);
    load_channel(2, 0, 59659, 0);                /* 50 ms */
    assert_int_equal(vpit_read(&pit, 0x61, 49 * MS) & 0x21, 0x01);
    assert_int_equal(vpit_read(&pit, 0x61, 51 * MS) & 0x21, 0x21);
}

static void pit_survives_any_accesses(void **state)
{
    ns_t now = 0;

    (void)state;
    srand(4);
    vpit_init(&pit, 0);
    for (int i = 0; i < 200000; i++) {
        static const uint16_t ports[] = { 0x40, 0x41, 0x42, 0x43, 0x61 };

        now += rand() % 1000000;
        if (rand() % 2)
            vpit_write(&pit, ports[rand() % 5], (uint8_t)rand(), now);
        else
            (void)vpit_read(&pit, ports[rand() % 5], now);
        if (vpit_deadline(&pit) <= now)
            (void)vpit_expire(&pit, now);
        assert_true(vpit_deadline(&pit) > now);
    }
}

/* ---- clock ---- */

static struct vrtc rtc;

static uint8_t cmos(uint8_t index, ns_t now)
{
    uint8_t value = 0;

    assert_true(vrtc_write(&rtc, 0x70, index, now));
    assert_true(vrtc_read(&rtc, 0x71, now, &value));
    return value;
}

static void set_cmos(uint8_t index, uint8_t value, ns_t now)
{
    assert_true(vrtc_write(&rtc, 0x70, index, now));
    assert_true(vrtc_write(&rtc, 0x71, value, now));
}

static void the_calendar_is_that_of_the_c_library(void **state)
{
    (void)state;
    srand(5);
    for (int i = 0; i < 20000; i++) {
        time_t t = (time_t)rand() * 86400 % 100000000000LL;
        struct civil c = civil_from_days(t / 86400);
        struct tm tm;

        gmtime_r(&t, &tm);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(civil_to_days(c), t / 86400);
    }
}

static void the_clock_shows_utc_in_bcd(void **state)
{
    (void)state;
    vrtc_init(&rtc, 1790000000, 0);              /* 2026-09-21 14:13:20, a Monday */
    assert_int_equal(cmos(0, 5 * SECOND), 0x25);
    assert_int_equal(cmos(2, 0), 0x13);
    assert_int_equal(cmos(4, 0), 0x14);
    assert_int_equal(cmos(6, 0), 2);
    assert_int_equal(cmos(7, 0), 0x21);
    assert_int_equal(cmos(8, 0), 0x09);
    assert_int_equal(cmos(9, 0), 0x26);
    assert_int_equal(cmos(13, 0), 0x80);
}

static void hours_of_a_twelve_hour_clock(void **state)
{
    (void)state;
    vrtc_init(&rtc, 0, 0);
    set_cmos(11, 0, 0);
    assert_int_equal(cmos(4, 0), 0x12);                  /* midnight is 12 AM */
    assert_int_equal(cmos(4, 12 * 3600 * SECOND), 0x92);
    assert_int_equal(cmos(4, 13 * 3600 * SECOND), 0x81);
}

static void a_time_that_was_set_goes_on_from_there(void **state)
{
    (void)state;
    vrtc_init(&rtc, 1790000000, 0);
    set_cmos(11, 0x82, 0);
    set_cmos(9, 0x99, 0);
    set_cmos(8, 0x12, 0);
    set_cmos(7, 0x31, 0);
    set_cmos(4, 0x23, 0);
    set_cmos(2, 0x59, 0);
    set_cmos(0, 0x59, 0);
    assert_int_equal(cmos(0, 100 * SECOND), 0x59);       /* it stands */
    set_cmos(11, 0x02, 100 * SECOND);
    assert_int_equal(cmos(0, 100 * SECOND), 0x59);
    assert_int_equal(cmos(9, 101 * SECOND), 0x00);
    assert_int_equal(cmos(7, 101 * SECOND), 0x01);
}

static void the_update_bit_is_set_shortly_before_a_new_second(void **state)
{
    (void)state;
    vrtc_init(&rtc, 0, 0);
    assert_int_equal(cmos(10, SECOND / 2) & 0x80, 0);
    assert_int_equal(cmos(10, SECOND - MS) & 0x80, 0x80);
}

static void the_periodic_interrupt_has_the_rate_of_register_a(void **state)
{
    unsigned int count = 0;

    (void)state;
    vrtc_init(&rtc, 0, 0);
    set_cmos(10, 0x26, 0);
    set_cmos(11, 0x42, 0);
    for (ns_t now = 0; now <= 2 * SECOND; now = vrtc_deadline(&rtc))
        count += vrtc_expire(&rtc, now);
    assert_in_range(count, 2047, 2048);
    assert_int_equal(cmos(12, 2 * SECOND) & 0xc0, 0xc0);
    assert_int_equal(cmos(12, 2 * SECOND), 0);
}

static void late_periods_are_counted(void **state)
{
    (void)state;
    vrtc_init(&rtc, 0, 0);
    set_cmos(10, 0x26, 0);
    set_cmos(11, 0x42, 0);
    assert_int_equal(vrtc_expire(&rtc, 105 * MS), 107);      /* of 1024 a second */
    assert_int_equal(vrtc_expire(&rtc, 105 * MS), 0);
}

static void the_alarm_comes_at_its_second(void **state)
{
    ns_t now = 0;

    (void)state;
    vrtc_init(&rtc, 0, 0);
    set_cmos(1, 0x30, 0);
    set_cmos(3, 0xff, 0);
    set_cmos(5, 0xff, 0);
    set_cmos(11, 0x22, 0);
    while (!vrtc_expire(&rtc, now = vrtc_deadline(&rtc)))
        assert_true(now < 60 * SECOND);
    assert_int_equal(now, 30 * SECOND);
    assert_int_equal(cmos(12, now) & 0xa0, 0xa0);
}

static void the_alarms_flag_is_set_though_nobody_wants_its_interrupt(void **state)
{
    (void)state;
    vrtc_init(&rtc, 0, 0);
    set_cmos(1, 0x15, 0);
    set_cmos(3, 0x59, 0);
    set_cmos(5, 0x23, 0);                                       /* 23:59:15 */
    assert_int_equal(cmos(12, (23 * 3600 + 59 * 60 + 14) * SECOND) & 0x20, 0);
    assert_int_equal(cmos(12, (23 * 3600 + 59 * 60 + 16) * SECOND) & 0xa0, 0x20);
    assert_int_equal(cmos(12, (24 * 3600) * SECOND) & 0x20, 0);
    assert_int_equal(cmos(12, (24 * 3600 * 40LL) * SECOND) & 0x20, 0x20);
}

static void what_is_not_the_clocks_is_somebody_elses(void **state)
{
    uint8_t value;

    (void)state;
    vrtc_init(&rtc, 0, 0);
    assert_false(vrtc_write(&rtc, 0x70, 0x15, 0));
    assert_false(vrtc_read(&rtc, 0x71, 0, &value));
    assert_false(vrtc_write(&rtc, 0x71, 1, 0));
}

/* ---- HPET ---- */

static struct vhpet hpet;

static void the_counter_runs_at_62_5_mhz_when_enabled(void **state)
{
    (void)state;
    vhpet_init(&hpet, 0);
    assert_int_equal(vhpet_read(&hpet, 4, 4, 0), 16000000);
    assert_int_equal(vhpet_read(&hpet, 0xf0, 8, SECOND), 0);
    vhpet_write(&hpet, 0x10, 4, 1, SECOND);
    assert_int_equal(vhpet_read(&hpet, 0xf0, 8, 2 * SECOND), 62500000);
    vhpet_write(&hpet, 0x10, 4, 0, 2 * SECOND);
    assert_int_equal(vhpet_read(&hpet, 0xf0, 8, 9 * SECOND), 62500000);
}

static unsigned int count_hpet(ns_t until, uint64_t *pins, uint16_t *isa)
{
    unsigned int count = 0;

    *pins = 0;
    *isa = 0;
    for (ns_t now; (now = vhpet_deadline(&hpet)) <= until;) {
        uint64_t p;
        uint16_t i;

        vhpet_expire(&hpet, now, &p, &i);
        count++;
        *pins |= p;
        *isa |= i;
    }
    return count;
}

/* As Linux sets it up: comparator, then period, after the accumulator bit. */
static void a_periodic_timer_with_legacy_replacement_drives_irq_0(void **state)
{
    uint64_t pins;
    uint16_t isa;

    (void)state;
    vhpet_init(&hpet, 0);
    vhpet_write(&hpet, 0x100, 4, 0x14c, 0);      /* enable, periodic, set accumulator, 32 bits */
    vhpet_write(&hpet, 0x108, 4, 625000, 0);     /* 10 ms */
    vhpet_write(&hpet, 0x108, 4, 625000, 0);
    vhpet_write(&hpet, 0x10, 4, 3, 0);
    assert_true(vhpet_is_legacy(&hpet));
    assert_int_equal(count_hpet(SECOND, &pins, &isa), 100);
    assert_int_equal(isa, 1);
    assert_int_equal(pins, 0);
}

static void a_period_of_more_than_half_a_counter_fires_once(void **state)
{
    uint64_t pins;
    uint16_t isa;

    (void)state;
    vhpet_init(&hpet, 0);
    vhpet_write(&hpet, 0x100, 4, 0x4c, 0);       /* enable, periodic, set accumulator */
    vhpet_write(&hpet, 0x108, 8, 1000, 0);
    vhpet_write(&hpet, 0x108, 8, UINT64_MAX, 0);
    vhpet_write(&hpet, 0x10, 4, 1, 0);
    assert_int_equal(count_hpet(SECOND, &pins, &isa), 1);
    assert_true(vhpet_deadline(&hpet) > SECOND);
}

static void a_one_shot_fires_once_on_its_route(void **state)
{
    uint64_t pins;
    uint16_t isa;

    (void)state;
    vhpet_init(&hpet, 0);
    vhpet_write(&hpet, 0x10, 4, 1, 0);
    vhpet_write(&hpet, 0x140, 4, 0x4 | 20 << 9, 0);
    vhpet_write(&hpet, 0x148, 8, 1000, 0);
    assert_int_equal(count_hpet(SECOND, &pins, &isa), 1);
    assert_int_equal(pins, 1ULL << 20);
    vhpet_write(&hpet, 0x140, 4, 0x4 | 3 << 9, 0);
    assert_int_equal(vhpet_read(&hpet, 0x140, 4, 0) >> 9 & 31, 0);      /* no such route */
}

static void a_level_timer_holds_its_pin_until_its_status_is_cleared(void **state)
{
    uint64_t pins;
    uint16_t isa;

    (void)state;
    vhpet_init(&hpet, 0);
    vhpet_write(&hpet, 0x10, 4, 1, 0);
    vhpet_write(&hpet, 0x100, 4, 0x6 | 21 << 9, 0);
    vhpet_write(&hpet, 0x108, 8, 1000, 0);
    assert_int_equal(count_hpet(SECOND, &pins, &isa), 1);
    assert_int_equal(pins, 0);
    assert_int_equal(vhpet_level(&hpet), 1ULL << 21);
    vhpet_write(&hpet, 0x20, 4, 1, SECOND);
    assert_int_equal(vhpet_level(&hpet), 0);
}

static void a_32_bit_timer_fires_again_when_the_low_half_has_gone_round(void **state)
{
    uint64_t pins;
    uint16_t isa;

    (void)state;
    vhpet_init(&hpet, 0);
    vhpet_write(&hpet, 0x100, 4, 0x104, 0);
    vhpet_write(&hpet, 0x108, 4, 1000, 0);
    vhpet_write(&hpet, 0x10, 4, 1, 0);
    assert_int_equal(count_hpet(69 * SECOND, &pins, &isa), 2);          /* 2^32 ticks are 68.7 s */
}

static void hpet_survives_any_accesses(void **state)
{
    ns_t now = 0;

    (void)state;
    srand(6);
    vhpet_init(&hpet, 0);
    for (int i = 0; i < 200000; i++) {
        unsigned int size = rand() % 2 ? 4 : 8, offset = ((unsigned int)rand() % 0x180) & ~(size - 1);
        uint64_t value = rand() % 3 ? (uint64_t)rand() : (uint64_t)rand() << 33 | (uint64_t)rand(), pins;
        uint16_t isa;

        now += rand() % 1000000;
        if (rand() % 3)
            vhpet_write(&hpet, offset, size, value, now);
        else
            (void)vhpet_read(&hpet, offset, size, now);
        (void)vhpet_level(&hpet);
        if (vhpet_deadline(&hpet) <= now) {
            vhpet_expire(&hpet, now, &pins, &isa);
            assert_true(vhpet_deadline(&hpet) > now);
        }
    }
}

/* ---- PM ---- */

static void the_pm_timer_counts_and_its_top_bit_asks_for_the_sci(void **state)
{
    struct vpm pm;

    (void)state;
    vpm_init(&pm, 0);
    assert_int_equal(vpm_timer(&pm, SECOND), 3579545);
    assert_true(vpm_deadline(&pm) == NS_NEVER);
    vpm_write(&pm, 2, 1, 0);
    assert_in_range(vpm_deadline(&pm), 599 * SECOND, 600 * SECOND);      /* 2^31 ticks */
    vpm_expire(&pm, vpm_deadline(&pm));
    assert_true(vpm_sci(&pm));
    vpm_write(&pm, 0, 1, 600 * SECOND);
    assert_false(vpm_sci(&pm));
}

/* Against the exact product, in steps that are no round number, for three hundred years. */
static void the_pm_timer_never_lags_and_never_leads_by_a_tick(void **state)
{
    struct vpm pm;

    (void)state;
    vpm_init(&pm, 1);
    assert_int_equal(vpm_timer(&pm, 0), 0);
    for (ns_t ns = 1; ns < INT64_MAX / 9 * 8; ns += ns / 9 + 1) {
        unsigned __int128 exact = (unsigned __int128)ns * 3579545;
        uint32_t count = vpm_timer(&pm, ns + 1), from = (uint32_t)(exact / 1000000000);
        uint32_t to = (uint32_t)((exact + 1000000000 / 256) / 1000000000);

        assert_true(count == from || count == to);
    }
    for (uint64_t s = 1; s < 9000000000ULL; s = s * 3 + 1)
        assert_int_equal(vpm_timer(&pm, (ns_t)s * SECOND + 1), (uint32_t)(s * 3579545));
}

static void a_button_is_seen_when_it_is_enabled(void **state)
{
    struct vpm pm;

    (void)state;
    vpm_init(&pm, 0);
    vpm_press(&pm, VPM_PWRBTN_STS);
    assert_false(vpm_sci(&pm));
    vpm_write(&pm, 3, VPM_PWRBTN_STS >> 8, 0);
    assert_true(vpm_sci(&pm));
    assert_int_equal(vpm_read(&pm, 1, 0), VPM_PWRBTN_STS >> 8);
    vpm_write(&pm, 1, VPM_PWRBTN_STS >> 8, 0);
    assert_false(vpm_sci(&pm));
}

static void the_pm_timer_goes_on_after_a_save(void **state)
{
    struct hvm_hw_pmtimer record;
    struct vpm pm;

    (void)state;
    vpm_init(&pm, 0);
    vpm_save(&pm, 3 * SECOND, &record);
    vpm_load(&pm, &record, 100 * SECOND);
    assert_int_equal(vpm_timer(&pm, 101 * SECOND), 4 * 3579545);
}

static void a_record_with_an_impossible_clock_is_refused(void **state)
{
    struct vrtc r;
    struct hvm_hw_rtc record = { .rtc_offset = INT64_MAX };

    (void)state;
    vrtc_init(&r, 1790000000, 0);
    assert_int_equal(vrtc_load(&r, &record, 0), -EINVAL);
    record.rtc_offset = INT64_MIN;
    assert_int_equal(vrtc_load(&r, &record, 0), -EINVAL);
    record.rtc_offset = -86400;
    assert_int_equal(vrtc_load(&r, &record, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_generator_ticks_for_ever_without_drift),
        cmocka_unit_test(a_rate_that_nobody_could_serve_is_served_less_often),
        cmocka_unit_test(late_ticks_are_counted),
        cmocka_unit_test(owed_ticks_come_one_by_one),
        cmocka_unit_test(who_does_not_want_them_gets_one_late_tick),
        cmocka_unit_test(who_takes_none_is_looked_at_less_and_less_often),
        cmocka_unit_test(a_one_shot_fires_once),
        cmocka_unit_test(a_latched_count_stands_still),
        cmocka_unit_test(the_read_back_command_tells_mode_and_output),
        cmocka_unit_test(the_speaker_port_shows_channel_two_run_out),
        cmocka_unit_test(pit_survives_any_accesses),
        cmocka_unit_test(the_calendar_is_that_of_the_c_library),
        cmocka_unit_test(the_clock_shows_utc_in_bcd),
        cmocka_unit_test(hours_of_a_twelve_hour_clock),
        cmocka_unit_test(a_time_that_was_set_goes_on_from_there),
        cmocka_unit_test(the_update_bit_is_set_shortly_before_a_new_second),
        cmocka_unit_test(the_periodic_interrupt_has_the_rate_of_register_a),
        cmocka_unit_test(late_periods_are_counted),
        cmocka_unit_test(the_alarm_comes_at_its_second),
        cmocka_unit_test(the_alarms_flag_is_set_though_nobody_wants_its_interrupt),
        cmocka_unit_test(a_record_with_an_impossible_clock_is_refused),
        cmocka_unit_test(what_is_not_the_clocks_is_somebody_elses),
        cmocka_unit_test(the_counter_runs_at_62_5_mhz_when_enabled),
        cmocka_unit_test(a_periodic_timer_with_legacy_replacement_drives_irq_0),
        cmocka_unit_test(a_period_of_more_than_half_a_counter_fires_once),
        cmocka_unit_test(a_one_shot_fires_once_on_its_route),
        cmocka_unit_test(a_level_timer_holds_its_pin_until_its_status_is_cleared),
        cmocka_unit_test(a_32_bit_timer_fires_again_when_the_low_half_has_gone_round),
        cmocka_unit_test(hpet_survives_any_accesses),
        cmocka_unit_test(the_pm_timer_counts_and_its_top_bit_asks_for_the_sci),
        cmocka_unit_test(a_button_is_seen_when_it_is_enabled),
        cmocka_unit_test(the_pm_timer_never_lags_and_never_leads_by_a_tick),
        cmocka_unit_test(the_pm_timer_goes_on_after_a_save),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
