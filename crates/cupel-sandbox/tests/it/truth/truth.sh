# Programs that measure their own usage: `memory BYTES` is the memory of this shell that is not backed by a file on
# disk.
burn() {
  for ((i = 0; i < $1; i++)); do :; done
}

held() {
  local name value unit bytes=0
  for file in smaps_rollup status; do
    while read -r name value unit; do
      case $name in Anonymous: | Pss_Shmem: | VmPTE:) ((bytes += value * 1024)) ;; esac
    done <"/proc/$$/$file"
  done
  echo "memory $bytes"
}

case "$1 $2" in
"cpu loop") burn "$3" ;;
"cpu subshells")
  for job in 1 2 3 4; do (burn "$3") & done
  wait
  ;;
"cpu pipeline") burn "$3" | burn "$3" | burn "$3" ;;
"cpu commands") for ((n = 0; n < $3; n++)); do /bin/true; done ;;
"memory string")
  # Built in pieces of a megabyte, so that temporary copies stay small.
  printf -v piece '%*s' 1048576 ''
  text=
  for ((n = 0; n < $3; n++)); do part[n]=$piece; done
  held
  ;;
"end exit") exit "$3" ;;
"end signal") kill "-$3" $$ ;;
"end group") (kill "-$3" 0); sleep 60 ;;
"end missing") no-such-command ;;
"end not_executable") exec /etc/passwd ;;
"end errexit")
  set -e
  false
  exit 0
  ;;
"end pipe") yes | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}" ;;
"end child")
  (kill "-$3" "$BASHPID")
  exit $?
  ;;
"forever spin")
  echo begun
  while :; do :; done
  ;;
"forever sleep")
  echo begun
  read -r <> <(sleep 3600)
  ;;
"forever memory")
  echo begun
  text=x
  while :; do text=$text$text; done
  ;;
"forever output")
  echo begun
  while :; do echo and on and on and on and on; done
  ;;
esac
