#!/usr/bin/env bash
# A cluster of kind with rolegate and its gateway: what the Makefile's targets of these names do.
#   kind.sh setup-kind | setup-integration-test | integration-test | teardown-integration-test | delete-kind
. "$(dirname "$0")/lib.sh"

cluster=${KIND_CLUSTER_NAME:-rolegate}
# The node image of a new cluster: of another version of Kubernetes, or one of your own making.
node=(${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"})
image=rolegate:0.1.0
kubectl=(kubectl --context "kind-$cluster")

need() {
  for program in "$@"; do
    command -v "$program" >/dev/null || die "this needs kind, kubectl and docker: there is no $program here"
  done
  docker info >/dev/null 2>&1 || die "this needs kind, kubectl and docker: no docker engine answers here"
}

case ${1:-} in
  setup-kind)
    need kind kubectl docker
    kind get clusters 2>/dev/null | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 120s "${node[@]}"
    ;;
  setup-integration-test)
    need kind kubectl docker
    make -C "$root" image
    kind load docker-image --name "$cluster" "$image"
    "${kubectl[@]}" apply -k "$root/kind/test/install"
    "$root/kind/certificates.sh" --ca "$root/target/kind-ca" rolegate-gateway shop.example.com | "${kubectl[@]}" apply -f -
    "${kubectl[@]}" wait --for=condition=Established --timeout=60s \
      crd/gatemounts.rolegate.dev crd/gateroles.rolegate.dev crd/gatepolicies.rolegate.dev
    "${kubectl[@]}" apply -k "$root/kind/examples"
    for deployment in rolegate/rolegate rolegate-gateway/gateway shop/orders; do
      "${kubectl[@]}" -n "${deployment%/*}" rollout status "deployment/${deployment#*/}" --timeout=300s
    done
    ;;
  integration-test)
    need kind kubectl docker
    "${kubectl[@]}" -n rolegate wait --for=condition=Ready --timeout=60s gatemount/kubernetes gaterole/orders
    ca=$("${kubectl[@]}" -n rolegate get secret rolegate-tls -o 'jsonpath={.data.ca\.crt}' | base64 -d)
    "${kubectl[@]}" -n shop create configmap rolegate-ca --from-literal=ca.crt="$ca" --dry-run=client -o yaml |
      "${kubectl[@]}" apply -f -
    "${kubectl[@]}" -n shop delete job integration-test --ignore-not-found
    "${kubectl[@]}" apply -k "$root/kind/test"
    passed=0
    for _ in $(seq 120); do
      state=$("${kubectl[@]}" -n shop get job integration-test -o 'jsonpath={.status.succeeded}/{.status.failed}')
      case $state in 1/*) passed=1; break ;; */1) break ;; esac
      sleep 2
    done
    "${kubectl[@]}" -n shop logs job/integration-test || true
    [ "$passed" = 1 ] || { "${kubectl[@]}" -n rolegate logs deployment/rolegate --tail=50; die "the integration test failed"; }
    ;;
  teardown-integration-test)
    need kind kubectl docker
    "${kubectl[@]}" delete --ignore-not-found --wait -k "$root/kind/examples"
    "${kubectl[@]}" delete --ignore-not-found --wait -k "$root/kind/test/install"
    ;;
  delete-kind)
    need kind docker
    kind delete cluster --name "$cluster"
    ;;
  *) die "expected setup-kind, setup-integration-test, integration-test, teardown-integration-test or delete-kind" ;;
esac
