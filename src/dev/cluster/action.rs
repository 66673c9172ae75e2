//! What a request wants to do, as Kubernetes' authorisation names it.

use std::fmt;

use http::Method;

/// What somebody wants to do.
#[derive(Debug, PartialEq)]
pub(super) enum Action<'a> {
    /// A verb on a resource (`serviceaccounts/token` where it is a subresource).
    Resource { verb: &'a str, group: &'a str, resource: String, namespace: &'a str, name: &'a str },
    /// A verb on any other path.
    Path { verb: &'a str, path: &'a str },
}

impl<'a> Action<'a> {
    /// What a request to the API wants.
    pub(super) fn of(method: &'a Method, path: &'a str) -> Self {
        let mut parts = path.split('/').skip(1);
        let group = match parts.next() {
            Some("api") => Some(""),
            Some("apis") => parts.next(),
            _ => None,
        };
        let rest: Vec<&str> = parts.skip(1).collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let (Some(group), [resource, rest @ ..]) = (group, rest) else {
            return Self::Path { verb: verb(method, true), path };
        };
        let (name, subresource) = (rest.first().copied().unwrap_or_default(), rest.get(1));
        let resource = subresource.map_or_else(|| (*resource).to_owned(), |sub| format!("{resource}/{sub}"));
        Self::Resource { verb: verb(method, !name.is_empty()), group, resource, namespace, name }
    }
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource { verb, group, resource, namespace, .. } => {
                write!(formatter, "{verb} resource \"{resource}\" in API group \"{group}\" ")?;
                match *namespace {
                    "" => formatter.write_str("at the cluster scope"),
                    namespace => write!(formatter, "in the namespace \"{namespace}\""),
                }
            }
            Self::Path { verb, path } => write!(formatter, "{verb} path \"{path}\""),
        }
    }
}

fn verb(method: &Method, one: bool) -> &'static str {
    match (method.as_str(), one) {
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "",
    }
}
