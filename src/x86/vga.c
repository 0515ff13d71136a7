/* SPDX-License-Identifier: BSD-2-Clause */
/* The text screen that a PC has had since 1981: 80x25 cells of character and colour at B8000. */
#include "screen.h"

#include <x86/cpu.h>
#include <x86/paging.h>

#define VGA_TEXT 0xb8000UL
#define COLUMNS 80U
#define ROWS 25U
#define GREY_ON_BLACK 0x0700U
#define CRTC_INDEX 0x3d4U
#define CRTC_DATA 0x3d5U

static void paint(unsigned int row, unsigned int column, const char *text, unsigned int count)
{
    volatile uint16_t *at = phys_to_virt(hpa_of(VGA_TEXT));

    at += row * COLUMNS + column;
    for (unsigned int i = 0; i < count; i++)
        at[i] = (uint16_t)(GREY_ON_BLACK | (uint8_t)text[i]);
}

const struct screen_backend *vga_text_backend(void)
{
    static const struct screen_backend vga = { paint, COLUMNS, ROWS, 1 };

    cpu_out8(CRTC_INDEX, 0x0a);    /* hide the cursor: nobody moves it */
    cpu_out8(CRTC_DATA, 0x20);
    return &vga;
}
