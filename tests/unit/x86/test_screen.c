/* SPDX-License-Identifier: BSD-2-Clause */
#include "screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"

#define COLUMNS 10U
#define ROWS 4U

static char shown[ROWS][COLUMNS + 1];

static void paint(unsigned int row, unsigned int column, const char *text, unsigned int count)
{
    assert_true(row < ROWS && column + count <= COLUMNS);
    memcpy(&shown[row][column], text, count);
}

static const struct screen_backend small = { paint, COLUMNS, ROWS, 1 };
static const struct screen_backend jumpy = { paint, COLUMNS, ROWS, 2 };

static void write_text(const char *t) { screen_write(t, strlen(t)); }

static int setup(void **s)
{
    (void)s;
    memset(shown, 0, sizeof(shown));
    screen_init(&small);
    return 0;
}

static void text_stands_where_it_was_written(void **s)
{
    (void)s;
    write_text("ab\ncd");
    write_text("ef\n");
    assert_string_equal(shown[0], "ab        ");
    assert_string_equal(shown[1], "cdef      ");
}

static void long_lines_wrap_and_the_screen_scrolls(void **s)
{
    (void)s;
    write_text("0123456789ABC\n1\n2\n3");
    assert_string_equal(shown[0], "ABC       ");
    assert_string_equal(shown[3], "3         ");
    screen_init(&jumpy);
    write_text("1\n2\n3\n4\n5");
    assert_string_equal(shown[0], "3         ");
    assert_string_equal(shown[1], "4         ");
    assert_string_equal(shown[2], "5         ");
}

static void control_characters_do_no_harm(void **s)
{
    (void)s;
    write_text("a\tb\rc\x1b[0m\x80\xff\n\n\n\n\n\t\t\t\tx");
    assert_string_equal(shown[3], "x         ");
    write_text("\x07");
}

static void a_released_screen_is_left_alone_until_reclaimed(void **s)
{
    (void)s;
    write_text("mine");
    screen_release();
    memset(shown, '?', sizeof(shown) - 1);
    write_text(" no");
    assert_int_equal(shown[0][0], '?');
    screen_reclaim();
    assert_memory_equal(shown[0], "mine      ", 10);
}

/* A frame buffer in memory, with a margin that must stay untouched. */
static void letters_are_painted_inside_a_frame_buffer_of_any_depth(void **s)
{
    static const uint8_t depths[] = { 16, 24, 32 };
    (void)s;
    for (size_t i = 0; i < ARRAY_COUNT(depths); i++) {
        struct console_fb fb = { 0, 0, 205, 171, depths[i], 16, 8, 0, 8, 8, 8 };
        unsigned int bytes = (depths[i] + 7U) / 8;
        size_t size, lit = 0;
        uint8_t *pixels;
        const struct screen_backend *b;

        fb.pitch = 205 * bytes + 8;
        size = (size_t)fb.pitch * fb.height;
        pixels = calloc(1, size);
        b = framebuffer_backend(&fb, pixels);
        assert_non_null(b);
        assert_int_equal(b->columns, 25);
        assert_int_equal(b->rows, 10);
        framebuffer_forget();
        screen_init(b);
        for (int k = 0; k < 40; k++)
            write_text("Tenon: (qj@#)\n");
        for (size_t k = 0; k < size; k++)
            lit += pixels[k] != 0;
        assert_true(lit > 1000);
        for (unsigned int y = 0; y < fb.height; y++)
            for (unsigned int k = 205 * bytes; k < fb.pitch; k++)
                assert_int_equal(pixels[y * fb.pitch + k], 0);
        screen_release();
        free(pixels);
    }
}

static void every_printable_letter_has_a_shape_of_its_own(void **s)
{
    uint8_t a[16], b[16];
    (void)s;
    for (int c = ' '; c <= '~'; c++)
        for (int d = c + 1; d <= '~'; d++) {
            font_glyph((char)c, a);
            font_glyph((char)d, b);
            assert_memory_not_equal(a, b, 16);
        }
    font_glyph((char)0x80, a);
    font_glyph('?', b);
    assert_memory_equal(a, b, 16);
}

static void an_odd_frame_buffer_is_refused(void **s)
{
    struct console_fb fb = { 0, 100, 100, 100, 8, 0, 0, 0, 0, 0, 0 };
    (void)s;
    assert_null(framebuffer_backend(&fb, &fb));
    fb.bpp = 32;
    assert_null(framebuffer_backend(&fb, &fb));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(text_stands_where_it_was_written, setup),
        cmocka_unit_test_setup(long_lines_wrap_and_the_screen_scrolls, setup),
        cmocka_unit_test_setup(control_characters_do_no_harm, setup),
        cmocka_unit_test_setup(a_released_screen_is_left_alone_until_reclaimed, setup),
        cmocka_unit_test_setup(letters_are_painted_inside_a_frame_buffer_of_any_depth, setup),
        cmocka_unit_test_setup(every_printable_letter_has_a_shape_of_its_own, setup),
        cmocka_unit_test_setup(an_odd_frame_buffer_is_refused, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
