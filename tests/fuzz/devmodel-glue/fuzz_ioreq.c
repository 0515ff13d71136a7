/* SPDX-License-Identifier: BSD-2-Clause */
/* A device model that writes anything at any time into its pages, between requests, claims and releases of any form. */
#include <devmodel-glue/ioreq.h>

#include <stdlib.h>
#include <string.h>

static struct ioreq_servers all;
static struct ioreq_server servers[2];
static _Alignas(4096) char pages[4][4096];

static void begin(void)
{
    ioservid_t id;

    memset(&all, 0, sizeof(all));
    memset(servers, 0, sizeof(servers));
    memset(pages, 0, sizeof(pages));
    for (unsigned int i = 0; i < 2; i++) {
        servers[i].page = (void *)pages[2 * i];
        servers[i].ring = i ? NULL : (void *)pages[1];
        servers[i].enabled = true;
        if (ioreq_add(&all, &servers[i], &id) != 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    for (; size >= 12; data += 12, size -= 12) {
        struct ioreq_server *s = &servers[data[0] & 1];
        uint32_t vcpu = data[2] % IOREQ_MAX_VCPUS;
        struct ioreq_request r;
        uint64_t a, answer;
        ioservid_t id;

        memcpy(&a, data + 4, sizeof(a));
        switch (data[1] % 8) {
        case 0: (void)!ioreq_ranges_add(&s->ranges[data[2] % IOREQ_SPACES], a, a + data[3]); break;
        case 1: (void)!ioreq_ranges_remove(&s->ranges[data[2] % IOREQ_SPACES], a, a + data[3]); break;
        case 2: ((char *)s->page)[a % 4096] = (char)data[3]; break;
        case 3: pages[1][a % 4096] = (char)data[3]; break;
        case 4:
        case 5:
            r = data[1] & 1 ? ioreq_from_port(&all, (uint16_t)a, data[3] & 1, 1U << (data[3] >> 1 & 1), a)
                            : ioreq_from_memory(a, data[3] & 1, 1U << (data[3] >> 1 & 3), a);
            s = ioreq_route(&all, &r, &id);
            if (s && s->seen[vcpu] == STATE_IOREQ_NONE)
                ioreq_send(s, vcpu, &r);
            break;
        case 6: (void)ioreq_take(s, vcpu, &answer); break;
        default:
            r = ioreq_from_memory(a & 0x1fffff, false, data[3], a);
            (void)ioreq_push(s, &r);
        }
    }
    return 0;
}
