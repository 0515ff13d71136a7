/* SPDX-License-Identifier: BSD-2-Clause */
/* Compiled to assembler text only: CMakeLists.txt makes offsets.h for entry.S out of the marked lines. */
#include <guestcpu/register_offsets.h>

void offsets(void);
void offsets(void)
{
    register_offsets();
}
