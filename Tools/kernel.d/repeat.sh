# Tools/kernel repeat: boots with the same input are the same boot, whoever executes and whoever translates addresses.

describe() {
  cat <<'USAGE'
usage: Tools/kernel repeat [--pae] [--instructions COUNT]

Boots the kernel under each pager, with the interpreter and with the translator (where there is none, twice with the
interpreter), for as many instructions and compares the hashes of the machines' whole state: registers, time, memory,
devices.

  --pae                 the kernel with PAE
  --instructions COUNT  when to look (300M)
  --trapline FILE, --keep FOLDER, --help
USAGE
}

count=300M
while [ $# -gt 0 ]; do
  shared_option "$@"
  [ "$taken" = 0 ] || { shift "$taken" && continue; }
  case $1 in
  --pae) flavour=686-pae ;;
  --instructions) count=$(value_of "$@") && shift || exit 2 ;;
  *) unknown_option "$1" ;;
  esac
  shift
done

prepare
fetch "$flavour"
echo 'while :; do cat /proc/interrupts; done' >"$work/script"
make_initrd "$work/initrd.cpio" no "$work/script"
first=
for pager in none shadow nested; do
  # The default is the best that there is; the summary says which it was.
  for engine in "--engine interpreter" ""; do
    status=0
    # shellcheck disable=SC2086
    "$trapline" run --linux "$files/vmlinuz" --initrd "$work/initrd.cpio" --append "$append quiet" --pager "$pager" \
      $engine --max-instructions "$count" --serial none --json --state-hash \
      >"$work/summary" 2>"$work/errors" </dev/null || status=$?
    # 6 is the instruction limit's.
    [ "$status" = 6 ] || fail "the boot ended with status $status: $(tail -n 1 "$work/errors")"
    hash=$(sed -n 's/.*"stateHash":"\([0-9a-f]*\)".*/\1/p' "$work/summary")
    [ -n "$hash" ] || fail "there is no hash in the summary"
    executed=$(sed -n 's/.*"engine":"\([a-z]*\)".*/\1/p' "$work/summary")
    printf '%-8s %-7s %-11s %s\n' "$flavour" "$pager" "$executed" "$hash"
    [ "${first:=$hash}" = "$hash" ] || fail "the state differs after $count instructions"
  done
done
echo "the same state after $count instructions"
