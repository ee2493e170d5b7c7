# From the map of a linked kernel to the table that panic.c searches: the functions of its .text, by address.
# Of a map's lines (address, load address, size, alignment, name) those of symbols have one word for a name.
BEGIN { print "    .section .symbols, \"a\"" }
$5 == "text_start" { inside = 1 }
$5 == "text_end" { exit }
NF == 5 && inside {
    if ($5 ~ /[^A-Za-z0-9_]/ || $1 in seen) next
    seen[$1] = 1
    name[++count] = $5
    address[count] = $1
}
END {
    for (i = 1; i <= count; i++) printf "    .long 0x%s, name_%d\n", address[i], i
    print "    .section .symbol_names, \"a\""
    for (i = 1; i <= count; i++) printf "name_%d: .asciz \"%s\"\n", i, name[i]
}
