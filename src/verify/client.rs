//! A client for one API server through kube: TLS 1.2 or later, no redirects, no retries, no proxy.

use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt as _};
use tower::ServiceBuilder;

use super::error::AskError;

/// Shorter than the API server's own 90 seconds, so that no question goes into a connection that is being closed.
const IDLE: Duration = Duration::from_secs(30);

/// The base URL of the server; one slash at its end does not count.
pub(super) fn base_url(kubernetes_host: &str) -> Option<Uri> {
    let text = kubernetes_host.strip_suffix('/').unwrap_or(kubernetes_host);
    let url: Uri = text.parse().ok()?;
    let usable = matches!(url.scheme_str(), Some("http" | "https"))
        && url.host().is_some_and(|host| !host.is_empty())
        && url.query().is_none();
    usable.then_some(url)
}

/// A client that trusts these certificates alone, or the system's where there are none.
pub(super) fn connect(
    url: &Uri,
    roots: Option<Vec<Vec<u8>>>,
    timeout: Duration,
    idle_connections: usize,
) -> Result<kube::Client, AskError> {
    let mut config = kube::Config::new(url.clone());
    config.root_cert = roots;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let tls =
        config.rustls_https_connector_with_connector(tcp).map_err(|error| AskError::Ca(error.into()))?;
    let connector = ServiceBuilder::new().map_future(Box::pin).timeout(timeout).service(tls);
    let pool = Pool::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle_connections)
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new().layer(config.base_uri_layer()).service(pool);
    Ok(kube::Client::new(service, config.default_namespace))
}

#[cfg(test)]
mod tests {
    use super::base_url;

    #[test]
    fn only_the_url_of_a_server_is_one() {
        for good in
            ["https://kube:6443", "http://127.0.0.1:1/", "https://[::1]:6443", "https://kube/clusters/a"]
        {
            assert!(base_url(good).is_some(), "{good}");
        }
        for bad in
            ["", "127.0.0.1:1", "kube", "no such host", "ftp://127.0.0.1", "https://", "/x", "https://k?a=b"]
        {
            assert!(base_url(bad).is_none(), "{bad}");
        }
    }
}
