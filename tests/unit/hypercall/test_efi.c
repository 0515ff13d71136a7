/* SPDX-License-Identifier: BSD-2-Clause */
/* UEFI calls as dom0's kernel issues them, over a firmware with one variable and a clock. */
#include "world.h"

#include "fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xen/platform.h>

static struct { uint16_t name[32]; uint8_t data[64]; uint64_t size; uint32_t attributes; bool there; } variable;
static unsigned int calls;

#define PTR(type, n) ((type *)(uintptr_t)arg[n])

static uint64_t get_variable(const uint64_t arg[5])
{
    uint64_t room = *PTR(uint64_t, 3);

    if (!variable.there || memcmp(PTR(void, 0), variable.name, sizeof(variable.name)) != 0)
        return EFI_NOT_FOUND;
    *PTR(uint64_t, 3) = variable.size;
    *PTR(uint32_t, 2) = variable.attributes;
    if (room < variable.size)
        return EFI_BUFFER_TOO_SMALL;
    memcpy(PTR(void, 4), variable.data, variable.size);
    return EFI_SUCCESS;
}

static uint64_t firmware(enum efi_service s, const uint64_t arg[5])
{
    calls++;
    switch ((unsigned int)s) {
    case EFI_GET_TIME:
        memcpy(PTR(void, 0), (uint8_t[16]){ 0xea, 7, 11, 20, 16, 5, 9 }, 16);
        memcpy(PTR(void, 1), (uint32_t[3]){ 1, 50000000, 1 }, 9);
        return EFI_SUCCESS;
    case EFI_GET_VARIABLE:
        return get_variable(arg);
    case EFI_SET_VARIABLE:
        memcpy(variable.name, PTR(void, 0), sizeof(variable.name));
        memcpy(variable.data, PTR(void, 4), arg[3]);
        variable.attributes = (uint32_t)arg[2];
        variable.size = arg[3];
        variable.there = true;
        return EFI_SUCCESS;
    case EFI_GET_NEXT_VARIABLE_NAME:
        if (!variable.there || PTR(uint16_t, 1)[0] != 0)
            return EFI_NOT_FOUND;
        memcpy(PTR(void, 1), variable.name, 10);
        *PTR(uint64_t, 0) = 10;
        return EFI_SUCCESS;
    default:
        return EFI_UNSUPPORTED;
    }
}

static int setup(void **state)
{
    static struct efi_machine m;
    int rc = world_setup(state);

    memset(&variable, 0, sizeof(variable));
    calls = 0;
    m = (struct efi_machine){ .present = true, .runtime = true, .revision = 0x20046, .config_table = 0x1234000,
                              .config_count = 9, .vendor = { 'A', 'b', 0 }, .firmware_revision = 7,
                              .region_count = 1, .region = { { 0x1000000, 0x1000000, 15, 6 } } };
    efi_set_host(&m);
    fake_efi_services(firmware);
    return rc;
}

static struct xen_platform_op op_of(uint32_t function)
{
    struct xen_platform_op p;

    memset(&p, 0, sizeof(p));
    p.cmd = XENPF_efi_runtime_call;
    p.interface_version = XENPF_INTERFACE_VERSION;
    p.u.efi_runtime_call.function = function;
    return p;
}
#define RUN(p) CTL(__HYPERVISOR_platform_op, (p))

static const uint16_t name[] = { 'B', 'o', 'o', 't', 0 };

static int64_t write_variable(const void *data, size_t size)
{
    struct xen_platform_op p = op_of(XEN_EFI_set_variable);

    p.u.efi_runtime_call.misc = 7;
    p.u.efi_runtime_call.u.set_variable.name.p = (void *)world_put(world.dom0, name, sizeof(name));
    p.u.efi_runtime_call.u.set_variable.data.p = (void *)world_put(world.dom0, data, size);
    p.u.efi_runtime_call.u.set_variable.size = size;
    return RUN(&p);
}

static void a_variable_is_written_and_read_back(void **state)
{
    struct xen_platform_op p = op_of(XEN_EFI_get_variable);
    uint8_t data[40];
    uint64_t at;

    (void)state;
    assert_int_equal(write_variable("contents", 9), 0);
    memset(data, 0xcc, sizeof(data));
    at = world_put(world.dom0, data, sizeof(data));
    p.u.efi_runtime_call.u.get_variable.name.p = (void *)world_put(world.dom0, name, sizeof(name));
    p.u.efi_runtime_call.u.get_variable.data.p = (void *)at;
    p.u.efi_runtime_call.u.get_variable.size = sizeof(data);
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.efi_runtime_call.status, 0);
    assert_int_equal(p.u.efi_runtime_call.u.get_variable.size, 9);
    assert_int_equal(p.u.efi_runtime_call.misc, 7);
    world_get(world.dom0, at, data, sizeof(data));
    assert_string_equal(data, "contents");
    assert_int_equal(data[9], 0xcc);
}

static void a_small_buffer_is_answered_with_the_size(void **state)
{
    struct xen_platform_op p = op_of(XEN_EFI_get_variable);

    (void)state;
    assert_int_equal(write_variable("contents", 9), 0);
    p.u.efi_runtime_call.u.get_variable.name.p = (void *)world_put(world.dom0, name, sizeof(name));
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.efi_runtime_call.status, EFI_BUFFER_TOO_SMALL);
    assert_int_equal(p.u.efi_runtime_call.u.get_variable.size, 9);
}

static void names_are_listed(void **state)
{
    struct xen_platform_op p = op_of(XEN_EFI_get_next_variable_name);
    uint16_t list[32] = { 0 };
    uint64_t at;

    (void)state;
    assert_int_equal(write_variable("x", 1), 0);
    at = world_put(world.dom0, list, sizeof(list));
    p.u.efi_runtime_call.u.get_next_variable_name.name.p = (void *)at;
    p.u.efi_runtime_call.u.get_next_variable_name.size = sizeof(list);
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.efi_runtime_call.status, 0);
    assert_int_equal(p.u.efi_runtime_call.u.get_next_variable_name.size, 10);
    world_get(world.dom0, at, list, sizeof(list));
    assert_memory_equal(list, name, sizeof(name));
    p.u.efi_runtime_call.u.get_next_variable_name.size = sizeof(list);
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.efi_runtime_call.status, EFI_NOT_FOUND);
}

static void the_clock_is_read(void **state)
{
    struct xen_platform_op p = op_of(XEN_EFI_get_time);

    (void)state;
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.efi_runtime_call.status, 0);
    assert_int_equal(p.u.efi_runtime_call.u.get_time.time.year, 2026);
    assert_int_equal(p.u.efi_runtime_call.u.get_time.time.sec, 9);
    assert_int_equal(p.u.efi_runtime_call.u.get_time.accuracy, 50000000);
    assert_int_equal(p.u.efi_runtime_call.misc, XEN_EFI_GET_TIME_SET_CLEARS_NS);
}

static void bad_requests_do_not_reach_the_firmware(void **state)
{
    uint16_t endless[1500];
    struct xen_platform_op p = op_of(XEN_EFI_get_variable);

    (void)state;
    for (unsigned int i = 0; i < 1500; i++)
        endless[i] = 'a';
    p.u.efi_runtime_call.u.get_variable.name.p = (void *)world_put(world.dom0, endless, sizeof(endless));
    assert_int_equal(RUN(&p), -EINVAL);
    p.u.efi_runtime_call.u.get_variable.name.p = (void *)WORLD_BAD_POINTER;
    assert_int_equal(RUN(&p), -EFAULT);
    p.u.efi_runtime_call.misc = 1;
    assert_int_equal(RUN(&p), -EINVAL);
    for (uint32_t f = 0; f < 40; f++) {
        p = op_of(f);
        p.u.efi_runtime_call.misc = 0x80000000;
        if (f != XEN_EFI_set_variable)
            assert_true(RUN(&p) < 0);
    }
    p = op_of(XEN_EFI_set_variable);
    p.u.efi_runtime_call.u.set_variable.name.p = (void *)world_put(world.dom0, name, sizeof(name));
    p.u.efi_runtime_call.u.set_variable.size = UINT64_MAX;
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.efi_runtime_call.status, EFI_OUT_OF_RESOURCES);
    p.u.efi_runtime_call.u.set_variable.size = 8;
    p.u.efi_runtime_call.u.set_variable.data.p = (void *)WORLD_BAD_POINTER;
    assert_int_equal(RUN(&p), -EFAULT);
    assert_int_equal(calls, 0);
}

static struct xen_platform_op info_of(uint32_t index)
{
    struct xen_platform_op p;

    memset(&p, 0, sizeof(p));
    p.cmd = XENPF_firmware_info;
    p.interface_version = XENPF_INTERFACE_VERSION;
    p.u.firmware_info.type = XEN_FW_EFI_INFO;
    p.u.firmware_info.index = index;
    return p;
}

static void the_system_table_is_described(void **state)
{
    struct xen_platform_op p = info_of(XEN_FW_EFI_CONFIG_TABLE);
    uint16_t vendor[8] = { 0 };
    uint64_t at = world_put(world.dom0, vendor, sizeof(vendor));

    (void)state;
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.firmware_info.u.efi_info.cfg.addr, 0x1234000);
    assert_int_equal(p.u.firmware_info.u.efi_info.cfg.nent, 9);
    p = info_of(XEN_FW_EFI_VERSION);
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.firmware_info.u.efi_info.version, 0x20046);
    p = info_of(XEN_FW_EFI_VENDOR);
    p.u.firmware_info.u.efi_info.vendor.bufsz = sizeof(vendor);
    p.u.firmware_info.u.efi_info.vendor.name.p = (void *)at;
    assert_int_equal(RUN(&p), 0);
    world_get(world.dom0, at, vendor, sizeof(vendor));
    assert_int_equal(vendor[1], 'b');
    p = info_of(XEN_FW_EFI_MEM_INFO);
    p.u.firmware_info.u.efi_info.mem.addr = 0x1fff000;
    p.u.firmware_info.u.efi_info.mem.size = 0x2000;
    assert_int_equal(RUN(&p), 0);
    assert_int_equal(p.u.firmware_info.u.efi_info.mem.type, 6);
    assert_int_equal(p.u.firmware_info.u.efi_info.mem.size, 0x1000);
    p.u.firmware_info.u.efi_info.mem.addr = 0;
    assert_int_equal(RUN(&p), -ESRCH);
}

static void a_bios_machine_has_none_of_this(void **state)
{
    struct xen_platform_op p = info_of(XEN_FW_EFI_VERSION);
    static const struct efi_machine none;

    (void)state;
    efi_set_host(&none);
    assert_int_equal(RUN(&p), -ENOSYS);
    p = op_of(XEN_EFI_get_time);
    assert_int_equal(RUN(&p), -ENOSYS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_variable_is_written_and_read_back),
        TEST(a_small_buffer_is_answered_with_the_size),
        TEST(names_are_listed),
        TEST(the_clock_is_read),
        TEST(bad_requests_do_not_reach_the_firmware),
        TEST(the_system_table_is_described),
        TEST(a_bios_machine_has_none_of_this),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
