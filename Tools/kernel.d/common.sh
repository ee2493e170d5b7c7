# What every command of Tools/kernel needs: its options, the kernel's files, initial RAM disks, and a start under either
# engine.

fail() {
  echo "kernel $command: $*" >&2
  exit 1
}

# Not the guest's fault.
refuse() {
  echo "kernel $command: $*" >&2
  exit 2
}

say() { echo "kernel $command: $*" >&2; }

need() { # need PROGRAM PACKAGE
  command -v "$1" >/dev/null 2>&1 && return 0
  # Debian keeps the file systems' tools where users don't look.
  for folder in /usr/sbin /sbin; do
    [ -x "$folder/$1" ] && PATH=$PATH:$folder && return 0
  done
  refuse "there is no $1 here: install $2"
}

trapline=
keep=
flavour=686

# Takes an option that all commands have; says how many words it took in `taken`, 0 for an option it doesn't know.
shared_option() { # shared_option WORD...
  taken=0
  case $1 in
  --trapline | --keep) [ $# -ge 2 ] || refuse "$1 needs a value" ;;
  esac
  case $1 in
  --trapline) trapline=$2 taken=2 ;;
  --keep) keep=$2 taken=2 ;;
  --help | -h) describe && exit 0 ;;
  esac
}

unknown_option() { refuse "unknown option $1; see --help"; }

value_of() { # value_of OPTION WORD...: what stands behind the option
  [ $# -ge 2 ] || refuse "$1 needs a value"
  echo "$2"
}

# A folder to work in, and Trapline itself. Disks are for the run alone unless they are asked for.
prepare() {
  need cpio cpio
  if [ -z "$trapline" ]; then
    command -v swift >/dev/null 2>&1 || refuse "there is no swift on the path; install a toolchain, or say --trapline FILE"
    (cd "$root" && swift build -c release --product trapline >&2) || refuse "trapline does not build; see above"
    trapline=$(cd "$root" && swift build -c release --show-bin-path)/trapline
  fi
  command -v "$trapline" >/dev/null 2>&1 || refuse "$trapline is no program"
  work=$(mktemp -d "${TMPDIR:-/tmp}/trapline-kernel.XXXXXX") || refuse "cannot make a temporary folder"
  machine=
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  if [ -n "$keep" ]; then disks=$keep; else disks=$work keep=$root/.build/kernel/$command; fi
  mkdir -p "$keep" || refuse "cannot make $keep"
}

clean_up() {
  [ -z "$machine" ] || kill -9 "$machine" 2>/dev/null || true
  rm -rf "$work"
}

# The kernel's files, fetched at the first use.
fetch() { # fetch FLAVOUR
  case $1 in
  686) files=$("$trapline" linux --fetch) ;;
  686-pae) files=$("$trapline" linux --pae --fetch) ;;
  esac || refuse "Debian's $1 kernel isn't here and can't be fetched; see above"
  [ -f "$files/vmlinuz" ] && [ -f "$files/busybox" ] || refuse "there is no kernel in $files"
}

# An initial RAM disk whose init is the prologue (and the modules' loading) and SCRIPT; FILEs go into its root.
make_initrd() { # make_initrd OUTPUT yes|no SCRIPT [FILE...]
  archive=$1 modules=$2 script=$3
  shift 3
  tree=$work/initrd
  rm -rf "$tree"
  mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/tmp" "$tree/mnt" "$tree/modules"
  cp "$files/busybox" "$tree/bin/busybox"
  {
    cat "$pieces/guest/prologue"
    if [ "$modules" = yes ]; then
      while read -r module; do
        cp "$files/$module" "$tree/modules/"
        echo "insmod /modules/${module##*/}"
      done <"$files/modules.list"
    fi
    cat "$script"
  } >"$tree/init"
  chmod +x "$tree/init" "$tree/bin/busybox"
  for file; do cp "$file" "$tree/"; done
  # The same files make the same archive, byte for byte: the kernel's random numbers come from what it finds.
  find "$tree" -exec touch -h -d @0 {} +
  (cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible -R 0:0) >"$archive"
  rm -rf "$tree"
}

# An ext4 disk with a FOLDER's files.
make_disk() { # make_disk FILE MEGABYTES FOLDER
  need mke2fs e2fsprogs
  rm -f "$1"
  mke2fs -q -t ext4 -d "$3" "$1" "${2}M" >/dev/null || refuse "cannot make a disk of $2 MiB"
}

append="console=ttyS0"
memory=64M
patience=300
qemu_cpu=
# More words for Trapline's command line.
trapline_options=

# Runs to the end; the serial line goes to TRANSCRIPT. DRIVEs are ide:FILE or virtio:FILE. The status is the engine's.
boot() { # boot trapline|qemu TRANSCRIPT INITRD [DRIVE...]
  engine=$1 transcript=$2 initrd=$3
  shift 3
  boot_command "$engine" "$initrd" "$@"
  status=0
  run_words timeout -k 5 $((patience + 5)) </dev/null >"$transcript.raw" 2>"$transcript.errors" || status=$?
  tr -d '\r' <"$transcript.raw" >"$transcript"
  rm -f "$transcript.raw"
  return "$status"
}

# Leaves the command in the file $work/words, one word on a line.
boot_command() { # boot_command ENGINE INITRD [DRIVE...]
  {
    if [ "$1" = trapline ]; then
      printf '%s\n' "$trapline" run --linux "$files/vmlinuz" --initrd "$2" --memory "$memory" --append "$append" \
        --timeout "$patience"
      # shellcheck disable=SC2086
      [ -z "$trapline_options" ] || printf '%s\n' $trapline_options
    else
      need qemu-system-i386 "qemu-system-x86"
      printf '%s\n' qemu-system-i386 -accel tcg -M pc -m "$memory" -nic none -display none \
        -no-reboot -monitor none -serial stdio -kernel "$files/vmlinuz" -initrd "$2" -append "$append"
      [ -z "$qemu_cpu" ] || printf '%s\n' -cpu "$qemu_cpu"
    fi
    on=$1
    shift 2
    for drive; do
      if [ "$on" = trapline ]; then
        printf '%s\n' --drive "${drive#*:},if=${drive%%:*}"
      else
        printf '%s\n' -drive "file=${drive#*:},format=raw,if=${drive%%:*}"
      fi
    done
  } >"$work/words"
}

run_words() { # run_words [WORD...]: the command, behind these words
  while IFS= read -r word; do set -- "$@" "$word"; done <"$work/words"
  "$@"
}

# Starts the machine and leaves it running: its process is `machine`, the transcript's `reader`.
start_machine() { # start_machine ENGINE TRANSCRIPT INITRD [DRIVE...]
  engine=$1 transcript=$2 initrd=$3
  shift 3
  boot_command "$engine" "$initrd" "$@"
  start_words
}

start_words() {
  # Through a pipe: into a file, an engine may gather what it writes.
  rm -f "$work/line"
  mkfifo "$work/line"
  : >"$transcript"
  cat <"$work/line" >"$transcript" &
  reader=$!
  run_words exec </dev/null >"$work/line" 2>"$transcript.errors" &
  machine=$!
}

# What a transcript has between its BEGIN and END lines.
between_marks() { # between_marks TRANSCRIPT
  awk '$0 == "== BEGIN" { inside = 1; next } $0 == "== END" { inside = 0 } inside' "$1"
}

# Why a transcript isn't what it should be.
last_words() { # last_words TRANSCRIPT
  sed 's/^/  | /' "$1.errors" | tail -n 5
  grep -v '^$' "$1" | tail -n 5 | cut -c 1-160 | sed 's/^/  | /'
}
