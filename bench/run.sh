#!/usr/bin/env bash
# make bench BENCHARGS='[PART [SIZE]]': builds, gets what is compared with, and runs one part of the benchmarks or all.
#
#   envoy                 the Envoy door beside a server that does nothing       ROUNDS CHECKS ROLES REVIEWS
#   vault [TOKENS]        the Vault door beside OpenBao; so many live tokens     ROUNDS SECONDS_A_ROUND CLIENTS
#   plugin                rolegate as OpenBao's plugin beside HashiCorp's and the built-in method ROUNDS SECONDS_A_ROUND CLIENTS
#   kubernetes [ROLES]    the store `kubernetes` over a real API server and etcd ROUNDS SECONDS_A_ROUND CLIENTS CHANGES TOKENS
#   start [TOKENS]        starts of an embedded store of that size, clean and killed                    ROUNDS
#   attack                what honest callers see while strangers attack                              ATTACK_SECONDS ONLY TOKENS
#   commits               what a durable commit of the embedded store costs                             ROUNDS SECONDS_A_ROUND
#
# The variables behind a part set its length. Nothing that it started is left when it ends or is interrupted.
. "$(dirname "$0")/../scripts/lib.sh"
cd "$root"
part=${1:-all}
[[ $part =~ ^(envoy|vault|plugin|kubernetes|start|commits|attack|all)$ ]] ||
  die "which part: envoy, vault, plugin, kubernetes, start, commits, attack or all, not $part"
built=${CARGO_TARGET_DIR:-target}/release
group=
export PYTHONDONTWRITEBYTECODE=1

# Ends what `run` has started: asks, waits for it to clean up, and kills what is left of it.
stop() {
  [ -n "$group" ] || return 0
  kill -TERM -- "-$group" 2>/dev/null || true
  for _ in {1..50}; do
    kill -0 "$group" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL -- "-$group" 2>/dev/null || true
  group=
}
trap stop EXIT
trap 'stop; exit 129' HUP
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM

# run COMMAND…: in a process group of its own, of which nothing is left afterwards.
run() {
  local status=0
  set -m
  "$@" &
  group=$!
  set +m
  wait "$group" || status=$?
  stop
  return "$status"
}

wants() { [ "$part" = all ] || [ "$part" = "$1" ]; }
# Gets a real part, which may take minutes the first time; the same script then says at once where it is.
get() { run "scripts/$1" >/dev/null; }
build() { run cargo build --release --locked --bin rolegate "${@/#/--example=}"; }

if wants envoy; then
  command -v h2load >/dev/null || need_packages nghttp2-client
  get get-envoy.sh
  build bench_tool bench_gate
  run python3 bench/bench.py "$built/rolegate" "$built/examples/bench_tool" "$(scripts/get-envoy.sh)"
  run "$built/examples/bench_gate"
fi
if wants vault; then
  get get-clients.sh
  clients=$(scripts/get-clients.sh)
  build bench_logins
  run python3 bench/vault.py "$built/rolegate" "$built/examples/bench_logins" "$clients/bao" "${@:2}"
fi
if wants plugin; then
  clients=$(scripts/get-clients.sh)
  hashicorps=$(scripts/get-hashicorp-plugin.sh)
  build bench_logins
  run python3 bench/plugin.py "$built/rolegate" "$hashicorps" "$built/examples/bench_logins" "$clients/bao"
fi
if wants kubernetes; then
  get get-kube-apiserver.sh
  assets=$(scripts/get-kube-apiserver.sh)
  command -v openssl >/dev/null || need_packages openssl
  build bench_logins bench_tool bench_changes
  run python3 bench/kubernetes.py "$built/rolegate" "$built/examples" "$assets" "${@:2}"
fi
if wants start; then
  build bench_logins bench_store
  run python3 bench/start.py "$built/rolegate" "$built/examples" "${@:2}"
fi
if wants commits; then
  build bench_store
  run python3 bench/commits.py "$built/examples/bench_store"
fi
if wants attack; then
  get get-kube-apiserver.sh
  assets=$(scripts/get-kube-apiserver.sh)
  command -v openssl >/dev/null || need_packages openssl
  build bench_attack
  # Thousands of silent connections, each with two ends on this machine.
  ulimit -n "$(ulimit -Hn)"
  run python3 bench/attack.py "$built/rolegate" "$built/examples/bench_attack" "$assets"
fi
