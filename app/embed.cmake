# SPDX-License-Identifier: Apache-2.0
# Writes the bytes of INPUT as a C array called NAME into OUTPUT.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "/* Generated from the embedded file. */\n#include \"app/embedded.h\"\n"
    "const char ${NAME}[] = {${bytes}0};\n")
