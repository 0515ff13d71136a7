# SPDX-License-Identifier: BSD-2-Clause
# The image of guests/vmx: the product's libraries with vmx_test.c in the place of dom0.
add_executable(vmx_test no_symbols.S ${CMAKE_SOURCE_DIR}/guests/vmx/vmx_test.c
               ${CMAKE_SOURCE_DIR}/guests/vmx/guest_code.S)
target_compile_options(vmx_test PRIVATE ${HV_COMMON_FLAGS}
  $<$<COMPILE_LANGUAGE:C>:${HV_FREESTANDING_FLAGS} ${HV_WARNINGS} -fstack-protector-strong>)
# Its functions come first and win over the product's.
target_link_options(vmx_test PRIVATE ${link_options} -Wl,-z,muldefs)
target_link_libraries(vmx_test PRIVATE -Wl,--start-group hv_boot -Wl,--end-group)
set_target_properties(vmx_test PROPERTIES LINK_DEPENDS ${lds} LINKER_LANGUAGE C
                      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
