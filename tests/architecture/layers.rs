//! The layers of the house.

/// Each module of `src/`, what it may use of the others, and, for those that are kept pure, which packages.
///
/// From the bottom to the top; beside each other, and never using one another: `verify`, `home`, `store`, `doors`, `plugin`,
/// `dev`.
pub(crate) const LAYERS: [Layer; 28] = [
    layer("core", &[], Some(CORE_PACKAGES)),
    layer("ports", &["core"], Some(&["thiserror"])),
    layer("errors", &[], Some(&[])),
    layer("health", &[], Some(&[])),
    layer("exchange", &[], None),
    layer("departures", &["core", "ports"], Some(&[])),
    layer("namespaces", &["ports"], Some(&[])),
    layer("waking", &[], Some(&["futures_util"])),
    layer("watching", &["errors", "health", "metrics"], None),
    layer("mount_notices", &["core", "health"], Some(&["tracing"])),
    layer("lifecycle", &[], Some(&["tokio"])),
    layer("telemetry", &[], None),
    layer("metrics", &["core"], Some(&["prometheus_client"])),
    layer("config", &["core"], None),
    layer("gate", &["core", "ports"], Some(&["arc_swap", "smallvec"])),
    layer("catalog", &["core", "ports"], Some(&["arc_swap", "serde_json", "thiserror", "tokio", "tracing"])),
    layer("tokens", &["core", "ports", "errors", "metrics", "catalog"], None),
    layer(
        "vault",
        &[
            "core",
            "ports",
            "errors",
            "health",
            "metrics",
            "gate",
            "catalog",
            "tokens",
            "record",
            "mount_notices",
        ],
        None,
    ),
    layer("record", &["core", "gate", "metrics"], None),
    layer("net", &["core", "errors", "health", "metrics", "config", "waking"], None),
    layer(
        "verify",
        &["core", "ports", "errors", "health", "metrics", "config", "exchange", "departures", "namespaces"],
        None,
    ),
    layer(
        "home",
        &["core", "ports", "errors", "health", "metrics", "exchange", "departures", "namespaces", "watching"],
        None,
    ),
    layer(
        "store",
        &["core", "ports", "errors", "health", "lifecycle", "metrics", "config", "catalog", "watching"],
        None,
    ),
    layer(
        "doors",
        &[
            "core",
            "ports",
            "errors",
            "health",
            "lifecycle",
            "metrics",
            "config",
            "gate",
            "net",
            "catalog",
            "tokens",
            "record",
            "vault",
        ],
        None,
    ),
    layer("plugin", &["core", "ports", "errors", "gate", "catalog", "record", "vault"], None),
    layer("dev", &["core", "ports", "health", "config", "net"], None),
    layer(
        "app",
        &[
            "core",
            "ports",
            "errors",
            "health",
            "lifecycle",
            "metrics",
            "config",
            "gate",
            "catalog",
            "tokens",
            "record",
            "vault",
            "net",
            "departures",
            "namespaces",
            "verify",
            "home",
            "store",
            "doors",
            "plugin",
            "dev",
            "mount_notices",
        ],
        None,
    ),
    layer("main", &["config", "errors", "store", "telemetry", "app"], None),
];

const CORE_PACKAGES: &[&str] = &[
    "aws_lc_rs",
    "base64",
    "ipnet",
    "memchr",
    "postcard",
    "serde",
    "serde_json",
    "serde_saphyr",
    "smallvec",
    "thiserror",
    "x509_parser",
];

/// A module of `src/`.
pub(crate) struct Layer {
    /// Its name.
    pub(crate) name: &'static str,
    /// The modules that it may use.
    pub(crate) below: &'static [&'static str],
    /// The packages that it may use; nothing for any.
    pub(crate) packages: Option<&'static [&'static str]>,
}

const fn layer(
    name: &'static str,
    below: &'static [&'static str],
    packages: Option<&'static [&'static str]>,
) -> Layer {
    Layer { name, below, packages }
}
