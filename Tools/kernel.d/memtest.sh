# Tools/kernel memtest: memtest86+, which is a kernel by Linux's protocol, until its first pass is done.

describe() {
  cat <<'USAGE'
usage: Tools/kernel memtest [--image FILE] [--memory SIZE] [--pager PAGER] [--patience SECONDS]

Runs Debian's memtest86+ (fetched once, where trapline linux keeps its files) until it says that a pass is done. It must
have found no error.

  --image FILE        this memtest86+ (memtest86+ia32.bin)
  --memory SIZE       the guest's memory (32M)
  --pager PAGER       none, shadow or nested (none)
  --patience SECONDS  give up after so long (1800)
  --trapline FILE, --keep FOLDER, --help
USAGE
}

memory=32M
pager=none
image=
patience=1800
while [ $# -gt 0 ]; do
  shared_option "$@"
  [ "$taken" = 0 ] || { shift "$taken" && continue; }
  case $1 in
  --image) image=$(value_of "$@") && shift || exit 2 ;;
  --memory) memory=$(value_of "$@") && shift || exit 2 ;;
  --pager) pager=$(value_of "$@") && shift || exit 2 ;;
  --patience) patience=$(value_of "$@") && shift || exit 2 ;;
  *) unknown_option "$1" ;;
  esac
  shift
done
case $pager in none | shadow | nested) ;; *) refuse "there is no pager $pager: none, shadow or nested" ;; esac
case $patience in '' | *[!0-9]*) refuse "--patience needs a number" ;; esac

prepare
if [ -z "$image" ]; then
  fetch 686
  image=${files%/*}/memtest86+ia32.bin
  if [ ! -f "$image" ]; then
    need apt-get apt
    need dpkg-deb dpkg
    say "fetching memtest86+"
    (cd "$work" && apt-get -q download memtest86+ && dpkg-deb -x memtest86+_*.deb .) >"$work/apt" 2>&1 ||
      refuse "memtest86+ can't be fetched: $(tail -n 1 "$work/apt")"
    cp "$work/boot/memtest86+ia32.bin" "$image" || refuse "there is no memtest86+ia32.bin in the package"
  fi
fi
[ -f "$image" ] || refuse "there is no $image"

transcript=$keep/$pager.txt
printf '%s\n' "$trapline" run --linux "$image" --memory "$memory" --append console=ttyS0,115200 --pager "$pager" \
  --timeout "$patience" --dump-screen >"$work/words"
from=$(date +%s)
start_words
# It goes on for ever; told to stop, Trapline shows the screen. (A background process of a shell ignores SIGINT.)
while kill -0 "$machine" 2>/dev/null; do
  if grep -qE 'Pass: +[1-9]|Errors: +[1-9]' "$transcript"; then
    sleep 1
    kill -TERM "$machine" 2>/dev/null || true
    break
  fi
  sleep 1
done
status=0
wait "$machine" || status=$?
machine=
wait "$reader" || true
seconds=$(($(date +%s) - from))

# The screen is between two rules, beside the reason why it ended.
screen=$(awk '/^----------------------------------------/ { inside = !inside; next } inside' "$transcript.errors")
counts=$(printf '%s\n' "$screen" | grep -oE 'Pass: +[0-9]+ +Errors: +[0-9]+' | tr -s ' ')
case $counts in
'')
  printf '%s\n' "$screen" | head -n 12
  last_words "$transcript"
  fail "memtest86+ shows no result (status $status, $seconds s)"
  ;;
"Pass: 0 "* | *"Errors: 0"*) ;;
*) printf '%s\n' "$screen" | head -n 20 ;;
esac
echo "memtest86+, $memory, pager $pager: $counts after $seconds s"
case $counts in
"Pass: 0 "*) fail "no pass was done" ;;
*"Errors: 0") ;;
*) exit 1 ;;
esac
