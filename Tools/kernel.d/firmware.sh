# Tools/kernel firmware: SeaBIOS, GRUB and the kernel, from a disk and from a CD.

describe() {
  cat <<'USAGE'
usage: Tools/kernel firmware [--medium MEDIUM] [--on ENGINE]

Makes an image with Debian's GRUB, the kernel and an initial RAM disk, and starts it as a PC does: SeaBIOS from the reset
vector, GRUB from the boot sector (or by El Torito), the kernel from the image's file system. The guest must name its
kernel and switch itself off.

  --medium MEDIUM  disk or cd (both)
  --on ENGINE      trapline or qemu, the control (trapline)
  --trapline FILE, --keep FOLDER, --help
USAGE
}

media="disk cd"
engine_name=trapline
while [ $# -gt 0 ]; do
  shared_option "$@"
  [ "$taken" = 0 ] || { shift "$taken" && continue; }
  case $1 in
  --medium) media=$(value_of "$@") && shift || exit 2 ;;
  --on) engine_name=$(value_of "$@") && shift || exit 2 ;;
  *) unknown_option "$1" ;;
  esac
  shift
done
case $media in disk | cd | "disk cd") ;; *) refuse "there is no medium $media: disk or cd" ;; esac
case $engine_name in trapline | qemu) ;; *) refuse "there is no engine $engine_name: trapline or qemu" ;; esac

prepare
grub=/usr/lib/grub/i386-pc
need grub-mkimage grub-common
[ -f "$grub/boot.img" ] || refuse "there is no GRUB for a PC here: install grub-pc-bin"
fetch 686

echo 'echo "== BEGIN"; uname -r; echo "== END"; poweroff -f' >"$work/script"
mkdir -p "$work/tree/boot/grub"
make_initrd "$work/initrd.cpio" no "$work/script"
mv "$work/initrd.cpio" "$work/tree/boot/initrd"
cp "$files/vmlinuz" "$work/tree/boot/vmlinuz"

configuration() { # configuration ROOT: what GRUB does
  cat <<CONFIGURATION
serial --unit=0 --speed=115200
terminal_output serial
set root=($1)
linux /boot/vmlinuz console=ttyS0 quiet
initrd /boot/initrd
boot
CONFIGURATION
}

# A boot sector, GRUB behind it, and a partition with a file system at 1 MiB.
make_disk_image() {
  configuration hd0,msdos1 >"$work/early"
  grub-mkimage -O i386-pc -d "$grub" -o "$work/core" -c "$work/early" -p /boot/grub \
    biosdisk part_msdos ext2 linux serial terminal boot normal >"$work/grub" 2>&1 || refuse "GRUB: $(tail -n 1 "$work/grub")"
  need mke2fs e2fsprogs
  mke2fs -q -t ext2 -d "$work/tree" "$work/partition" 31M >/dev/null || refuse "cannot make a file system of 31 MiB"
  # GRUB's boot sector has code for floppies where the partition table goes.
  cp "$grub/boot.img" "$work/disk"
  dd if=/dev/zero of="$work/disk" bs=1 seek=446 count=64 conv=notrunc 2>/dev/null
  # Active, Linux, from sector 2048 on, 63,488 sectors.
  printf '\200\0\0\0\203\0\0\0\0\010\0\0\0\370\0\0' | dd of="$work/disk" bs=1 seek=446 conv=notrunc 2>/dev/null
  printf '\125\252' | dd of="$work/disk" bs=1 seek=510 conv=notrunc 2>/dev/null
  dd if="$work/core" of="$work/disk" bs=512 seek=1 conv=notrunc 2>/dev/null
  dd if="$work/partition" of="$work/disk" bs=1048576 seek=1 conv=notrunc 2>/dev/null
}

make_cd_image() {
  need xorriso xorriso
  configuration cd >"$work/early"
  grub-mkimage -O i386-pc-eltorito -d "$grub" -o "$work/tree/boot/grub/eltorito" -c "$work/early" -p /boot/grub \
    biosdisk iso9660 linux serial terminal boot normal >"$work/grub" 2>&1 || refuse "GRUB: $(tail -n 1 "$work/grub")"
  xorriso -as mkisofs -quiet -R -b boot/grub/eltorito -no-emul-boot -boot-load-size 4 -boot-info-table \
    -o "$work/cd" "$work/tree" >"$work/xorriso" 2>&1 || refuse "xorriso: $(tail -n 1 "$work/xorriso")"
}

failures=0
for medium in $media; do
  "make_${medium}_image"
  transcript=$keep/$engine_name-$medium.txt
  if [ "$engine_name" = trapline ]; then
    printf '%s\n' "$trapline" run "$work/$medium" --memory 128M --serial stdio --dump-screen --timeout "$patience" >"$work/words"
  else
    need qemu-system-i386 qemu-system-x86
    case $medium in disk) drive="-hda" ;; cd) drive="-cdrom" ;; esac
    printf '%s\n' qemu-system-i386 -accel tcg -M pc -m 128M -nic none -display none -no-reboot -monitor none \
      -serial stdio "$drive" "$work/$medium" >"$work/words"
  fi
  status=0
  from=$(date +%s.%N)
  run_words timeout -k 5 $((patience + 5)) </dev/null >"$transcript.raw" 2>"$transcript.errors" || status=$?
  seconds=$(echo "$from $(date +%s.%N)" | awk '{ printf "%.1f", $2 - $1 }')
  tr -d '\r' <"$transcript.raw" >"$transcript"
  rm -f "$transcript.raw"
  release=$(between_marks "$transcript")
  if [ "$status" = 0 ] && [ -n "$release" ]; then
    echo "$engine_name, $medium: SeaBIOS, GRUB, Linux $release, off after $seconds s"
  else
    echo "$engine_name, $medium: FAIL (status $status, $seconds s)"
    last_words "$transcript"
    failures=$((failures + 1))
  fi
done
[ "$failures" = 0 ] || exit 1
