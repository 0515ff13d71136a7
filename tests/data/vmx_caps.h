/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMX capability MSRs of CPUs (SDM appendix A): name, IA32_FEATURE_CONTROL, then IA32_VMX_BASIC, _MISC,
 * _CR0_FIXED0/1, _CR4_FIXED0/1, _TRUE_PINBASED, _TRUE_PROCBASED, _TRUE_EXIT, _TRUE_ENTRY, _PROCBASED_CTLS2, _EPT_VPID_CAP.
 * The first two are what Bochs 2.7 reports; the others are written to have the gaps that their names tell.
 *   D(id, feature_control, basic, misc, cr0_0, cr0_1, cr4_0, cr4_1, pin, cpu, exit, entry, secondary, ept)
 */
D(bochs_skylake_x, 0x5, 0x00d810000000002bULL, 0x00000000600401e0ULL, 0x80000021, 0xffffffff, 0x2000, 0x003727ff,
  0x0000007f00000016ULL, 0xf7f9fffe04006172ULL, 0x007fffff00036dfbULL, 0x0000ffff000011fbULL,
  0x02177fff00000000ULL, 0x00000f0106334141ULL)
D(bochs_haswell, 0x5, 0x00d810000000002bULL, 0x00000000200401e0ULL, 0x80000021, 0xffffffff, 0x2000, 0x001727ff,
  0x0000007f00000016ULL, 0xf7f9fffe04006172ULL, 0x007fffff00036dfbULL, 0x0000ffff000011fbULL,
  0x00047fff00000000ULL, 0x00000f0106334141ULL)
/* The first CPUs with unrestricted guest: no virtual APIC beyond the TPR shadow and the access page, no 1G pages, no A/D. */
D(early_ept, 0x5, 0x00da04000000000fULL, 0x00000000000403c0ULL, 0x80000021, 0xffffffff, 0x2000, 0x000267ff,
  0x0000003f00000016ULL, 0xf7f9fffe04006172ULL, 0x003fffff00036dfbULL, 0x0000ffff000011fbULL,
  0x000000ef00000000ULL, 0x00000f0106114141ULL)
/* What KVM shows its guests: no APIC-register help, no preemption-timer save, no pause loops. */
D(kvm_nested, 0x5, 0x00da100011e57ed0ULL, 0x0000000020000165ULL, 0x80000021, 0xffffffff, 0x2000, 0x003767ff,
  0x0000007f00000016ULL, 0xfff9fffe04006172ULL, 0x00ffffff00036dfbULL, 0x0003ffff000011fbULL,
  0x02001aff00000000ULL, 0x00000f0106734141ULL)
/* A current server with everything, posted interrupts and mode-based execution too. */
D(server, 0x5, 0x00da040000000017ULL, 0x000000007004c1e7ULL, 0x80000021, 0xffffffff, 0x2000, 0x01ff2fffULL,
  0x000000ff00000016ULL, 0xfffbfffe04006172ULL, 0x0fffffff00036dfbULL, 0x00ffffff000011fbULL,
  0x57ffffff00000000ULL, 0x00000f0106f34141ULL)
/* As the server, but the firmware has not touched IA32_FEATURE_CONTROL. */
D(unlocked, 0x0, 0x00da040000000017ULL, 0x000000007004c1e7ULL, 0x80000021, 0xffffffff, 0x2000, 0x01ff2fffULL,
  0x000000ff00000016ULL, 0xfffbfffe04006172ULL, 0x0fffffff00036dfbULL, 0x00ffffff000011fbULL,
  0x57ffffff00000000ULL, 0x00000f0106f34141ULL)
/* No TPR shadow, yet the bits that need it: as a careless outer hypervisor might report. */
D(no_tpr_shadow, 0x5, 0x00da040000000017ULL, 0x000000007004c1e7ULL, 0x80000021, 0xffffffff, 0x2000, 0x01ff2fffULL,
  0x000000ff00000016ULL, 0xffdbfffe04006172ULL, 0x0fffffff00036dfbULL, 0x00ffffff000011fbULL,
  0x57ffffff00000000ULL, 0x00000f0104f34141ULL)
