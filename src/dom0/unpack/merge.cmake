# SPDX-License-Identifier: BSD-2-Clause
# cmake -P: links OBJECTS with what they need of ARCHIVES into OUT (see CMakeLists.txt beside this folder).
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# libzstd's decoders for the formats of 2016, which we never ask for: refused, and so not linked.
set(legacy "")
foreach(version 05 06 07)
  foreach(name createDCtx decompress_usingDict findFrameSizeInfoLegacy freeDCtx getFrameParams)
    list(APPEND legacy --defsym=ZSTDv${version}_${name}=zstd_legacy)
  endforeach()
  foreach(name createDCtx decompressInitDictionary decompressContinue freeDCtx)
    list(APPEND legacy --defsym=ZBUFFv${version}_${name}=zstd_legacy)
  endforeach()
endforeach()

set(roots unpack_gzip unpack_lz4 unpack_xz unpack_zstd)
set(wanted ${roots})
list(TRANSFORM wanted PREPEND --undefined=)
set(public ${roots})
list(TRANSFORM public PREPEND --keep-global-symbol=)
run(${LD} -r -m elf_x86_64 --no-warnings --gc-sections ${wanted} ${legacy} -T ${CMAKE_CURRENT_LIST_DIR}/init.lds
    -o ${OUT}.all ${OBJECTS} ${ARCHIVES})
run(${OBJCOPY} ${public} --remove-section=.eh_frame --remove-section=.rela.eh_frame --remove-section=.comment
    --remove-section=.note.gnu.property ${OUT}.all ${OUT})

# What the product provides; anything else that a library starts to want shows here, not in the final link.
set(provided __stack_chk_fail memcmp memcpy memmove memset _GLOBAL_OFFSET_TABLE_)
execute_process(COMMAND ${NM} --undefined-only --format=posix ${OUT} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[A-Za-z0-9_]+ U" missing "${text}")
list(TRANSFORM missing REPLACE " U" "")
list(REMOVE_ITEM missing ${provided})
if(missing)
  file(REMOVE ${OUT})
  message(FATAL_ERROR "the decoder libraries want functions that Tenon does not have: ${missing}")
endif()
