# SPDX-License-Identifier: BSD-2-Clause
# The image of tests/machine: the product's libraries with machine_test.c in the place of dom0.
add_executable(machine_test no_symbols.S ${CMAKE_SOURCE_DIR}/tests/machine/machine_test.c)
target_compile_options(machine_test PRIVATE ${HV_COMMON_FLAGS}
  $<$<COMPILE_LANGUAGE:C>:${HV_FREESTANDING_FLAGS} ${HV_WARNINGS} -fstack-protector-strong>)
# Its functions come first and win over the product's.
target_link_options(machine_test PRIVATE ${link_options} -Wl,-z,muldefs)
target_link_libraries(machine_test PRIVATE -Wl,--start-group hv_boot -Wl,--end-group)
set_target_properties(machine_test PROPERTIES LINK_DEPENDS ${lds} LINKER_LANGUAGE C
                      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
