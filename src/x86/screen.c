/* SPDX-License-Identifier: BSD-2-Clause */
#include "screen.h"

#include <lib/string.h>

static const struct screen_backend *backend, *released;
static char cell[SCREEN_MAX_ROWS][SCREEN_MAX_COLUMNS];
static unsigned int row, column;

void screen_init(const struct screen_backend *b)
{
    memset(cell, ' ', sizeof(cell));
    row = column = 0;
    backend = b;
    screen_repaint();
}

void screen_repaint(void)
{
    if (backend == NULL)
        return;
    for (unsigned int r = 0; r < backend->rows; r++)
        backend->paint(r, 0, cell[r], backend->columns);
}

void screen_release(void)
{
    released = backend;
    backend = NULL;
}

void screen_reclaim(void)
{
    if (released == NULL)
        return;
    backend = released;
    framebuffer_forget();
    screen_repaint();
}

static void next_line(void)
{
    unsigned int kept;

    column = 0;
    if (++row < backend->rows)
        return;
    kept = backend->rows - backend->scroll;
    memmove(cell[0], cell[backend->scroll], (size_t)kept * sizeof(cell[0]));
    memset(cell[kept], ' ', (size_t)backend->scroll * sizeof(cell[0]));
    row = kept;
    screen_repaint();
}

/* Stores characters up to the end of the line or of the text; returns how many. */
static size_t put_run(const char *text, size_t length)
{
    unsigned int first = column;
    size_t n = 0;

    while (n < length && column < backend->columns && text[n] >= ' ' && text[n] <= '~')
        cell[row][column++] = text[n++];
    if (n > 0)
        backend->paint(row, first, &cell[row][first], column - first);
    return n;
}

void screen_write(const char *text, size_t length)
{
    size_t i = 0;

    while (backend != NULL && i < length) {
        if (text[i] == '\n')
            next_line();
        else if (text[i] == '\r')
            column = 0;
        else if (text[i] == '\t')
            column = min_of((column + 8) & ~7U, backend->columns);
        else if (text[i] >= ' ' && text[i] <= '~') {
            if (column >= backend->columns)
                next_line();
            i += put_run(&text[i], length - i);
            continue;
        }
        i++;
    }
}
