//! rolegate as the kubelet starts it: a root of its own, with the Deployment's arguments, variables and mounted files, its
//! service account's token, its user and no capabilities.
//!
//! Needs root, for a mount namespace. What is not as in a pod: the listeners have free ports of the loopback, by three
//! variables; `/usr` is the machine's, for libraries; there is no seccomp profile.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    kustomize::find,
    mounted::lay,
    support::{kube::KubeApiserver, process::command_of, rolegate::Rolegate},
};

/// Where kube and rolegate look for what Kubernetes gives to a pod.
const GIVEN: &str = "var/run/secrets/kubernetes.io/serviceaccount";

/// The image's ENTRYPOINT.
const ENTRYPOINT: &str = "/usr/local/bin/rolegate";

/// What the machine lends: its libraries, and what steps down from root.
const LENT: [&str; 6] = ["usr/bin", "usr/lib", "usr/lib64", "lib", "lib64", "proc"];

/// Makes the root what `/` is, read-only where the Deployment says so, and goes on there.
const ENTER: &str = r#"
set -eu
root=$1 binary=$2 entry=$3 read_only=$4 lent=$5
shift 5
mount --bind "$root" "$root"
for folder in $lent; do mount --rbind "/$folder" "$root/$folder"; done
mount --bind "$binary" "$root$entry"
if [ "$read_only" = true ]; then mount -o remount,bind,ro "$root"; fi
exec chroot "$root" "$@"
"#;

/// A running pod of the Deployment `rolegate`.
pub(crate) struct Pod {
    pub(crate) rolegate: Rolegate,
    _root: TempDir,
}

impl Pod {
    /// Starts one of the objects' Deployment, in the cluster of this API server, and waits until it has bound its doors.
    /// The variables come on top.
    pub(crate) async fn start(api: &KubeApiserver, objects: &[Value], variables: &[(&str, &str)]) -> Self {
        let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap());
        assert_eq!(uid, 0, "a pod's files are mounted where only root can: run this test as root");
        let deployment = find(objects, "Deployment", "rolegate");
        let spec = &deployment["spec"]["template"]["spec"];
        let container = &spec["containers"][0];
        let namespace = deployment["metadata"]["namespace"].as_str().unwrap();
        let account = spec["serviceAccountName"].as_str().unwrap();

        let root = tempfile::tempdir().unwrap();
        let (user, group) = (id(spec, "runAsUser"), id(spec, "runAsGroup"));
        let lent = layout(root.path());
        lay(objects, "rolegate", root.path());
        for mount in container["volumeMounts"].as_array().unwrap() {
            let path = mount["mountPath"].as_str().unwrap();
            give(&root.path().join(path.trim_start_matches('/')), id(spec, "fsGroup"), 0o440);
        }
        assert_eq!(spec["automountServiceAccountToken"], true);
        let given = root.path().join(GIVEN);
        fs::create_dir_all(&given).unwrap();
        fs::write(given.join("token"), api.token(namespace, account, &[], 3600).await).unwrap();
        fs::write(given.join("ca.crt"), api.ca_pem()).unwrap();
        fs::write(given.join("namespace"), namespace).unwrap();
        give(&given, id(spec, "fsGroup"), 0o640);

        let mut command = command_of("unshare");
        command.args(["--mount", "--", "sh", "-c", ENTER, "sh"]);
        command.arg(root.path()).args([env!("CARGO_BIN_EXE_rolegate"), ENTRYPOINT]);
        command.arg(container["securityContext"]["readOnlyRootFilesystem"].to_string()).arg(lent.join(" "));
        command.args(["setpriv", "--pdeathsig", "KILL", "--clear-groups", "--no-new-privs"]);
        command.args(["--reuid", &user.to_string(), "--regid", &group.to_string()]);
        assert_eq!(container["securityContext"]["capabilities"]["drop"], serde_json::json!(["ALL"]));
        command.args(["--inh-caps", "-all", "--bounding-set", "-all", "--", "/usr/bin/env", "-i"]);
        command.args(environment(api, container, variables)).arg(ENTRYPOINT);
        command.args(container["args"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()));
        Self { rolegate: Rolegate::started_by(command).await, _root: root }
    }
}

/// The variables of the container, those that Kubernetes adds, and the free ports.
fn environment(api: &KubeApiserver, container: &Value, variables: &[(&str, &str)]) -> Vec<String> {
    let own = container["env"].as_array().into_iter().flatten().map(|variable| {
        let text = |key: &str| variable[key].as_str().unwrap_or_else(|| panic!("{variable} has no {key}"));
        format!("{}={}", text("name"), text("value"))
    });
    let address = api.address();
    let mut all: Vec<String> = own.collect();
    all.push(format!("KUBERNETES_SERVICE_HOST={}", address.ip()));
    all.push(format!("KUBERNETES_SERVICE_PORT={}", address.port()));
    all.extend(["ENVOY", "VAULT", "OPS"].map(|door| format!("ROLEGATE_{door}__LISTEN=127.0.0.1:0")));
    all.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
    all
}

/// Lays out what every image and every pod has; gives the folders that the machine lends.
fn layout(root: &Path) -> Vec<&'static str> {
    fs::set_permissions(root, Permissions::from_mode(0o755)).unwrap();
    let file = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file(ENTRYPOINT.trim_start_matches('/'), "");
    file("etc/hosts", "127.0.0.1 localhost kubernetes.default.svc\n");
    file("etc/hostname", "rolegate-0\n");
    let mut lent = LENT.to_vec();
    lent.retain(|folder| {
        let (theirs, ours) = (Path::new("/").join(folder), root.join(folder));
        match fs::read_link(&theirs) {
            Ok(link) => symlink(link, ours).unwrap(),
            Err(_) => fs::create_dir_all(ours).unwrap(),
        }
        theirs.is_dir() && !theirs.is_symlink()
    });
    lent
}

/// Hands a volume's files to the group that may read them.
fn give(path: &PathBuf, group: u32, mode: u32) {
    chown(path, Some(0), Some(group)).unwrap();
    if path.is_dir() {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path(), group, mode));
    } else {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
}

fn id(spec: &Value, key: &str) -> u32 {
    let id = spec["securityContext"][key].as_u64().unwrap_or_else(|| panic!("no {key}"));
    id.try_into().unwrap()
}
