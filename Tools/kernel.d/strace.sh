# Tools/kernel strace: Trapline's word on an unmodified kernel's system calls, held against strace's.

describe() {
  cat <<'USAGE'
usage: Tools/kernel strace [--pae] [--pager PAGER]

Runs guest/calls with the same static busybox twice: on this machine's kernel under strace, and in Debian's kernel with
--trace-syscalls. Compares, program by program, each call's name, arguments and result. Names of processes, addresses,
times, and where a signal comes don't count. What the script prints must agree, too.

  --pae          the kernel with PAE
  --pager PAGER  none, shadow or nested (none)
  --trapline FILE, --keep FOLDER, --help
USAGE
}

pager=none
while [ $# -gt 0 ]; do
  shared_option "$@"
  [ "$taken" = 0 ] || { shift "$taken" && continue; }
  case $1 in
  --pae) flavour=686-pae ;;
  --pager) pager=$(value_of "$@") && shift || exit 2 ;;
  *) unknown_option "$1" ;;
  esac
  shift
done
case $pager in none | shadow | nested) ;; *) refuse "there is no pager $pager: none, shadow or nested" ;; esac

prepare
need strace strace
need python3 python3
"$trapline" run --help | grep -q trace-syscalls || refuse "this trapline has no --trace-syscalls"
fetch "$flavour"

# The same kind of file system on both sides: the order of a folder's entries is its own.
[ -d /dev/shm ] && [ -w /dev/shm ] || refuse "there is no /dev/shm here"
folder=$(mktemp -d /dev/shm/trapline-calls.XXXXXX)
trap 'rm -rf "$folder"; clean_up' EXIT
cp "$files/busybox" "$pieces/guest/calls" "$folder/"
chmod +x "$folder/busybox"
mkdir "$folder/work"
"$folder/busybox" true 2>/dev/null || refuse "this machine doesn't run 32-bit programs"

say "natively"
rm -rf "$keep/native" && mkdir "$keep/native"
# Numbers as they are, but names and what is written as text.
# Numbers as they are, but paths and what is written as text.
raw='raw=!write,open,openat,stat64,lstat64,statx,access,unlink,unlinkat,rename,mkdir,rmdir,symlink,link,chdir,chmod,utimensat,lchown32'
# (No files are open there but the three.)
closing='import os, sys; os.closerange(3, 1024); os.execv(sys.argv[1], sys.argv[1:])'
(cd "$folder/work" && env -i "B=$folder/busybox" PATH=/bin HOME=/ TZ=UTC0 PWD="$folder/work" \
  "$(python3 -c 'import sys; print(sys.executable)')" -c "$closing" "$(command -v strace)" -ff -qq -e signal=none -e "$raw" -s 32 -o "$keep/native/calls" \
  "$folder/busybox" sh "$folder/calls" </dev/null >"$work/native" 2>&1) || true

say "in the guest"
make_initrd "$work/initrd.cpio" no "$pieces/guest/trace" "$pieces/guest/calls" /etc/passwd /etc/group
append="console=ttyS0 quiet FOLDER=$folder"
memory=128M
trapline_options="--pager $pager --trace-syscalls $keep/guest.txt"
boot trapline "$keep/trapline.txt" "$work/initrd.cpio" || true
between_marks "$keep/trapline.txt" >"$work/guest"
[ "$status" = 0 ] && grep -q '^== END' "$keep/trapline.txt" || {
  last_words "$keep/trapline.txt" >&2
  fail "the guest did not reach its end (status $status)"
}

result=0
if diff -U 0 "$work/native" "$work/guest" >"$work/difference"; then
  echo "the script prints the same on both"
else
  echo "the script prints something else in the guest:"
  sed -n '4,20s/^/  | /p' "$work/difference"
  result=1
fi
python3 -B "$pieces/compare-calls" "$keep/native/calls" "$keep/guest.txt" "$folder/calls" || result=1
exit $result
