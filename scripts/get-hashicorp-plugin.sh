#!/usr/bin/env bash
# Prints the file of HashiCorp's own Kubernetes plugin, for tests and comparison alone; built once from its Go module, then cached.
. "$(dirname "$0")/lib.sh"

module=github.com/hashicorp/vault-plugin-auth-kubernetes
version=v0.24.1
out=$cache/hashicorp-plugin-$version
mkdir -p "$out"
exec 9>"$out/lock"
flock 9

if ! [ -x "$out/vault-plugin-auth-kubernetes" ]; then
  go=$(command -v go || echo /usr/local/go/bin/go)
  [ -x "$go" ] || die "Go 1.25.3 or newer is needed for HashiCorp's plugin (https://go.dev/dl)"
  say "building $module $version"
  GOBIN=$out/new CGO_ENABLED=0 GOFLAGS=-trimpath "$go" install "$module/cmd/vault-plugin-auth-kubernetes@$version" >&2 ||
    die "$module $version does not build"
  mv "$out/new/vault-plugin-auth-kubernetes" "$out/"
  rmdir "$out/new"
fi
echo "$out/vault-plugin-auth-kubernetes"
