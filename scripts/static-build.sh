#!/usr/bin/env bash
# Builds rolegate as one static binary (musl) for this machine's architecture; the last line is its path. The Dockerfile and
# `make image-check` share it, so that what is checked is what the image holds. Arguments go to cargo, such as `--release`.
set -euo pipefail
cd "$(dirname "$0")/.."

case $(uname -m) in
  x86_64 | aarch64) target=$(uname -m)-unknown-linux-musl ;;
  *) echo "error: no static target for $(uname -m), only for x86_64 and aarch64" >&2; exit 1 ;;
esac
command -v musl-gcc >/dev/null || { echo "error: musl-gcc is needed (Debian: apt-get install musl-tools)" >&2; exit 1; }
rustup target list --installed | grep -qx "$target" || rustup target add "$target" >&2
# aws-lc-rs brings C and assembler.
export "CC_${target//-/_}=musl-gcc"
"${CARGO:-cargo}" build --locked --bin rolegate --target "$target" "$@" >&2

profile=debug
for argument in "$@"; do
  [ "$argument" = --release ] && profile=release
done
echo "${CARGO_TARGET_DIR:-$PWD/target}/$target/$profile/rolegate"
