# SPDX-License-Identifier: BSD-2-Clause
# From `nm -n` of the image to the table that backtraces use: addresses (low 32 bits: the rest is
# the same for all), where each name starts, the names. Functions only. An empty input gives an
# empty table, for the first link.
BEGIN { n = 0; at = 0 }
($2 == "t" || $2 == "T") && $3 !~ /^\.L/ && $1 ~ /^ffffffff/ {
    address[n] = substr($1, 9)
    name[n] = $3
    start[n] = at
    at += length($3) + 1
    n++
}
END {
    print "\t.section .symbols, \"a\", @progbits"
    print "\t.globl symbol_count, symbol_table, symbol_names"
    print "\t.balign 8"
    printf "symbol_count:\n\t.quad %d\nsymbol_table:\n", n
    for (i = 0; i < n; i++)
        printf "\t.long 0x%s, %d\n", address[i], start[i]
    print "symbol_names:"
    for (i = 0; i < n; i++)
        printf "\t.asciz \"%s\"\n", name[i]
    print "\t.byte 0"
    print "\t.section .note.GNU-stack, \"\", @progbits"
}
