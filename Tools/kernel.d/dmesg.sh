# Tools/kernel dmesg: the kernel's messages under both engines. QEMU's processor is given the features that Trapline's
# says it has, so that what differs is the machine.

describe() {
  cat <<'USAGE'
usage: Tools/kernel dmesg [--pae] [--memory SIZE] [--append TEXT] [--qemu-cpu MODEL]

Boots Debian's kernel with an ext4 disk on IDE and one on virtio, under Trapline and under QEMU, and shows the messages
that only one of them has; times, addresses and measured numbers don't count. Then the warnings and errors that only
Trapline's has: those make the exit status 1.

  --pae             the kernel with PAE
  --memory SIZE     the guest's memory (64M)
  --append TEXT     what to add to the command line (console=ttyS0 loglevel=5)
  --qemu-cpu MODEL  QEMU's processor (default: one with the same CPUID as Trapline's)
  --trapline FILE, --keep FOLDER, --help
USAGE
}

more=
while [ $# -gt 0 ]; do
  shared_option "$@"
  [ "$taken" = 0 ] || { shift "$taken" && continue; }
  case $1 in
  --pae) flavour=686-pae ;;
  --memory) memory=$(value_of "$@") && shift || exit 2 ;;
  --append) more=$(value_of "$@") && shift || exit 2 ;;
  --qemu-cpu) qemu_cpu=$(value_of "$@") && shift || exit 2 ;;
  *) unknown_option "$1" ;;
  esac
  shift
done

prepare
need qemu-system-i386 qemu-system-x86
fetch "$flavour"
# Warnings that come after the list is taken show on the console.
append="console=ttyS0 loglevel=5${more:+ $more}"

mkdir "$work/folder"
echo hello >"$work/folder/hello"
for name in trapline-ide trapline-virtio qemu-ide qemu-virtio; do make_disk "$disks/$name.img" 16 "$work/folder"; done
make_initrd "$work/initrd.cpio" yes "$pieces/guest/messages"

start() { # start ENGINE
  say "booting $flavour under $1"
  boot "$1" "$keep/$1.txt" "$work/initrd.cpio" "ide:$disks/$1-ide.img" "virtio:$disks/$1-virtio.img" && status=0 || status=$?
  if [ "$status" != 0 ] || ! grep -q '^== OFF' "$keep/$1.txt"; then
    last_words "$keep/$1.txt" >&2
    fail "the kernel did not get to its end under $1 (status $status)"
  fi
}

# The processor that Trapline's kernel saw, for QEMU. (Linux's own inventions among the flags aren't CPUID's.)
same_processor() {
  awk '
    /^cpu-family / { family = $2 }
    /^cpu-model / { model = $2 }
    /^cpu-stepping / { stepping = $2 }
    /^cpu-level / { level = $2 }
    /^cpu-flags / {
      for (i = 2; i <= NF; i++) {
        if ($i == "pni") $i = "sse3"
        if ($i == "hypervisor" || $i !~ /^(cpuid|constant_tsc|nonstop_tsc|rep_good|pti|up|tsc_known_freq|nopl|xtopology|cpuid_fault)$/)
          flags = flags ",+" $i
      }
    }
    END { printf "base,vendor=GenuineIntel,level=%s,family=%s,model=%s,stepping=%s%s\n", level, family, model, stepping, flags }
  ' "$keep/trapline.txt"
}

start trapline
[ -n "$qemu_cpu" ] || qemu_cpu=$(same_processor)
start qemu

# LEVEL<tab>MESSAGE of each message, and of what came on the console after the list was taken.
messages() { # messages TRANSCRIPT
  awk '
    $0 == "== BEGIN" { inside = 1; next }
    $0 == "== END" { inside = 0; late = 1 }
    inside && match($0, /^<[0-9]+>\[ *[0-9.]+\] ?/) {
      level = substr($0, 2) + 0
      print level % 8 "\t" substr($0, RLENGTH + 1)
      next
    }
    late && match($0, /^\[ *[0-9.]+\] ?/) { print "late\t" substr($0, RLENGTH + 1) }
  ' "$1"
}

# What depends on the clock, on addresses, or on who made the machine is a # (at the same place on both sides).
normalized() {
  sed -E \
    -e 's/0x[0-9a-fA-F]+/0x#/g' \
    -e 's/\b[0-9a-f]{8,16}\b/#/g' \
    -e 's/[0-9]+(\.[0-9]+)? ?(MHz|kHz|Hz|BogoMIPS|ms|msecs|us|usecs|ns|nsecs|s|seconds|KiB|MiB|GiB|kB|KB|MB|GB|MB\/s|cycles|pages|bytes)\b/# \2/g' \
    -e 's/\b[0-9]+K\b/#K/g' \
    -e 's/lpj=[0-9]+/lpj=#/; s/jiffies: [0-9]+/jiffies: #/; s/audit\([0-9.:]+\)/audit(#)/' \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+ UTC \([0-9]+\)/#/' \
    -e 's/(Serial Number|UUID|serialno|random seed|uuid)[: ]+[0-9a-fA-F-]+/\1 #/' \
    -e 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/#/g'
}

for engine in trapline qemu; do
  messages "$keep/$engine.txt" | normalized >"$work/$engine.messages"
  [ -s "$work/$engine.messages" ] || fail "there are no messages in $keep/$engine.txt"
done

# Messages of FIRST that SECOND doesn't have, or has less often.
only_in() { # only_in FIRST SECOND
  awk 'NR == FNR { has[$0]++; next } has[$0]-- <= 0' "$2" "$1"
}
only_in "$work/trapline.messages" "$work/qemu.messages" >"$keep/only-trapline.txt"
only_in "$work/qemu.messages" "$work/trapline.messages" >"$keep/only-qemu.txt"

shown() { sed -E 's/^([^\t]*)\t/  <\1> /' "$1"; }
count() { wc -l <"$1" | tr -d ' '; }
echo "messages: $(count "$work/trapline.messages") under Trapline, $(count "$work/qemu.messages") under QEMU ($qemu_cpu)"
echo
echo "only under Trapline ($(count "$keep/only-trapline.txt")):"
shown "$keep/only-trapline.txt"
echo
echo "only under QEMU ($(count "$keep/only-qemu.txt")):"
shown "$keep/only-qemu.txt"
echo
# What the kernel says when it switches off is no warning.
awk -F '\t' '$1 == "late" && $2 !~ /^reboot: / || $1 != "late" && $1 <= 4' "$keep/only-trapline.txt" >"$keep/warnings.txt"
if [ -s "$keep/warnings.txt" ]; then
  echo "warnings and errors that only Trapline's kernel gives ($(count "$keep/warnings.txt")):"
  shown "$keep/warnings.txt"
  exit 1
fi
echo "no warning that QEMU's kernel doesn't give"
