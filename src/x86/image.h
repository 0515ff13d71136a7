/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the linker script put the parts of the image; addresses, not objects. */
#ifndef X86_IMAGE_H
#define X86_IMAGE_H

extern char image_start[], image_end[];
extern char text_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char ro_after_init_start[], ro_after_init_end[];
extern char data_start[], data_end[];
extern char init_start[], init_text_end[], init_end[];
extern char symbols_start[], symbols_end[];

#endif
