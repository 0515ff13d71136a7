/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as dom0's kernel: a sentence, or an image that can be loaded. */
#include "parse_and_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse_and_load(data, size);
    return 0;
}
