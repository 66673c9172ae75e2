"""What a Python program does with hvac: an administrator sets a mount up, a workload logs in, lives and leaves."""

import os

import hvac
from hvac import exceptions

env = os.environ
mount, namespace = env["MOUNT"], env["NAMESPACE"]
trusted = env.get("VAULT_CACERT") or True


def text(name):
    """What is in the file that the variable names."""
    with open(env[name], encoding="utf-8") as file:
        return file.read()


def same(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def refused(kind, sentence, call, *arguments, **named):
    """The call must be refused in this way, with this sentence."""
    try:
        call(*arguments, **named)
    except kind as error:
        same(error.errors, [sentence])
    else:
        raise AssertionError(f"{call.__name__} is not refused")


def client(token=None):
    return hvac.Client(url=env["VAULT_ADDR"], token=token, verify=trusted)


root = client(env["VAULT_TOKEN"])
assert root.is_authenticated()
assert root.sys.is_initialized() and not root.sys.is_sealed()

root.sys.enable_auth_method("kubernetes", path=mount)
same(root.sys.list_auth_methods()["data"][f"{mount}/"]["type"], "kubernetes")

policy = f'path "auth/{mount}/role/orders" {{ capabilities = ["read"] }}\n'
root.sys.create_or_update_policy(mount, policy)
same(root.sys.read_policy(mount)["data"]["rules"], policy)
assert mount in root.sys.list_policies()["data"]["policies"]

kubernetes = root.auth.kubernetes
kubernetes.configure(env["KUBE_HOST"], text("KUBE_CA_FILE"), text("REVIEWER_JWT_FILE"), mount_point=mount)
config = kubernetes.read_config(mount_point=mount)
same(config["kubernetes_host"], env["KUBE_HOST"])
same(config["token_reviewer_jwt_set"], True)

# hvac still writes the fields by their old names: `ttl`, `max_ttl`, `policies`.
kubernetes.create_role(
    "orders", ["orders"], [namespace], ttl="10m", max_ttl="1h", policies=[mount], mount_point=mount
)
kubernetes.create_role("other", ["other"], ["elsewhere"], mount_point=mount)
same(kubernetes.list_roles(mount_point=mount)["keys"], ["orders", "other"])
role = kubernetes.read_role("orders", mount_point=mount)
same((role["token_ttl"], role["token_max_ttl"], role["token_policies"]), (600, 3600, [mount]))

workload = client()
auth = workload.auth.kubernetes.login("orders", text("JWT_FILE"), mount_point=mount)["auth"]
same(workload.token, auth["client_token"])
same(auth["policies"], ["default", mount])
same(auth["metadata"]["service_account_namespace"], namespace)
same((auth["lease_duration"], auth["renewable"], auth["token_type"]), (600, True, "service"))

token = workload.auth.token
same(token.lookup_self()["data"]["path"], f"auth/{mount}/login")
same(root.auth.token.lookup_accessor(auth["accessor"])["data"]["policies"], auth["policies"])
same(token.renew_self(increment="20m")["auth"]["lease_duration"], 1200)
same(workload.read(f"auth/{mount}/role/orders")["data"]["bound_service_account_names"], ["orders"])
refused(exceptions.Forbidden, "1 error occurred:\n\t* permission denied\n\n", workload.read, f"auth/{mount}/config")

login = client().auth.kubernetes.login
refused(exceptions.InvalidRequest, 'invalid role name "nope"', login, "nope", text("JWT_FILE"), mount_point=mount)
refused(
    exceptions.Forbidden, "namespace not authorized", login, "orders", text("STRANGER_JWT_FILE"), mount_point=mount
)

token.revoke_self()
assert not workload.is_authenticated()

kubernetes.delete_role("orders", mount_point=mount)
refused(exceptions.InvalidRequest, 'invalid role name "orders"', login, "orders", text("JWT_FILE"), mount_point=mount)
root.sys.delete_policy(mount)
assert mount not in root.sys.list_policies()["data"]["policies"]
root.sys.disable_auth_method(mount)
assert f"{mount}/" not in root.sys.list_auth_methods()["data"]
