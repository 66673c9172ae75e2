#!/usr/bin/env bash
# Prints Secrets with new certificates of a private CA.
#
#   kind/certificates.sh                                      | kubectl apply -f -   # rolegate's own: `rolegate-tls`
#   kind/certificates.sh rolegate-gateway shop.example.com    | kubectl apply -f -   # and `rolegate-client` for the Envoys of
#                                    that namespace, and `gateway-tls`, a certificate for that host to try the gateway with
#   kind/certificates.sh --ca FOLDER ...     # by the CA of that folder, which is made where there is none; its key stays there
#
# Without --ca each run makes another CA and keeps no key of it: whoever trusts the old one (Envoys that run, clients with a
# copy of ca.crt) trusts none of the new certificates. With it a run only renews. Certificates last a year, a kept CA ten.
#
# Needs openssl. With cert-manager: let it write the same keys (tls.crt, tls.key, ca.crt) into the same Secrets.
set -euo pipefail

days=365
kept=
if [ "${1:-}" = --ca ]; then
  kept=${2:?the folder of the CA}
  shift 2
fi
if [ $# -gt 2 ] || [[ ${1:-} == -* || ${2:-} == -* ]]; then
  echo "error: expected [--ca FOLDER] [NAMESPACE [HOST]], --ca first, found: $*" >&2
  exit 2
fi
clients=${1:-}
host=${2:-}
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -n "$kept" ]; then
  mkdir -p "$kept"
  kept=$(cd "$kept" && pwd)
fi
cd "$work"

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"; }

# sign NAME USAGE SUBJECT_ALT_NAMES
sign() {
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
  printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" "extendedKeyUsage=$2" \
    "subjectAltName=$3" "authorityKeyIdentifier=keyid" "subjectKeyIdentifier=hash" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "$days" -sha256 -extfile "$1.ext" \
    -out "$1.crt" 2>/dev/null
}

# secret NAMESPACE NAME CERTIFICATE
secret() {
  printf -- '---\napiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: { name: %s, namespace: %s }\ndata:\n' "$2" "$1"
  printf '  tls.crt: %s\n  tls.key: %s\n  ca.crt: %s\n' \
    "$(base64 -w0 <"$3.crt")" "$(base64 -w0 <"$3.key")" "$(base64 -w0 <ca.crt)"
}

# ca DAYS: a new one
ca() {
  key ca
  openssl req -x509 -new -key ca.key -subj "/CN=rolegate" -days "$1" -sha256 -out ca.crt \
    -addext "keyUsage=critical,keyCertSign,cRLSign"
}

if [ -z "$kept" ]; then
  ca "$days"
elif [ -e "$kept/ca.crt" ]; then
  cp "$kept/ca.crt" "$kept/ca.key" .
  openssl x509 -in ca.crt -noout -checkend $((days * 86400)) >/dev/null || {
    echo "the CA in $kept ends before the certificates would: move it away, and a new one is made" >&2
    exit 1
  }
else
  ca $((days * 10))
  # The certificate last: where it is, the key is whole.
  cp ca.key "$kept/" && cp ca.crt "$kept/"
fi

doors=DNS:localhost
for service in rolegate rolegate-vault; do
  doors+=",DNS:$service,DNS:$service.rolegate,DNS:$service.rolegate.svc,DNS:$service.rolegate.svc.cluster.local"
done
sign rolegate serverAuth "$doors"
secret rolegate rolegate-tls rolegate
if [ -n "$clients" ]; then
  sign client clientAuth "DNS:envoy.$clients"
  secret "$clients" rolegate-client client
fi
if [ -n "$host" ]; then
  sign front serverAuth "DNS:$host"
  secret "$clients" gateway-tls front
fi
