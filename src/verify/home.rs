//! Which mounts are rolegate's own cluster, and what of their tokens is gone from it.

use http::Uri;

use super::LocalCluster;
use super::reviewer_credential::is_own_cluster;
use super::settings::HomeCluster;
use crate::departures::Deletion;
use crate::ports::ReviewQuery;

impl HomeCluster {
    /// Whether the API server at this URL is that of the home cluster: under one of the names that a pod has for it, or
    /// under the URL by which rolegate itself asks it.
    pub(super) fn is_at(&self, url: &Uri, local: &LocalCluster) -> bool {
        let by_name = || url.host().is_some_and(|host| is_own_cluster(host, local));
        (self.is_pods_own && by_name()) || is_same_server(&self.url, url)
    }

    /// The last known deletion of something that the token of a question names. Nothing is computed where there was none of
    /// late.
    pub(super) fn deletion(&self, query: &ReviewQuery<'_>) -> Option<Deletion> {
        let departures = &self.departures;
        let claims = query.claims.filter(|_| departures.any())?;
        departures.deletion(&departures.traces(claims))
    }
}

fn is_same_server(one: &Uri, other: &Uri) -> bool {
    let place = |url: &Uri| {
        let scheme = url.scheme_str().map(str::to_ascii_lowercase);
        let port = url.port_u16().or(match scheme.as_deref() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        });
        let host = url.host().map(|host| host.trim_end_matches('.').to_ascii_lowercase());
        (scheme, host, port, url.path().trim_end_matches('/').to_owned())
    };
    one.host().is_some() && place(one) == place(other)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{HomeCluster, LocalCluster};
    use crate::departures::Departures;
    use crate::namespaces::WatchedNamespaces;
    use crate::ports::Clock;

    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn unix_now(&self) -> i64 {
            0
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn a_mount_is_the_home_cluster_by_a_pods_names_for_it_or_by_the_same_url() {
        let departures = Departures::new(Arc::new(Still), Duration::ZERO);
        let home = |url: &str, is_pods_own| HomeCluster {
            url: url.parse().unwrap(),
            is_pods_own,
            departures: departures.clone(),
            namespaces: WatchedNamespaces::new(Arc::new(Still), Duration::ZERO),
        };
        let local = LocalCluster { service_host: Some("10.0.0.1".to_owned()), ..LocalCluster::default() };
        let pod = home("https://10.0.0.1/", true);
        let elsewhere = home("https://Kube.example:6443/clusters/a/", false);
        let cases = [
            (&pod, "https://kubernetes.default.svc", true),
            (&pod, "https://10.0.0.1:443", true),
            (&pod, "https://kube.example:6443", false),
            (&elsewhere, "https://kube.example:6443/clusters/a", true),
            (&elsewhere, "https://kube.example.:6443/clusters/a", true),
            (&elsewhere, "https://kube.example:6443/clusters/b", false),
            (&elsewhere, "https://kube.example:6443", false),
            (&elsewhere, "https://kube.example/clusters/a", false),
            (&elsewhere, "http://kube.example:6443/clusters/a", false),
            (&elsewhere, "https://other.example:6443/clusters/a", false),
            // The pod's own cluster is another than the kubeconfig's.
            (&elsewhere, "https://kubernetes.default.svc", false),
            (&elsewhere, "https://10.0.0.1", false),
        ];
        for (home, url, expected) in cases {
            assert_eq!(home.is_at(&url.parse().unwrap(), &local), expected, "{url} of {home:?}");
        }
    }
}
