# The policy `response-wrapping`: what the token of a wrapped answer may do.

path "cubbyhole/response" {
  capabilities = ["create", "read"]
}

path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
