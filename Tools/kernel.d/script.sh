# Tools/kernel script: what users do in a shell, each line of it checked, and the disks checked by the host afterwards.

describe() {
  cat <<'USAGE'
usage: Tools/kernel script [--pae] [--memory SIZE] [--pager PAGER] [--on ENGINE] [--forks COUNT]
       Tools/kernel script --all

Boots Debian's kernel with an ext4 disk on IDE and one on virtio and runs guest/script: arithmetic and pipes, processes
and signals, files, /proc, both disks, and 10,000 fork/exec. Each line that it prints is held against guest/script.expected;
then the host checks the file systems (e2fsck, debugfs).

  --pae            the kernel with PAE
  --memory SIZE    the guest's memory (64M)
  --pager PAGER    none, shadow or nested (none)
  --on ENGINE      trapline or qemu, the control (trapline)
  --forks COUNT    so many fork/exec (10000)
  --all            both kernels with 64M and 512M under each pager; prints a table
  --trapline FILE, --keep FOLDER, --help
USAGE
}

all=
pager=none
engine_name=trapline
forks=10000
while [ $# -gt 0 ]; do
  shared_option "$@"
  [ "$taken" = 0 ] || { shift "$taken" && continue; }
  case $1 in
  --pae) flavour=686-pae ;;
  --all) all=yes ;;
  --memory) memory=$(value_of "$@") && shift || exit 2 ;;
  --pager) pager=$(value_of "$@") && shift || exit 2 ;;
  --on) engine_name=$(value_of "$@") && shift || exit 2 ;;
  --forks) forks=$(value_of "$@") && shift || exit 2 ;;
  *) unknown_option "$1" ;;
  esac
  shift
done
case $pager in none | shadow | nested) ;; *) refuse "there is no pager $pager: none, shadow or nested" ;; esac
case $engine_name in trapline | qemu) ;; *) refuse "there is no engine $engine_name: trapline or qemu" ;; esac
case $forks in '' | *[!0-9]*) refuse "--forks needs a number" ;; esac
case ${memory%M} in '' | *[!0-9]*) refuse "--memory needs megabytes, as in 64M" ;; esac

prepare
need mke2fs e2fsprogs
need e2fsck e2fsprogs
need debugfs e2fsprogs
[ "$engine_name" = trapline ] || need qemu-system-i386 qemu-system-x86
patience=900

# What the host gives the guest to read.
mkdir -p "$work/folder/tree"
head -c 2097152 /dev/urandom >"$work/folder/from-host"
(cd "$work/folder" && md5sum from-host >from-host.md5)
for n in $(seq 1 100); do seq "$n" $((n * 37)) >"$work/folder/tree/$n"; done
guest_file=$(seq 1 400000 | md5sum | cut -d ' ' -f 1)

problem=
# One run; `problem` says what was wrong with it, `seconds` and `instructions` what it took.
run_once() { # run_once FLAVOUR MEMORY PAGER
  flavour=$1 memory=$2 pager=$3
  problem=
  name=$engine_name-$flavour-$memory-$pager
  transcript=$keep/$name.txt
  fetch "$flavour"
  make_initrd "$work/initrd.cpio" yes "$pieces/guest/script"
  # The kernel hands what it doesn't know to init, as its environment.
  append="console=ttyS0 quiet MEMORY=${memory%M} FORKS=$forks"
  make_disk "$disks/$name-ide.img" 32 "$work/folder"
  make_disk "$disks/$name-virtio.img" 32 "$work/folder"
  trapline_options="--pager $pager --json --output $keep/$name.json"
  rm -f "$keep/$name.json"
  from=$(date +%s.%N)
  boot "$engine_name" "$transcript" "$work/initrd.cpio" "ide:$disks/$name-ide.img" "virtio:$disks/$name-virtio.img" || true
  seconds=$(echo "$from $(date +%s.%N)" | awk '{ printf "%.1f", $2 - $1 }')
  instructions=-
  if [ -s "$keep/$name.json" ]; then
    instructions=$(sed -n 's/.*"instructions":\([0-9]*\).*/\1/p' "$keep/$name.json" | awk '{ printf "%.2f G", $1 / 1e9 }')
    grep -q '"outcome":"powered-off"' "$keep/$name.json" || status="${status}, not switched off"
  fi
  if [ "$status" != 0 ]; then
    problem="the guest did not reach its end (status $status)"
    last_words "$transcript"
    return
  fi
  sed "s/FORKS/$forks/" "$pieces/guest/script.expected" >"$work/expected"
  between_marks "$transcript" >"$work/printed"
  if ! diff -U 0 "$work/expected" "$work/printed" >"$work/difference"; then
    problem="$(grep -c '^[-+][^-+]' "$work/difference") lines differ"
    sed -n '4,$s/^/  | /p' "$work/difference" | cut -c 1-160 | head -n 12
    return
  fi
  for disk in ide virtio; do
    image=$disks/$name-$disk.img
    e2fsck -fn "$image" >"$work/e2fsck" 2>&1 || { problem="e2fsck finds the $disk disk damaged" && tail -n 5 "$work/e2fsck"; }
    debugfs -R "dump /from-guest $work/from-guest" "$image" 2>/dev/null
    [ "$(md5sum <"$work/from-guest" | cut -d ' ' -f 1)" = "$guest_file" ] || problem="the guest's file is wrong on the $disk disk"
    debugfs -R "dump /copy $work/copy" "$image" 2>/dev/null
    cmp -s "$work/copy" "$work/folder/from-host" || problem="the copy of the host's file is wrong on the $disk disk"
  done
  [ "$disks" != "$work" ] || rm -f "$disks/$name-ide.img" "$disks/$name-virtio.img"
}

failures=0
report() {
  if [ -n "$problem" ]; then verdict="FAIL: $problem" failures=$((failures + 1)); else verdict=pass; fi
  printf '%-9s %-8s %-7s %-7s %8s %10s  %s\n' "$engine_name" "$flavour" "$memory" "$pager" "$seconds" "$instructions" "$verdict"
}

printf '%-9s %-8s %-7s %-7s %8s %10s\n' engine kernel memory pager seconds instr.
if [ -z "$all" ]; then
  run_once "$flavour" "$memory" "$pager"
  report
else
  for kernel in 686 686-pae; do
    for size in 64M 512M; do
      for mode in none shadow nested; do
        [ "$engine_name" = trapline ] || [ "$mode" = none ] || continue
        run_once "$kernel" "$size" "$mode"
        report
      done
    done
  done
fi
[ "$failures" = 0 ] || exit 1
