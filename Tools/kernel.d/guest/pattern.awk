# `count` sectors of 512 bytes from sector `from` on: each a line that says at both of its ends where it is, and of which
# generation.
BEGIN {
  format = sprintf("%%08d %d %0489d %%08d %d\n", generation, 0, generation)
  for (sector = from; sector < from + count; sector++) printf format, sector, sector
}
