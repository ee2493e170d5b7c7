# `count` sectors of 512 bytes from sector `from` on: four lines, each of which says where it is and of which generation.
BEGIN {
  zeros = sprintf("%0101d", 0)
  for (part = 0; part < 4; part++) rest[part] = sprintf(" %08d %08d\n", part, generation)
  first = rest[0]; second = rest[1]; third = rest[2]; fourth = rest[3]
  for (sector = from; sector < from + count; sector++) {
    start = zeros sprintf("%08d", sector)
    printf "%s", start first start second start third start fourth
  }
}
