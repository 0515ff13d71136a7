/* SPDX-License-Identifier: BSD-2-Clause */
#include <boot/cmdline.h>

#include <hv/assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct cmdline c;

    memcpy(text, data, size);
    text[size] = '\0';
    cmdline_parse(text, &c);
    BUG_ON(strnlen(c.unknown, sizeof(c.unknown)) == sizeof(c.unknown));
    BUG_ON(c.console_com > 1 || c.com[0].irq > 15 || c.com[0].data_bits < 5 || c.com[0].data_bits > 8);
    free(text);
    return 0;
}
