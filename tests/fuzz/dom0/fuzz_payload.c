/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the payload of a bzImage whose header is right: the decoders' door. */
#include "parse_and_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t total;
    uint8_t *b = tiny_bzimage(data, size, &total);

    parse_and_load(b, total);
    free(b);
    return 0;
}
