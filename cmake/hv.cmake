# SPDX-License-Identifier: BSD-2-Clause
# How a folder of src/ becomes a library. Each folder is built up to twice: freestanding for the
# product (hv_<name>) and for the host with sanitizers (host_<name>). It sees the public headers of
# the libraries it names in USES and nothing else, so that an upward call does not compile or link.

set(HV_WARNINGS -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef -Wvla
    -Wswitch-enum -Wimplicit-fallthrough -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith
    -Wformat=2 -Wnull-dereference -Wframe-larger-than=1024)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND HV_WARNINGS -Wduplicated-cond -Wlogical-op)
endif()
if(TENON_WERROR)
  list(APPEND HV_WARNINGS -Werror)
endif()

# The only system headers that freestanding code may see: the compiler's own and the Xen ABI.
set(HV_ABI_DIR ${CMAKE_BINARY_DIR}/abi)
file(MAKE_DIRECTORY ${HV_ABI_DIR})
if(NOT EXISTS /usr/include/xen/xen.h)
  message(FATAL_ERROR "the Xen ABI headers are missing: apt-get install libxen-dev")
endif()
file(CREATE_LINK /usr/include/xen ${HV_ABI_DIR}/xen SYMBOLIC)
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=include
                OUTPUT_VARIABLE HV_CC_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE)

set(HV_COMMON_FLAGS -std=gnu11 -fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks
    -ftrivial-auto-var-init=zero -g -D__XEN_TOOLS__ -D__XEN_INTERFACE_VERSION__=0x00041100)
if(CMAKE_C_COMPILER_ID MATCHES "Clang" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 16)
  list(APPEND HV_COMMON_FLAGS -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)
endif()
set(HV_FREESTANDING_FLAGS -ffreestanding -nostdinc -isystem${HV_CC_INCLUDE}
    -isystem${HV_ABI_DIR} -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only
    -fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer
    -fno-jump-tables)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  list(APPEND HV_COMMON_FLAGS -DHV_DEBUG=1)
else()
  list(APPEND HV_COMMON_FLAGS -O2 -DHV_DEBUG=0)
endif()
set(HV_HOST_FLAGS -DHV_HOST=1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  # Coverage of the code under test is what guides libFuzzer.
  list(APPEND HV_HOST_FLAGS -fsanitize=fuzzer-no-link)
endif()

# hv_subsystem(name SOURCES a.c ... [PRODUCT_SOURCES b.c c.S ...] [HOST_SOURCES d.c ...] [USES lib ...])
# SOURCES are built both ways; PRODUCT_SOURCES hold machine instructions; HOST_SOURCES replace them.
function(hv_subsystem name)
  cmake_parse_arguments(A "" "" "SOURCES;PRODUCT_SOURCES;HOST_SOURCES;USES" ${ARGN})
  set(public ${CMAKE_CURRENT_SOURCE_DIR}/include)
  if(TENON_PRODUCT)
    add_library(hv_${name} STATIC ${A_SOURCES} ${A_PRODUCT_SOURCES})
    target_include_directories(hv_${name} PUBLIC ${public} ${CMAKE_SOURCE_DIR}/include
                               PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_compile_options(hv_${name} PRIVATE ${HV_COMMON_FLAGS}
      $<$<COMPILE_LANGUAGE:C>:${HV_FREESTANDING_FLAGS} ${HV_WARNINGS} -fstack-protector-strong>)
    list(TRANSFORM A_USES PREPEND hv_ OUTPUT_VARIABLE uses)
    target_link_libraries(hv_${name} PUBLIC ${uses})
  endif()
  if(TENON_HOST AND (A_SOURCES OR A_HOST_SOURCES))
    add_library(host_${name} STATIC ${A_SOURCES} ${A_HOST_SOURCES})
    target_include_directories(host_${name} PUBLIC ${public} ${CMAKE_SOURCE_DIR}/include
                               PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    # Sanitizers enlarge stack frames: their size is judged in the product only.
    target_compile_options(host_${name} PRIVATE ${HV_COMMON_FLAGS} ${HV_HOST_FLAGS} ${HV_WARNINGS}
                           -Wno-frame-larger-than)
    list(TRANSFORM A_USES PREPEND host_ OUTPUT_VARIABLE uses)
    target_link_libraries(host_${name} PUBLIC ${uses})
  endif()
endfunction()

# hv_offsets(name): offsets of C structures for entry.S of src/<name>: its offsets.c is compiled to assembler text, the
# marked lines become #defines in offsets.h.
function(hv_offsets name)
  if(NOT TENON_PRODUCT)
    return()
  endif()
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${generated})
  add_custom_command(
    OUTPUT ${generated}/offsets.h
    COMMAND ${CMAKE_C_COMPILER} ${HV_COMMON_FLAGS} ${HV_FREESTANDING_FLAGS} -S
            "-I$<JOIN:$<TARGET_PROPERTY:hv_${name},INCLUDE_DIRECTORIES>,;-I>"
            -MD -MF ${generated}/offsets.d -MT ${generated}/offsets.h
            -o ${generated}/offsets.s ${CMAKE_CURRENT_SOURCE_DIR}/offsets.c
    COMMAND sed -n "s/^.*@offset \\([A-Z0-9_]*\\) \\([0-9]*\\)\".*$/#define \\1 \\2/p"
            ${generated}/offsets.s > ${generated}/offsets.h
    DEPENDS offsets.c
    DEPFILE ${generated}/offsets.d
    COMMAND_EXPAND_LISTS VERBATIM)
  target_sources(hv_${name} PRIVATE ${generated}/offsets.h)
  target_include_directories(hv_${name} PRIVATE ${generated})
endfunction()

# hv_unit_test(name SUBJECT folder ... SOURCES test_x.c ...): a cmocka program, one test of ctest.
function(hv_unit_test name)
  cmake_parse_arguments(A "" "" "SUBJECT;SOURCES" ${ARGN})
  if(NOT TENON_HOST)
    return()
  endif()
  add_executable(${name} ${A_SOURCES})
  target_compile_options(${name} PRIVATE ${HV_COMMON_FLAGS} ${HV_HOST_FLAGS} -Wall -Wextra)
  target_link_options(${name} PRIVATE -fsanitize=address,undefined)
  list(TRANSFORM A_SUBJECT PREPEND host_ OUTPUT_VARIABLE subjects)
  target_link_libraries(${name} PRIVATE ${subjects} cmocka)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fake)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# hv_fuzz_test(name SUBJECT folder ... SOURCES fuzz_x.c RUNS n): libFuzzer where the compiler is clang. So many inputs from
# one seed are a test, the same ones each time and on each machine: not as many as fit into some seconds. (The time is for
# machines that are too slow for them.) With gcc the harness is left out. More and other inputs: run it by hand.
function(hv_fuzz_test name)
  cmake_parse_arguments(A "" "RUNS" "SUBJECT;SOURCES" ${ARGN})
  if(NOT TENON_HOST OR NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    return()
  endif()
  add_executable(${name} ${A_SOURCES})
  target_compile_options(${name} PRIVATE ${HV_COMMON_FLAGS} ${HV_HOST_FLAGS} -fsanitize=fuzzer -Wall -Wextra)
  target_link_options(${name} PRIVATE -fsanitize=address,undefined,fuzzer)
  list(TRANSFORM A_SUBJECT PREPEND host_ OUTPUT_VARIABLE subjects)
  target_link_libraries(${name} PRIVATE ${subjects})
  set(corpus ${CMAKE_SOURCE_DIR}/tests/data/corpus/${name})
  set(seeds "")
  if(EXISTS ${corpus})
    set(seeds ${corpus})
  endif()
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${name}-corpus)
  add_test(NAME ${name} COMMAND ${name} -seed=1 -runs=${A_RUNS} -max_total_time=60 -print_final_stats=0
           ${CMAKE_CURRENT_BINARY_DIR}/${name}-corpus ${seeds})
endfunction()
