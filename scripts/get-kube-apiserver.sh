#!/usr/bin/env bash
# Prints the folder that holds `kube-apiserver` and `etcd`, and makes it first where it is missing.
#
# In this order: KUBEBUILDER_ASSETS, PATH, the user's cache, else etcd from Debian and kube-apiserver built once
# from Debian bookworm's own source package (about nine minutes on two cores).
. "$(dirname "$0")/lib.sh"

has_both() { [ -x "$1/kube-apiserver" ] && [ -x "$1/etcd" ]; }

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  has_both "$KUBEBUILDER_ASSETS" || die "KUBEBUILDER_ASSETS is $KUBEBUILDER_ASSETS, which has no kube-apiserver and etcd"
  echo "$KUBEBUILDER_ASSETS"; exit 0
fi

assets=$cache/kube-1.20.2
mkdir -p "$assets"
exec 9>"$cache/kube.lock"
flock 9

if ! has_both "$assets"; then
  for part in kube-apiserver etcd; do
    found=$(command -v $part || true)
    [ -n "$found" ] && [ ! -e "$assets/$part" ] && ln -s "$found" "$assets/$part"
  done
fi
if [ ! -x "$assets/etcd" ]; then
  need_packages etcd-server
  ln -sf "$(command -v etcd || echo /usr/bin/etcd)" "$assets/etcd"
fi
if [ ! -x "$assets/kube-apiserver" ]; then
  need_packages golang-1.19-go golang-github-modern-go-reflect2-dev jq rsync make dpkg-dev ca-certificates
  work=$(mktemp -d "$cache/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"

  # A source list and index of its own: bookworm's main only, since later suites carry kubectl alone.
  mirror() {
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
      awk '$2 == "bookworm" && $3 == "main" && !seen { print $1; seen = 1 }'
  }
  site=$(mirror)
  [ -n "$site" ] || { apt-get update >/dev/null; site=$(mirror); }
  [ -n "$site" ] || die "apt knows no source of bookworm's main, which holds the source of kubernetes 1.20.2"
  mkdir -p lists/partial
  printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s bookworm main\n' "$site" > sources.list
  apt="apt-get -o Dir::Etc::SourceList=$work/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$work/lists -o APT::Sandbox::User=root"
  $apt update >&2
  say "fetching the source of kubernetes 1.20.2"
  $apt source --only-source kubernetes >&2
  # Debian calls it 1.20.5+really1.20.2.
  unpacked=$(find . -maxdepth 1 -type d -name 'kubernetes-*1.20.2')
  [ -n "$unpacked" ] || die "Debian's source package holds no kubernetes 1.20.2: $(ls)"

  mkdir -p go/src/k8s.io
  mv "$unpacked" go/src/k8s.io/kubernetes
  cd go/src/k8s.io/kubernetes
  # The vendored reflect2 1.0.1 crashes at random under Go 1.18 and later; Debian's 1.0.2 does not.
  rm -rf vendor/github.com/modern-go/reflect2
  cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/reflect2
  say "building kube-apiserver 1.20.2: about nine minutes on two cores, once"
  env PATH="/usr/lib/go-1.19/bin:$PATH" GOPATH="$work/go" GOCACHE="$work/gocache" GO111MODULE=off GOFLAGS= CGO_ENABLED=0 \
    make WHAT=cmd/kube-apiserver KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_TREE_STATE=clean \
    KUBE_GIT_COMMIT=faecb196815e248d3ecfb03c680a4507229c2a56 >&2
  built=$(find _output -type f -name kube-apiserver | head -n 1)
  [ -n "$built" ] || die "the build left no kube-apiserver"
  install -m 755 "$built" "$assets/kube-apiserver.new"
  mv "$assets/kube-apiserver.new" "$assets/kube-apiserver"
fi
echo "$assets"
