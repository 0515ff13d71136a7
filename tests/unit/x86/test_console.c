/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The serial console over a UART of the test's own: a transmitter that takes 16 bytes when it is empty and
 * empties when the test says so (or by itself when polled), and a queue of received bytes. The
 * consoles are one per machine, so the tests build on each other in the order of main().
 */
#include <x86/console.h>

#include <lib/log.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"

#define PORT 0x3f8U

static struct {
    bool present, dead, stalls;
    uint8_t ier, lcr, mcr, scratch, divisor[2];
    unsigned int fifo;              /* bytes in the transmitter */
    char sent[65536];
    size_t sent_count;
    const char *rx;
} uart;

static uint8_t uart_lsr(void)
{
    if (!uart.stalls && !uart.dead)
        uart.fifo = 0;
    return (uint8_t)((uart.rx && *uart.rx ? 0x01 : 0) | (uart.fifo == 0 && !uart.dead ? 0x60 : 0));
}

static uint32_t uart_in(uint16_t port, unsigned int size)
{
    (void)size;
    if (!uart.present || port < PORT || port > PORT + 7)
        return 0xff;
    switch (port - PORT) {
    case 0: return (uint8_t)(uart.rx && *uart.rx ? *uart.rx++ : 0);
    case 1: return uart.ier;
    case 2: return uart.rx && *uart.rx ? 0xc4 : 0xc1;
    case 3: return uart.lcr;
    case 5: return uart_lsr();
    case 7: return uart.scratch;
    default: return 0;
    }
}

static void uart_out(uint16_t port, unsigned int size, uint32_t v)
{
    (void)size;
    if (!uart.present || port < PORT || port > PORT + 7)
        return;
    switch (port - PORT) {
    case 0:
        if (uart.lcr & 0x80) {
            uart.divisor[0] = (uint8_t)v;
        } else {
            assert_true(uart.fifo < 16);      /* a byte that would be lost on a real line */
            uart.fifo++;
            uart.sent[uart.sent_count++] = (char)v;
        }
        break;
    case 1:
        if (uart.lcr & 0x80)
            uart.divisor[1] = (uint8_t)v;
        else
            uart.ier = (uint8_t)v;
        break;
    case 3: uart.lcr = (uint8_t)v; break;
    case 4: uart.mcr = (uint8_t)v; break;
    case 7: uart.scratch = (uint8_t)v; break;
    default: break;
    }
}

static int setup(void **s)
{
    (void)s;
    uart.sent_count = 0;
    memset(uart.sent, 0, sizeof(uart.sent));
    uart.dead = uart.stalls = false;
    uart.fifo = 0;
    uart.rx = NULL;
    return 0;
}

static void an_absent_uart_is_noticed(void **s)
{
    const struct console_serial c = { PORT, 4, 115200, 1843200, 8, 1, 'n' };
    (void)s;
    uart.present = false;
    assert_false(console_serial_init(&c, false));
    assert_int_equal(console_serial_port(), 0);
    console_poll();
}

static void the_line_is_set_up_and_gets_what_was_logged_before(void **s)
{
    const struct console_serial c = { PORT, 4, 9600, 1843200, 7, 2, 'e' };
    (void)s;
    uart.present = true;
    log_info("before");
    assert_true(console_serial_init(&c, true));
    assert_int_equal(uart.divisor[0] | uart.divisor[1] << 8, 12);
    assert_int_equal(uart.lcr, 0x1e);
    assert_int_equal(uart.mcr & 0x0b, 0x0b);
    assert_string_equal(uart.sent, "(XEN) before\r\n");
    assert_int_equal(console_serial_irq(), 4);
}

static void output_waits_for_the_line_at_first(void **s)
{
    char line[200];
    (void)s;
    memset(line, 'x', sizeof(line));
    log_write_raw(line, sizeof(line));
    assert_int_equal(uart.sent_count, sizeof(line));
}

static void output_goes_on_in_the_interrupt_later(void **s)
{
    (void)s;
    console_serial_enable_irq();
    assert_int_equal(uart.ier, 1);
    console_set_async(true);
    uart.stalls = true;
    log_write_raw("0123456789abcdefghij", 20);
    assert_int_equal(uart.sent_count, 16);
    assert_int_equal(uart.ier, 3);           /* tell us when there is room */
    uart.fifo = 0;
    console_poll();
    assert_string_equal(uart.sent, "0123456789abcdefghij");
    assert_int_equal(uart.ier, 1);
}

static void a_full_ring_waits_and_loses_nothing(void **s)
{
    (void)s;
    for (int i = 0; i < 3000; i++)
        log_write_raw("0123456789", 10);
    console_poll();
    for (int i = 0; i < 3000 && uart.sent_count < 30000; i++)
        console_poll();
    assert_int_equal(uart.sent_count, 30000);
    for (size_t i = 0; i < 30000; i++)
        assert_int_equal(uart.sent[i], '0' + (int)(i % 10));
}

static void a_dead_line_does_not_stop_the_machine(void **s)
{
    (void)s;
    uart.dead = true;
    uart.fifo = 16;
    console_set_async(false);
    log_write_raw("lost", 4);
    assert_int_equal(uart.sent_count, 0);
    uart.dead = false;
    log_write_raw("heard", 5);
    assert_string_equal(uart.sent, "heard");
}

static unsigned int notified;
static char typed[16];
static size_t typed_count;
static void notify(void) { notified++; }
static void key(uint8_t k) { typed[typed_count++] = (char)k; }

static void input_is_dom0s_until_ctrl_a_three_times(void **s)
{
    char c;
    (void)s;
    console_set_input_notify(notify);
    console_set_debug_key(key);
    uart.rx = "ls\r";
    console_poll();
    assert_int_equal(notified, 3);
    assert_true(console_has_input());
    assert_true(console_getc(&c) && c == 'l');
    assert_true(console_getc(&c) && c == 's');
    assert_true(console_getc(&c) && c == '\r');
    assert_false(console_getc(&c));
    uart.rx = "\x01\x01\x01h\x01\x01\x01x";
    console_poll();
    assert_int_equal(typed_count, 1);
    assert_int_equal(typed[0], 'h');
    assert_true(console_getc(&c) && c == 'x');
    assert_non_null(strstr(uart.sent, "input to Tenon"));
    assert_non_null(strstr(uart.sent, "input to DOM0"));
}

static void one_or_two_ctrl_a_reach_dom0(void **s)
{
    char c;
    (void)s;
    uart.rx = "\x01" "a\x01\x01" "b";
    console_poll();
    assert_true(console_getc(&c) && c == 1);
    assert_true(console_getc(&c) && c == 'a');
    assert_true(console_getc(&c) && c == 1);
    assert_true(console_getc(&c) && c == 1);
    assert_true(console_getc(&c) && c == 'b');
    assert_false(console_has_input());
}

static void input_nobody_reads_is_bounded(void **s)
{
    static char flood[5000];
    char c;
    int n = 0;
    (void)s;
    memset(flood, 'z', sizeof(flood) - 1);
    uart.rx = flood;
    while (*uart.rx)
        console_poll();
    while (console_getc(&c))
        n++;
    assert_int_equal(n, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_absent_uart_is_noticed, setup),
        cmocka_unit_test_setup(the_line_is_set_up_and_gets_what_was_logged_before, setup),
        cmocka_unit_test_setup(output_waits_for_the_line_at_first, setup),
        cmocka_unit_test_setup(output_goes_on_in_the_interrupt_later, setup),
        cmocka_unit_test_setup(a_full_ring_waits_and_loses_nothing, setup),
        cmocka_unit_test_setup(a_dead_line_does_not_stop_the_machine, setup),
        cmocka_unit_test_setup(input_is_dom0s_until_ctrl_a_three_times, setup),
        cmocka_unit_test_setup(one_or_two_ctrl_a_reach_dom0, setup),
        cmocka_unit_test_setup(input_nobody_reads_is_bounded, setup),
    };
    fake_reset();
    fake_port_hooks(uart_in, uart_out);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
