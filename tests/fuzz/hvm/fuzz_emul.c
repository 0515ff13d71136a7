/* SPDX-License-Identifier: BSD-2-Clause */
/* The instruction decoder and executor: bytes, mode, segments and register values from the input. */
#include <hvm/emul.h>

#include <stdlib.h>
#include <string.h>

#define CHECK(x) do { if (!(x)) abort(); } while (0)

struct input { uint8_t insn[15], length; uint8_t mode; uint8_t attr[8]; uint8_t memory; uint64_t gpr[16]; uint64_t base; uint32_t limit; };
static struct emul_context c;
static const struct input *in;
static unsigned int accesses;

static enum emul_result answer(unsigned int size)
{
    CHECK(size == 1 || size == 2 || size == 4 || size == 8 || size == 16 || size == 32);
    CHECK(++accesses < 100000);
    switch ((in->memory >> (2 * (accesses & 3U))) & 3U) {
    case 1:
        return EMUL_RETRY;
    case 2:
        c.fault_vector = X86_PF;
        return EMUL_FAULT;
    default:
        return EMUL_DONE;
    }
}
static enum emul_result fuzz_read(void *ctx, gva_t va, void *to, unsigned int size)
{
    (void)ctx;
    memset(to, (int)(va.v & 0xff), size);
    return answer(size);
}
static enum emul_result fuzz_write(void *ctx, gva_t va, const void *from, unsigned int size)
{
    uint8_t copy[EMUL_VECTOR_BYTES];

    (void)ctx;
    (void)va;
    memcpy(copy, from, size);
    return answer(size);
}
static enum emul_result fuzz_exchange(void *ctx, gva_t va, const void *expected, const void *value, unsigned int size, bool *stored)
{
    *stored = memcmp(expected, value, size) != 0 || (va.v & 1U) != 0;
    return fuzz_write(ctx, va, value, size);
}
static enum emul_result fuzz_port(void *ctx, uint16_t port, bool write, uint64_t *value, unsigned int size)
{
    (void)ctx;
    if (!write)
        *value = port;
    return answer(size);
}
static enum emul_result fuzz_run(void *ctx, uint16_t port, bool write, gva_t va, unsigned int size, uint32_t *count)
{
    (void)ctx;
    (void)write;
    (void)va;
    if ((port & 1U) != 0)
        return EMUL_UNHANDLED;
    *count = min_of(*count, size * 3U);
    return answer(size);
}
static enum emul_result fuzz_copy_run(void *ctx, gva_t from, gva_t to, unsigned int size, uint32_t *count)
{
    (void)ctx;
    if (((from.v ^ to.v) & 1U) != 0)
        return EMUL_UNHANDLED;
    *count = min_of(*count, size * 3U);
    return answer(size);
}
static void fuzz_vector_get(void *ctx, unsigned int n, uint8_t to[EMUL_VECTOR_BYTES])
{
    (void)ctx;
    memset(to, (int)n, EMUL_VECTOR_BYTES);
}
static void fuzz_vector_set(void *ctx, unsigned int n, const uint8_t from[EMUL_VECTOR_BYTES], unsigned int bytes)
{
    uint8_t copy[EMUL_VECTOR_BYTES];

    (void)ctx;
    (void)n;
    memcpy(copy, from, bytes);
}
static const struct emul_ops ops = { fuzz_read, fuzz_write, fuzz_exchange, fuzz_port, fuzz_run, fuzz_copy_run,
                                      fuzz_vector_get, fuzz_vector_set };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct input copy;
    struct guest_regs regs = { 0 };
    uint64_t rip = 0x1000;
    enum emul_result r;

    if (size < 16)
        return -1;
    memset(&copy, 0, sizeof(copy));
    memcpy(&copy, data, size < sizeof(copy) ? size : sizeof(copy));
    in = &copy;
    accesses = 0;
    c = (struct emul_context){ .regs = &regs, .rip = rip, .rflags = 2 | (copy.mode & 8 ? RFLAGS_DF : 0), .ops = &ops };
    memcpy(regs.gpr, copy.gpr, sizeof(copy.gpr));
    c.mode.cr0 = copy.mode & 4 ? CR0_PE : 0;
    c.mode.code64 = c.mode.long_mode = (copy.mode & 3) == 3;
    c.mode.code32 = (copy.mode & 3) == 1;
    for (unsigned int s = 0; s < SEG_COUNT; s++)
        c.seg[s] = (struct guest_seg){ .limit = copy.limit, .attr = copy.attr[s] * 0x101U, .base = copy.base };
    memcpy(c.insn, copy.insn, 15);
    c.insn_len = copy.length % 16;
    r = emul_run(&c);
    CHECK(r == EMUL_DONE || c.rip == rip);
    CHECK(c.insn_len <= 15);
    return 0;
}
