#!/usr/bin/env bash
# make bench BENCHARGS='[envoy|vault [LIVE_TOKENS]]': builds, gets what is compared with, and runs the benchmarks of one
# door or of both. ROUNDS and CHECKS (Envoy), ROUNDS, SECONDS_A_ROUND and CLIENTS (Vault) set their length.
. "$(dirname "$0")/../scripts/lib.sh"
cd "$root"
door=${1:-both}
[[ $door =~ ^(envoy|vault|both)$ ]] || die "which door: envoy, vault or both, not $door"
built=${CARGO_TARGET_DIR:-target}/release

if [ "$door" != vault ]; then
  command -v h2load >/dev/null || need_packages nghttp2-client
  cargo build --release --locked --bin rolegate --example bench_tool --example bench_gate
  python3 bench/bench.py "$built/rolegate" "$built/examples/bench_tool" "$(scripts/get-envoy.sh)"
  "$built/examples/bench_gate"
fi
if [ "$door" != envoy ]; then
  clients=$(scripts/get-clients.sh)
  cargo build --release --locked --bin rolegate --example bench_logins
  python3 bench/vault.py "$built/rolegate" "$built/examples/bench_logins" "$clients/bao" "${@:2}"
fi
