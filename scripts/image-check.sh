#!/usr/bin/env bash
# What can be said about the image without a docker engine: builds the binary that it holds, by the script that the Dockerfile
# runs, shows that it needs no library, and starts it alone in an empty root as the image's user, with its health check.
# With a docker engine, and base images that are there or can be pulled: builds the image itself, too, and asks the same of it.
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
printf '%s\n' 'envoy: { listen: "127.0.0.1:0" }' 'vault: { listen: "127.0.0.1:0" }' 'ops: { listen: "127.0.0.1:0" }' \
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
inside health --ops "$(sed -n 's/^ready .*ops=\([^ ]*\).*/\1/p' "$alone/out")" || die "it is not ready: $(cat "$alone/log")"
kill -TERM "$server"
wait "$server" || die "it did not stop as it should: $(cat "$alone/log")"
say "the static binary runs alone in an empty root as 65532:65532, and its health check answers: $binary"

# The image itself. `unchecked` ends what can be done here, loudly.
unchecked() { say "NOT CHECKED: $*, so that the image itself was not built"; exit 0; }
docker info >/dev/null 2>&1 || unchecked "no docker engine answers here"
rust=$(sed -n 's/^ARG RUST=//p' "$root/Dockerfile")
for base in $(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$root/Dockerfile"); do
  base=${base//'${RUST}'/$rust}
  docker image inspect "$base" >/dev/null 2>&1 || docker pull --quiet "$base" >/dev/null ||
    unchecked "the base image $base is not here, and no registry gives it"
done

image=rolegate:0.1.0
make -C "$root" image
of() { docker image inspect -f "$1" "$image"; }
[ "$(of '{{.Config.User}}')" = 65532:65532 ] || die "the image's user is not 65532"
version=$(docker run --rm "$image" --version)
[ "$version" = "rolegate $(of '{{index .Config.Labels "org.opencontainers.image.version"}}')" ] ||
  die "the image's label and its program disagree: $version"

# As a pod runs it: nothing can be written, nothing can be gained; its own health check, at the usual port, says that it is ready.
sed -i '/^ops:/d' "$alone/etc/rolegate/rolegate.yaml"
container=$(docker run --detach --read-only --cap-drop ALL --security-opt no-new-privileges \
  --volume "$alone/etc/rolegate:/etc/rolegate:ro" "$image")
trap 'docker rm --force "$container" >/dev/null; rm -rf "$alone"' EXIT
for _ in $(seq 600); do
  health=$(docker inspect -f '{{.State.Status}} {{.State.Health.Status}}' "$container")
  case $health in "running healthy") break ;; "running starting") sleep 0.2 ;; *) break ;; esac
done
[ "$health" = "running healthy" ] || die "the image's container is $health: $(docker logs "$container" 2>&1 | tail -n 20)"
docker stop --time 30 "$container" >/dev/null
[ "$(docker inspect -f '{{.State.ExitCode}}' "$container")" = 0 ] || die "it did not stop as it should: $(docker logs "$container" 2>&1 | tail -n 20)"
say "the image $image ($(($(of '{{.Size}}') / 1024 / 1024)) MiB) runs with a read-only root, becomes healthy and stops as it should"
