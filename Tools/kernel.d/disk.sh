# Tools/kernel disk: what was written is there after the next start; and what was flushed is there even when the host's
# process was killed in mid-write.

describe() {
  cat <<'USAGE'
usage: Tools/kernel disk [--pae] [--drive ide|virtio] [--size MEGABYTES] [--kills COUNT] [--on ENGINE]

On each kind of drive, under Debian's kernel:
  - fills a disk with a pattern made from its sectors' numbers, switches off, starts again and reads it back;
  - overwrites it block by block, each flushed and then told of; kills the machine's process (SIGKILL) in between; starts
    again: every block that was told of must be there, and every sector must be wholly old or new;
  - the same with files on ext4, which its journal must make whole.

  --pae             the kernel with PAE
  --drive KIND      only ide, or only virtio
  --size MEGABYTES  the disk's size, a power of two (256)
  --kills COUNT     how often to kill (3)
  --on ENGINE       trapline or qemu, the control (trapline)
  --trapline FILE, --keep FOLDER, --help
USAGE
}

kinds="ide virtio"
size=256
kills=3
engine_name=trapline
while [ $# -gt 0 ]; do
  shared_option "$@"
  [ "$taken" = 0 ] || { shift "$taken" && continue; }
  case $1 in
  --pae) flavour=686-pae ;;
  --drive) kinds=$(value_of "$@") && shift || exit 2 ;;
  --size) size=$(value_of "$@") && shift || exit 2 ;;
  --kills) kills=$(value_of "$@") && shift || exit 2 ;;
  --on) engine_name=$(value_of "$@") && shift || exit 2 ;;
  *) unknown_option "$1" ;;
  esac
  shift
done
case $kinds in ide | virtio | "ide virtio") ;; *) refuse "there is no drive $kinds: ide or virtio" ;; esac
case $engine_name in trapline | qemu) ;; *) refuse "there is no engine $engine_name: trapline or qemu" ;; esac
case $size in 16 | 32 | 64 | 128 | 256 | 512 | 1024) ;; *) refuse "--size is a power of two from 16 to 1024" ;; esac
case $kills in '' | *[!0-9]*) refuse "--kills needs a number" ;; esac

prepare
need mke2fs e2fsprogs
need e2fsck e2fsprogs
[ "$engine_name" = trapline ] || need qemu-system-i386 qemu-system-x86
patience=600
fetch "$flavour"

pattern() { awk -v "from=$1" -v "count=$2" -v "generation=$3" -f "$pieces/guest/pattern.awk"; }
failures=0
verdict() { # verdict NAME PROBLEM: no problem is a pass
  if [ -n "$2" ]; then
    echo "FAIL  $1: $2"
    failures=$((failures + 1))
  else
    echo "pass  $1"
  fi
}

# Runs one of guest/disk's jobs to its end; what it printed is in $work/printed.
job() { # job NAME
  : >>"$work/synced"
  make_initrd "$work/initrd.cpio" yes "$pieces/guest/disk" "$pieces/guest/pattern.awk" "$work/synced"
  append="console=ttyS0 quiet JOB=$1 DISK=$device SIZE=$size"
  boot "$engine_name" "$keep/$kind-$1.txt" "$work/initrd.cpio" "$kind:$image" || true
  between_marks "$keep/$kind-$1.txt" >"$work/printed"
  [ "$status" = 0 ] && grep -q '^== END' "$keep/$kind-$1.txt" && return 0
  last_words "$keep/$kind-$1.txt"
  return 1
}

# The same, but killed some time after it has told of so many blocks; what it told of is in $work/told.
killed_job() { # killed_job NAME BLOCKS
  make_initrd "$work/initrd.cpio" yes "$pieces/guest/disk" "$pieces/guest/pattern.awk"
  append="console=ttyS0 quiet JOB=$1 DISK=$device SIZE=$size"
  start_machine "$engine_name" "$keep/$kind-$1.txt" "$work/initrd.cpio" "$kind:$image"
  waited=0
  while [ "$(grep -c '^synced' "$transcript")" -lt "$2" ] && [ $waited -lt 3000 ] && kill -0 "$machine" 2>/dev/null; do
    sleep 0.1
    waited=$((waited + 1))
  done
  sleep "0.$(random 10)$(random 10)"
  kill -9 "$machine" 2>/dev/null || true
  wait "$machine" 2>/dev/null || true
  machine=
  wait "$reader" || true
  # A line that was cut off says nothing.
  tr -d '\r' <"$transcript" | awk '/^== END/ { print "end" } /^synced [0-9]+$/ { print $2 }' >"$work/told"
  grep -q end "$work/told" && echo "  | it was done before it could be killed" && return 1
  [ "$(wc -l <"$work/told")" -ge "$2" ] && return 0
  last_words "$transcript"
  return 1
}

random() { # random LIMIT: a number below it
  od -An -N 4 -t u4 /dev/urandom | awk -v "limit=$1" '{ print $1 % limit }'
}

for kind in $kinds; do
  case $kind in ide) device=sda ;; virtio) device=vda ;; esac
  image=$disks/$kind.img
  rm -f "$image" "$work/synced"
  truncate -s "${size}M" "$image"

  say "$kind: filling $size MiB"
  problem=
  if ! job write || ! grep -qx written "$work/printed"; then
    problem="the guest could not write it all"
  else
    want=$(pattern 0 $((size * 2048)) 1 | md5sum | cut -d ' ' -f 1)
    [ "$(md5sum <"$image" | cut -d ' ' -f 1)" = "$want" ] || problem="the image has not what the guest wrote"
    if ! job verify; then
      problem="the guest did not start again"
    elif [ "$(cut -d ' ' -f 1 "$work/printed")" != "$want" ]; then
      problem="the guest reads back something else: $(head -n 1 "$work/printed")"
    fi
  fi
  verdict "$kind: $size MiB written, switched off, started again, read back" "$problem"

  round=1
  while [ $round -le "$kills" ]; do
    pattern 0 $((size * 2048)) 1 >"$image"
    rm -f "$work/synced"
    least=$(($(random $((size / 4))) + 5))
    say "$kind: overwriting, until killed behind block $least"
    problem= told=0
    if ! killed_job overwrite "$least"; then
      problem="the guest did not tell of $least blocks"
    else
      told=$(wc -l <"$work/told")
      # On the host: told blocks are new, and no sector is torn.
      problem=$(awk -v "told=$work/told" '
        BEGIN { while ((getline block < told) > 0) new[block] = 1 }
        {
          if (NF != 5 || length($0) != 511 || $1 + 0 != NR - 1 || $4 + 0 != NR - 1 || $2 != $5 || $2 < 1 || $2 > 2) torn++
          else if ($2 == 1 && (int((NR - 1) / 2048) in new)) lost++
        }
        END {
          if (lost) printf "%d flushed sectors are lost; ", lost
          if (torn) printf "%d sectors are neither old nor new", torn
        }' "$image")
      while read -r block; do
        echo "$block $(pattern $((block * 2048)) 2048 2 | md5sum | cut -d ' ' -f 1)"
      done <"$work/told" >"$work/synced"
      if ! job check; then
        problem="$problem the guest did not start again"
      elif [ -s "$work/printed" ]; then
        problem="$problem$(wc -l <"$work/printed") complaints of the guest: $(head -n 1 "$work/printed")"
      fi
    fi
    verdict "$kind: killed after $told flushed blocks" "$problem"

    rm -f "$image" "$work/synced"
    mkdir -p "$work/empty"
    make_disk "$image" "$size" "$work/empty"
    least=$(($(random 150) + 5))
    say "$kind: writing files, until killed behind file $least"
    problem= told=0
    if ! killed_job files "$least"; then
      problem="the guest did not tell of $least files"
    else
      told=$(wc -l <"$work/told")
      cp "$work/told" "$work/synced"
      if ! job check-files; then
        problem="the guest did not start again"
      elif [ -s "$work/printed" ]; then
        problem="$(wc -l <"$work/printed") complaints of the guest: $(head -n 1 "$work/printed")"
      fi
      e2fsck -fn "$image" >"$work/e2fsck" 2>&1 || problem="$problem e2fsck finds the disk damaged"
    fi
    verdict "$kind: killed after $told flushed files" "$problem"
    round=$((round + 1))
  done
  [ "$disks" != "$work" ] || rm -f "$image"
done
[ "$failures" = 0 ] || exit 1
