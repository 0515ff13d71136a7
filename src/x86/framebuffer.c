/* SPDX-License-Identifier: BSD-2-Clause */
/* Text on a linear frame buffer of 15, 16, 24 or 32 bits a pixel. */
#include "screen.h"

#include <lib/string.h>

#define GLYPH_WIDTH 8U
#define GLYPH_HEIGHT 16U

static struct console_fb mode;
static volatile uint8_t *pixels;
static uint32_t ink;

static uint32_t channel(uint8_t position, uint8_t size)
{
    uint32_t full = size >= 8 ? 0xffU << (size - 8) : 0xffU >> (8 - size);

    return position < 32 ? (full - full / 4) << position : 0;
}

static void put_pixel(volatile uint8_t *at, uint32_t colour)
{
    switch (mode.bpp) {
    case 32:
        *(volatile uint32_t *)(volatile void *)at = colour;
        break;
    case 24:
        at[0] = (uint8_t)colour;
        at[1] = (uint8_t)(colour >> 8);
        at[2] = (uint8_t)(colour >> 16);
        break;
    default:
        *(volatile uint16_t *)(volatile void *)at = (uint16_t)colour;
        break;
    }
}

static void paint_glyph(unsigned int row, unsigned int column, char c)
{
    unsigned int bytes = (mode.bpp + 7U) / 8;
    uint8_t rows[GLYPH_HEIGHT];

    font_glyph(c, rows);
    for (unsigned int y = 0; y < GLYPH_HEIGHT; y++) {
        volatile uint8_t *at = pixels + (size_t)(row * GLYPH_HEIGHT + y) * mode.pitch +
                               (size_t)column * GLYPH_WIDTH * bytes;

        for (unsigned int x = 0; x < GLYPH_WIDTH; x++, at += bytes)
            put_pixel(at, (rows[y] & (0x80U >> x)) ? ink : 0);
    }
}

/* What stands there already is not painted again: most of a screen is blank. */
static char shown[SCREEN_MAX_ROWS][SCREEN_MAX_COLUMNS];

static void paint(unsigned int row, unsigned int column, const char *text, unsigned int count)
{
    if (pixels == NULL)
        return;
    for (unsigned int i = 0; i < count; i++)
        if (shown[row][column + i] != text[i]) {
            shown[row][column + i] = text[i];
            paint_glyph(row, column + i, text[i]);
        }
}

void framebuffer_forget(void) { memset(shown, 0, sizeof(shown)); }

void framebuffer_set_map(void *map)
{
    bool was_blind = pixels == NULL;

    pixels = map;
    if (was_blind)
        screen_repaint();
}

const struct screen_backend *framebuffer_backend(const struct console_fb *fb, void *map)
{
    static struct screen_backend b;

    if (fb->bpp < 15 || fb->bpp > 32 || fb->width < GLYPH_WIDTH * 20 ||
        fb->height < GLYPH_HEIGHT * 10)
        return NULL;
    mode = *fb;
    pixels = map;
    ink = channel(fb->red_pos, fb->red_size) | channel(fb->green_pos, fb->green_size) |
          channel(fb->blue_pos, fb->blue_size);
    b.paint = paint;
    b.columns = min_of(fb->width / GLYPH_WIDTH, SCREEN_MAX_COLUMNS);
    b.rows = min_of(fb->height / GLYPH_HEIGHT, SCREEN_MAX_ROWS);
    b.scroll = b.rows / 4;
    return &b;
}
