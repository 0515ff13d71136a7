/* SPDX-License-Identifier: BSD-2-Clause */
/* Each test runs in one process with the others: it starts by emptying the ring. */
#include <lib/log.h>

#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static char sunk[1 << 20];
static size_t sunk_length;
static ns_t now;
static int lock_depth, lock_count;

static void sink_write(const char *text, size_t length)
{
    memcpy(sunk + sunk_length, text, length);
    sunk_length += length;
    sunk[sunk_length] = 0;
}

static struct log_sink sink = { sink_write, NULL };
static ns_t test_now(void) { return now; }
static uint64_t test_lock(void) { lock_depth++; lock_count++; return 5; }
static void test_unlock(uint64_t f) { assert_int_equal(f, 5); lock_depth--; }
static const struct log_lock locking = { test_lock, test_unlock };

static int setup(void **s)
{
    char b[16];
    uint32_t index = 0;
    (void)s;
    log_ring_read(b, 0, &index, false, true);
    sunk_length = 0;
    sunk[0] = 0;
    now += 1000 * NS_PER_SEC;
    log_set_clock(test_now);
    log_set_thresholds(LOG_INFO + 1, LOG_INFO + 1, 0, LOG_WARNING + 1);
    return 0;
}

static void a_line_has_the_prefix_and_a_newline_in_ring_and_sink(void **s)
{
    char b[64];
    uint32_t index = 0;
    size_t n;
    (void)s;
    log_info("hello %d", 3);
    assert_string_equal(sunk, "(XEN) hello 3\n");
    n = log_ring_read(b, sizeof(b), &index, false, false);
    assert_int_equal(n, 14);
    assert_memory_equal(b, "(XEN) hello 3\n", 14);
}

static void thresholds_drop_what_is_above_them(void **s)
{
    (void)s;
    log_debug("no");
    log_guest(LOG_G_INFO, 3, "no");
    assert_string_equal(sunk, "");
    log_guest(LOG_G_WARNING, 3, "yes");
    assert_string_equal(sunk, "(XEN) d3 yes\n");
    log_set_thresholds(4, 4, 4, 4);
    log_debug("dbg");
    assert_non_null(strstr(sunk, "dbg"));
}

static void a_guest_that_floods_is_cut_short_and_the_loss_is_told(void **s)
{
    size_t lines = 0;
    (void)s;
    for (int i = 0; i < 1000; i++)
        log_guest(LOG_G_WARNING, 1, "flood");
    for (const char *p = sunk; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    assert_int_equal(lines, 10);
    now += NS_PER_SEC;
    log_guest(LOG_G_WARNING, 1, "again");
    assert_non_null(strstr(sunk, "(XEN) 990 messages suppressed\n(XEN) d1 again\n"));
}

static void a_long_line_is_cut_and_still_ends_in_a_newline(void **s)
{
    char big[2000];
    (void)s;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    log_info("%s", big);
    assert_true(sunk_length <= 512);
    assert_int_equal(sunk[sunk_length - 1], '\n');
    sunk_length = 0;
    log_guest(LOG_G_ERR, 1, "%s", big);
    assert_int_equal(sunk[sunk_length - 1], '\n');
}

static void the_ring_keeps_the_newest_bytes_and_positions_stay_absolute(void **s)
{
    size_t size = log_ring_size(), n;
    char *all = malloc(size + 10);
    uint32_t index = 0, old;
    (void)s;
    log_write_raw("first", 5);
    log_ring_read(all, 5, &index, false, false);
    old = index;
    for (size_t i = 0; i < size / 8 + 100; i++)
        log_write_raw("01234567", 8);
    index = old;                      /* overtaken: starts at the oldest byte that is left */
    n = log_ring_read(all, size + 10, &index, true, false);
    assert_int_equal(n, size);
    assert_int_equal(all[n - 1], '7');
    assert_int_equal(log_ring_read(all, size, &index, true, false), 0);
    log_write_raw("new", 3);
    assert_int_equal(log_ring_read(all, size, &index, true, false), 3);
    assert_memory_equal(all, "new", 3);
    index = 12345 + index;            /* nonsense from a caller */
    assert_int_equal(log_ring_read(all, size, &index, true, true), size);
    assert_int_equal(log_ring_read(all, size, &index, false, false), 0);
    free(all);
}

static void a_late_sink_can_be_given_what_came_before(void **s)
{
    (void)s;
    log_info("early");
    sunk_length = 0;
    log_replay(&sink);
    assert_string_equal(sunk, "(XEN) early\n");
}

static void the_lock_is_balanced_and_panic_mode_drops_it(void **s)
{
    int before;
    (void)s;
    log_set_lock(&locking);
    log_info("x");
    assert_int_equal(lock_depth, 0);
    before = lock_count;
    assert_true(before > 0);
    log_panic_mode();
    log_info("y");
    assert_int_equal(lock_count, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_has_the_prefix_and_a_newline_in_ring_and_sink, setup),
        cmocka_unit_test_setup(thresholds_drop_what_is_above_them, setup),
        cmocka_unit_test_setup(a_guest_that_floods_is_cut_short_and_the_loss_is_told, setup),
        cmocka_unit_test_setup(a_long_line_is_cut_and_still_ends_in_a_newline, setup),
        cmocka_unit_test_setup(the_ring_keeps_the_newest_bytes_and_positions_stay_absolute, setup),
        cmocka_unit_test_setup(a_late_sink_can_be_given_what_came_before, setup),
        cmocka_unit_test_setup(the_lock_is_balanced_and_panic_mode_drops_it, setup),
    };
    log_add_sink(&sink);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
