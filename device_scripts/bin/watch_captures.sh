# watch_captures.sh dir=D [dir=D ...]: tell of files that appear in folders. See README.md.
# shellcheck shell=dash
#
# Two programs in one file: with `dir=` arguments it starts inotifyd, and inotifyd starts it again for each event with
# three arguments of its own (LETTERS FOLDER NAME), which no name can break apart as it could break a printed line.

say() { # one object; when nobody reads any more, inotifyd has no purpose
  echo "$1" || kill "$PPID"
}

handle() { # LETTERS FOLDER NAME
  number=0 IFS='
'
  set -f
  for folder in $LENSBRIDGE_FOLDERS; do
    [ "$folder" = "$2" ] && break
    number=$((number + 1))
  done
  case $1 in
    *[oxuDM]*) say "{\"event\":\"rescan\",\"dir\":$number}" && return ;;
  esac
  case $3 in
    .*) return ;; # hidden, .pending-*, .trashed-*
  esac
  how=written
  case $1 in
    *[my]*) # which of the two is "moved in" depends on the version, so look
      [ -e "$2/$3" ] || return
      how=moved
      ;;
  esac
  case $3 in
    '' | *[!A-Za-z0-9._~\(\)+@=,\ -]*) say "{\"event\":\"rescan\",\"dir\":$number}" ;;
    *) say "{\"event\":\"file\",\"how\":\"$how\",\"dir\":$number,\"name\":\"$3\"}" ;;
  esac
}

LC_ALL=C
export LC_ALL
trap '' PIPE

if [ -n "$LENSBRIDGE_FOLDERS" ]; then
  handle "$1" "$2" "$3"
  exit 0
fi

end() { # WHY
  trap '' HUP TERM INT
  [ -n "$!" ] && kill -KILL "$!" 2>/dev/null # TERM could meet it before it is inotifyd, and be lost
  echo "{\"event\":\"end\",\"why\":\"$1\"}"
  exit 0
}

number=0 watched=0 arguments=$#
while [ "$number" -lt "$arguments" ]; do
  folder=${1#dir=}
  shift
  case $folder in
    /*) ;;
    *) folder=${EXTERNAL_STORAGE:-/sdcard}/$folder ;;
  esac
  LENSBRIDGE_FOLDERS="$LENSBRIDGE_FOLDERS$folder
"
  if [ -d "$folder" ]; then
    # The first letter is skipped by old versions. w closed after writing, m and y moved, n made, o overflow,
    # x no longer watchable (the folder was removed or unmounted).
    set -- "$@" "$folder:wwmynox"
    watched=$((watched + 1))
  else
    echo "{\"event\":\"missing\",\"dir\":$number}"
  fi
  number=$((number + 1))
done
export LENSBRIDGE_FOLDERS

[ "$watched" -gt 0 ] || end no_folder
if type inotifyd >/dev/null 2>&1; then
  inotifyd=inotifyd
elif type toybox >/dev/null 2>&1 && toybox inotifyd --help >/dev/null 2>&1; then
  inotifyd='toybox inotifyd'
else
  end no_inotifyd
fi

trap 'end stopped' HUP TERM INT
$inotifyd "$0" "$@" </dev/null &
echo "{\"event\":\"ready\",\"watched\":$watched}"
wait "$!"
end stopped
