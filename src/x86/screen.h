/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The screen as a grid of characters. screen.c keeps the text and decides what moves; a backend
 * paints cells. Nothing is read back from the device.
 */
#ifndef X86_SCREEN_H
#define X86_SCREEN_H

#include <x86/console.h>

#define SCREEN_MAX_COLUMNS 240U
#define SCREEN_MAX_ROWS 100U

struct screen_backend {
    /* Paints `count` characters from column of row; text holds them. */
    void (*paint)(unsigned int row, unsigned int column, const char *text, unsigned int count);
    unsigned int columns, rows;
    unsigned int scroll;           /* rows to move up at once: many where painting is dear */
};

void screen_init(const struct screen_backend *b);
void screen_write(const char *text, size_t length);
/* Paints everything again. */
void screen_repaint(void);
/* Somebody else's from now on; until a panic takes it back. */
void screen_release(void);
void screen_reclaim(void);

/* NULL: there is no such device, or not one that can be painted. */
const struct screen_backend *vga_text_backend(void);
const struct screen_backend *framebuffer_backend(const struct console_fb *fb, void *map);
void framebuffer_set_map(void *map);
void framebuffer_forget(void);           /* somebody else has painted there */

/* 16 rows of 8 pixels, bit 7 leftmost. */
void font_glyph(char c, uint8_t rows[16]);

#endif
