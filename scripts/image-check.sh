#!/usr/bin/env bash
# What can be said about the image without a docker engine: builds the binary that it holds, by the script that the Dockerfile
# runs, shows that it needs no library, and starts it alone in an empty root as the image's user, with its health check.
# With a docker engine: builds the image itself, too, and asks the same of it.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || die "an empty root (chroot) needs root"
command -v musl-gcc >/dev/null || need_packages musl-tools
binary=$("$root/scripts/static-build.sh" "$@" | tail -n 1)

if readelf -lW "$binary" | grep -q INTERP || readelf -dW "$binary" | grep -q NEEDED; then
  die "$binary needs a loader or a library: it is not static"
fi

alone=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$alone"' EXIT
mkdir -p "$alone/etc/rolegate" "$alone/usr/local/bin"
cp "$binary" "$alone/usr/local/bin/rolegate"
printf '%s\n' 'envoy: { listen: "127.0.0.1:0" }' 'vault: { listen: "127.0.0.1:0" }' 'ops: { listen: "127.0.0.1:19192" }' \
  'store: { type: memory }' 'shutdown: { lame_duck: 0s, grace: 1s }' >"$alone/etc/rolegate/rolegate.yaml"
chmod -R a+rX "$alone"

inside() { chroot --userspec=65532:65532 "$alone" /usr/local/bin/rolegate "$@"; }
inside --version
chroot --userspec=65532:65532 "$alone" /usr/local/bin/rolegate server --config /etc/rolegate/rolegate.yaml >"$alone/out" 2>"$alone/log" &
server=$!
for _ in $(seq 300); do
  grep -q '^ready ' "$alone/out" && break
  kill -0 "$server" 2>/dev/null || die "it ended: $(cat "$alone/log")"
  sleep 0.1
done
inside health --ops http://127.0.0.1:19192 || die "it is not ready: $(cat "$alone/log")"
kill -TERM "$server"
wait "$server" || die "it did not stop as it should: $(cat "$alone/log")"
say "the static binary runs alone in an empty root as 65532:65532, and its health check answers: $binary"

if docker info >/dev/null 2>&1; then
  docker build -t rolegate:0.1.0 "$root"
  docker run --rm --read-only --cap-drop ALL rolegate:0.1.0 --version
  [ "$(docker image inspect -f '{{.Config.User}}' rolegate:0.1.0)" = 65532:65532 ] || die "the image's user is not 65532"
  say "the image rolegate:0.1.0 is built and starts"
else
  say "NOT CHECKED: no docker engine answers here, so that the image itself was not built"
fi
