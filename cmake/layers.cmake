# SPDX-License-Identifier: Apache-2.0
# The flags of all code, and the functions the folders' CMakeLists.txt call.

add_library(sl_flags INTERFACE)
target_include_directories(sl_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(sl_flags INTERFACE _GNU_SOURCE SL_VERSION="${PROJECT_VERSION}")
target_compile_options(sl_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla
    -Wstrict-prototypes -Wmissing-prototypes
    $<$<BOOL:${SL_WERROR}>:-Werror>)
if(SL_SANITIZE)
    target_compile_options(sl_flags INTERFACE -fsanitize=${SL_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    target_link_options(sl_flags INTERFACE -fsanitize=${SL_SANITIZE})
endif()

# One static library per layer: sl_layer(NAME SOURCES files... USES targets...).
function(sl_layer name)
    cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
    add_library(sl_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(sl_${name} PUBLIC sl_flags ${ARG_USES})
endfunction()

# One cmocka program, linked with its layer and what lies below only:
# sl_unit_test(NAME LAYER files...).
function(sl_unit_test name layer)
    add_executable(test_${name} ${ARGN})
    target_link_libraries(test_${name} PRIVATE sl_${layer} PkgConfig::CMOCKA)
    add_test(NAME unit.${name} COMMAND test_${name})
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 120
        ENVIRONMENT "SL_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
endfunction()

# A fuzz target (tests/fuzz/NAME.c with LLVMFuzzerTestOneInput). With SL_FUZZ it
# is a libFuzzer program; otherwise it replays tests/fuzz/corpus/NAME as a test.
function(sl_fuzz name layer)
    add_executable(fuzz_${name} ${name}.c)
    target_link_libraries(fuzz_${name} PRIVATE sl_${layer})
    if(SL_FUZZ)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(fuzz_${name} PRIVATE replay.c)
        add_test(NAME fuzz.${name}
            COMMAND fuzz_${name} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
        set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
    endif()
endfunction()
