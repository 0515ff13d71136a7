/* SPDX-License-Identifier: BSD-2-Clause */
/* The bzImage container: real-mode setup sectors with the setup header, then the protected-mode
 * part with the payload. */
#include "image_parts.h"

#include <lib/string.h>

/* Offsets of the setup header's fields in the file (Linux x86 boot protocol). */
#define SETUP_SECTS 0x1f1U
#define BOOT_FLAG 0x1feU
#define HEADER_MAGIC 0x202U
#define PROTOCOL 0x206U
#define LOADFLAGS 0x211U
#define XLOADFLAGS 0x236U
#define PAYLOAD_OFFSET 0x248U
#define PAYLOAD_LENGTH 0x24cU
#define HEADER_END 0x250U

#define LOADED_HIGH 0x01U
#define XLF_KERNEL_64 0x0001U
#define PROTOCOL_WITH_PAYLOAD 0x0208U
#define PROTOCOL_WITH_XLOADFLAGS 0x020cU
#define SECTOR 512U

static init_text const char *check_header(const uint8_t *h)
{
    uint32_t protocol = le16_at(h + PROTOCOL);

    if (protocol < PROTOCOL_WITH_PAYLOAD)
        return "dom0's kernel uses a boot protocol older than 2.08: Tenon needs Linux 2.6.26 or "
               "later";
    if (!(h[LOADFLAGS] & LOADED_HIGH))
        return "dom0's kernel is a zImage, not a bzImage: install a distribution's kernel";
    if (protocol >= PROTOCOL_WITH_XLOADFLAGS && !(le16_at(h + XLOADFLAGS) & XLF_KERNEL_64))
        return "dom0's kernel is a 32-bit one: Tenon needs a 64-bit kernel (linux-image-amd64)";
    return NULL;
}

init_text const char *bzimage_payload(struct bytes file, bool *is_bzimage, struct bytes *payload)
{
    const uint8_t *h = file.at;
    uint64_t sectors, start, length;
    const char *wrong;

    payload->at = NULL;
    payload->size = 0;
    *is_bzimage = file.size >= HEADER_MAGIC + 4 && le16_at(h + BOOT_FLAG) == 0xaa55U &&
                  memcmp(h + HEADER_MAGIC, "HdrS", 4) == 0;
    if (!*is_bzimage)
        return NULL;
    if (file.size < HEADER_END)
        return "dom0's kernel file is truncated inside its setup header: install it again";
    wrong = check_header(h);
    if (wrong)
        return wrong;
    sectors = h[SETUP_SECTS] ? h[SETUP_SECTS] : 4;
    start = (sectors + 1) * SECTOR + le32_at(h + PAYLOAD_OFFSET);
    length = le32_at(h + PAYLOAD_LENGTH);
    if (length == 0)
        return "dom0's kernel has no payload: its setup header is damaged, install it again";
    if (start > file.size || length > file.size - start)
        return "dom0's kernel file is truncated: its setup header promises a longer payload, "
               "install it again";
    payload->at = h + start;
    payload->size = length;
    return NULL;
}
