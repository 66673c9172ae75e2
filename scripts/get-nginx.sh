#!/usr/bin/env bash
# Prints the path of nginx, whose `auth_request` the tests point at the Envoy door: Debian's nginx-light.
. "$(dirname "$0")/lib.sh"

# /usr/sbin is not in everybody's path.
PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || need_packages nginx-light
command -v nginx
