/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as boot information; what comes out must hold to its own limits. */
#include <boot/bootinfo.h>

#include <hv/assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bootinfo out;
    const char *sentence = multiboot2_parse(data, size, &out);

    BUG_ON(out.module_count > BOOT_MAX_MODULES || out.mmap_count > BOOT_MAX_MMAP);
    BUG_ON(strnlen(out.cmdline, BOOT_CMDLINE_MAX) == BOOT_CMDLINE_MAX);
    BUG_ON(sentence == NULL && out.mmap_count == 0);
    for (unsigned int i = 0; i < out.module_count; i++)
        BUG_ON(out.module[i].end <= out.module[i].start ||
               strnlen(out.module[i].cmdline, BOOT_CMDLINE_MAX) == BOOT_CMDLINE_MAX);
    for (unsigned int i = 0; i < out.mmap_count; i++)
        BUG_ON(out.mmap[i].size == 0);
    return 0;
}
