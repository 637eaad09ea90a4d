# probe.sh: tell what this phone has, as one JSON object. See README.md.
# shellcheck shell=dash

text() { # a JSON string of what is safe in VALUE: Android's names are plain, and one that is not may lose a letter
  rest=$1 safe=''
  while [ -n "$rest" ] && [ "${#safe}" -lt 200 ]; do
    tail=${rest#?}
    letter=${rest%"$tail"}
    rest=$tail
    case $letter in
      [A-Za-z0-9._~\(\)+@=,:/\ -]) safe=$safe$letter ;;
      *) safe=${safe}_ ;;
    esac
  done
  answer="\"$safe\""
}

number() { # a JSON number, or null for what is none
  case $1 in
    '' | *[!0-9]*) answer=null ;;
    *) answer=$1 ;;
  esac
}

LC_ALL=C
export LC_ALL

object=''
add() { object="$object${object:+,}\"$1\":$answer"; }

number "$(getprop ro.build.version.sdk 2>/dev/null)" && add sdk
text "$(getprop ro.build.version.release 2>/dev/null)" && add release
text "$(getprop ro.product.manufacturer 2>/dev/null)" && add manufacturer
text "$(getprop ro.product.model 2>/dev/null)" && add model

answer=false
[ "$(getprop sys.boot_completed 2>/dev/null)" = 1 ] && answer=true
add boot_completed

answer=false
if type inotifyd >/dev/null 2>&1 || toybox inotifyd --help >/dev/null 2>&1; then answer=true; fi
add inotifyd

text "$(toybox --version 2>/dev/null)" && add toybox

# The last line's fourth word: Filesystem 1K-blocks Used Available ...
free='' line=''
while read -r line; do
  set -f
  # shellcheck disable=SC2086
  set -- $line
  free=$4
done <<TABLE
$(df -k "${EXTERNAL_STORAGE:-/sdcard}" 2>/dev/null)
TABLE
number "$free" && add storage_free_kb

echo "{$object}"
