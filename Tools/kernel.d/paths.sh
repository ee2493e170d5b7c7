# Tools/kernel paths: what a getppid, a read from disk, a write to the console, a fork and a page fault go through in Debian's
# kernel, on each platform, against the paths that were reviewed (Tests/Paths). The program's own results must be the same.

describe() {
  cat <<'USAGE'
usage: Tools/kernel paths [--pae] [--accept]

Runs pocket-calls.elf in Debian's kernel under 'trapline trace' on bare, workstation and esx, and compares
what each of its calls went through with Tests/Paths/KERNEL/PLATFORM.txt. Another version of the kernel than the one that
was reviewed is said to be one, and not compared.

  --pae     the kernel with PAE
  --accept  write what came out into Tests/Paths: review it like code
  --trapline FILE, --keep FOLDER, --help
USAGE
}

accept=no
while [ $# -gt 0 ]; do
  shared_option "$@"
  [ "$taken" = 0 ] || { shift "$taken" && continue; }
  case $1 in
  --pae) flavour=686-pae ;;
  --accept) accept=yes ;;
  *) unknown_option "$1" ;;
  esac
  shift
done

prepare
fetch "$flavour"
guests=$root/.build/guests
[ -e "$guests/pocket-calls.elf" ] || refuse "there is no $guests/pocket-calls.elf: run Tools/build-guests"

script=$work/calls
cat >"$script" <<'SCRIPT'
echo "== KERNEL $(uname -r) $(uname -v)"
/pocket-calls.elf /dev/sda
poweroff -f
SCRIPT
make_initrd "$work/initrd.cpio" yes "$script" "$guests/pocket-calls.elf"
# Each sector has its number in it.
awk 'BEGIN { for (n = 0; n < 2048; n++) printf "%511d\n", n }' >"$work/disk.img"

failures=0
reviewed=$root/Tests/Paths/debian-$flavour
for platform in bare workstation esx; do
  paths=$keep/$platform.txt
  timeout 300 "$trapline" trace --platform $platform --linux "$files/vmlinuz" --initrd "$work/initrd.cpio" \
    --append "console=ttyS0 quiet nolapic cryptomgr.notests noisapnp norandmaps nokaslr" --drive "$work/disk.img,readonly" --serial "$keep/$platform.serial" \
    --from 0x10000000-0x10ffffff --syscall getppid --syscall read --syscall write --syscall fork --syscall pagefault \
    --format path --output "$paths" || refuse "trapline trace failed on $platform (status $?)"
  tr -d '\r' <"$keep/$platform.serial" | grep -a -e '^calls:' -e '^== KERNEL' >"$keep/$platform.results"
  sed -i "1i $(grep -a '^== KERNEL' "$keep/$platform.results")" "$paths"
  if ! cmp -s "$keep/bare.results" "$keep/$platform.results"; then
    echo "FAIL  $platform: the program's results differ from bare's: $(grep calls "$keep/$platform.results")"
    failures=$((failures + 1))
  elif [ $accept = yes ]; then
    mkdir -p "$reviewed"
    cp "$paths" "$reviewed/$platform.txt"
    echo "kept  $platform: $(wc -l <"$paths") lines"
  elif [ "$(head -n 1 "$paths")" != "$(head -n 1 "$reviewed/$platform.txt" 2>/dev/null)" ]; then
    echo "SKIPPED  $platform: the paths that were reviewed are another kernel's ($(head -n 1 "$paths"))"
  elif cmp -s "$paths" "$reviewed/$platform.txt"; then
    echo "pass  $platform"
  else
    echo "FAIL  $platform: paths differ from those reviewed"
    diff "$reviewed/$platform.txt" "$paths" | head -n 20
    failures=$((failures + 1))
  fi
done
[ $failures = 0 ]
