#!/usr/bin/env bash
# make bench: builds, gets h2load and Envoy, and runs the benchmarks. ROUNDS and CHECKS set their length.
. "$(dirname "$0")/../scripts/lib.sh"
cd "$root"
command -v h2load >/dev/null || need_packages nghttp2-client
cargo build --release --locked --bin rolegate --example bench_tool --example bench_gate
built=${CARGO_TARGET_DIR:-target}/release
python3 bench/bench.py "$built/rolegate" "$built/examples/bench_tool" "$(scripts/get-envoy.sh)"
"$built/examples/bench_gate"
