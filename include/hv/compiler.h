/* SPDX-License-Identifier: BSD-2-Clause */
/* Vocabulary: attributes and the few compiler-level idioms that every folder uses. */
#ifndef HV_COMPILER_H
#define HV_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define must_check __attribute__((warn_unused_result))
#define noreturn_fn __attribute__((noreturn))
#define noinline_fn __attribute__((noinline))     /* seldom called: its frame is not its caller's */
#define cold_fn __attribute__((cold, noinline))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define packed_struct __attribute__((packed))
#define aligned_to(n) __attribute__((aligned(n)))
#define unused_arg __attribute__((unused))

/* Only boot code and data, given back before the first guest runs. */
#ifdef HV_HOST
#define init_text
#define init_data
#define ro_after_init
#else
#define init_text __attribute__((section(".init.text"), cold))
#define init_data __attribute__((section(".init.data")))
/* Writable while booting, read-only afterwards: function pointers chosen at boot live here. */
#define ro_after_init __attribute__((section(".data.ro_after_init")))
#endif

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define barrier() __asm__ volatile("" ::: "memory")
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)(const volatile void *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)(volatile void *)&(x) = (v))

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) \
    ((type *)(void *)((char *)(uintptr_t)(ptr) - offsetof(type, member)))

#define min_of(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max_of(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })

#define ALIGN_UP(x, a) (((x) + (__typeof__(x))(a) - 1) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)
#define BIT(n) (1ULL << (n))

/*
 * An index that a guest chose and that was just checked against size: also 0 under speculation
 * past that check. No branch, so there is nothing to mispredict.
 */
static inline size_t array_index_nospec(size_t index, size_t size)
{
    size_t mask;

    __asm__ volatile("cmp %[size], %[index]; sbb %[mask], %[mask]"
                     : [mask] "=r"(mask)
                     : [size] "r"(size), [index] "r"(index)
                     : "cc");
    return index & mask;
}

#endif
