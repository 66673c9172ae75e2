//! The egress proxy that the environment names.

use std::net::Ipv6Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::ConfigError;
use crate::core::no_proxy::NoProxy;
use crate::core::secret::Secret;

/// An HTTP proxy, and what is reached without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProxy {
    /// A name or an address, an IPv6 address in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS is spoken with the proxy itself.
    pub is_tls: bool,
    /// The value of `Proxy-Authorization` (RFC 7617), where the URL holds credentials.
    pub authorization: Option<Secret>,
    /// Hosts that are reached directly.
    pub no_proxy: NoProxy,
}

/// The variables of an egress proxy, the ones in capitals first, as in Go.
#[derive(Debug, Clone, Default)]
pub(super) struct ProxyVariables {
    https_proxy: [Option<Secret>; 2],
    no_proxy: [Option<String>; 2],
}

impl ProxyVariables {
    /// Takes a variable that belongs here. False: it is another's.
    pub(super) fn take(&mut self, name: &str, value: &str) -> bool {
        let ([upper, lower], [no_upper, no_lower]) = (&mut self.https_proxy, &mut self.no_proxy);
        let value = value.trim();
        match name {
            // An empty one counts as none.
            _ if value.is_empty() => return false,
            "HTTPS_PROXY" => *upper = Some(Secret::from(value.to_owned())),
            "https_proxy" => *lower = Some(Secret::from(value.to_owned())),
            "NO_PROXY" => *no_upper = Some(value.to_owned()),
            "no_proxy" => *no_lower = Some(value.to_owned()),
            _ => return false,
        }
        true
    }

    /// The proxy; none where no variable names one.
    ///
    /// # Errors
    /// Where the variable is no URL of an HTTP proxy. The error does not show it: it may hold a password.
    pub(super) fn proxy(&self) -> Result<Option<HttpProxy>, ConfigError> {
        let named = ["HTTPS_PROXY", "https_proxy"].into_iter().zip(&self.https_proxy);
        let Some((name, url)) = named.filter_map(|(name, url)| Some((name, url.as_ref()?))).next() else {
            return Ok(None);
        };
        let no_proxy = self.no_proxy.iter().flatten().next().map(String::as_str).unwrap_or_default();
        let proxy = parse(url.expose(), NoProxy::parse(no_proxy));
        proxy.map(Some).map_err(|expected| ConfigError::at(name, "", expected))
    }
}

const EXPECTED: &str = "expected the URL of an HTTP proxy, such as `http://proxy.example.com:3128`, \
                        with special characters of its user name and password percent-encoded";

/// Without a scheme it is `http`, as in Go.
fn parse(url: &str, no_proxy: NoProxy) -> Result<HttpProxy, &'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let is_tls = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => {
            return Err(
                "SOCKS proxies are not supported: expected an `http://` or `https://` proxy that takes CONNECT",
            );
        }
        _ => return Err(EXPECTED),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (userinfo, place) = match authority.rsplit_once('@') {
        Some((userinfo, place)) => (Some(userinfo), place),
        None => (None, authority),
    };
    let (host, port) = split_port(place).ok_or(EXPECTED)?;
    let port = match port {
        "" if is_tls => 443,
        "" => 80,
        port => port.parse().ok().filter(|port| *port > 0).ok_or(EXPECTED)?,
    };
    let authorization = userinfo.filter(|userinfo| !userinfo.is_empty()).map(basic).transpose()?;
    Ok(HttpProxy { host: host.to_owned(), port, is_tls, authorization, no_proxy })
}

/// A valid host, and the port's text.
fn split_port(place: &str) -> Option<(&str, &str)> {
    if let Some(bracketed) = place.strip_prefix('[') {
        let (address, _) = bracketed.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        let (host, port) = place.split_at_checked(address.len().saturating_add(2))?;
        return match port.strip_prefix(':') {
            Some(port) => Some((host, port)),
            None => port.is_empty().then_some((host, "")),
        };
    }
    let (host, port) = place.split_once(':').unwrap_or((place, ""));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (!host.is_empty() && host.bytes().all(fits)).then_some((host, port))
}

/// `Basic …` of a URL's userinfo.
fn basic(userinfo: &str) -> Result<Secret, &'static str> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let mut credentials = decode(user)?;
    credentials.push(b':');
    credentials.extend(decode(password)?);
    Ok(Secret::from(format!("Basic {}", STANDARD.encode(credentials))))
}

/// Percent-decodes; an escape that is none is an error, as in Go.
fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if text.split('%').skip(1).all(is_escape) {
        Ok(percent_decode_str(text).collect())
    } else {
        Err(EXPECTED)
    }
}

#[cfg(test)]
mod tests {
    use super::{HttpProxy, ProxyVariables};
    use crate::core::no_proxy::NoProxy;

    fn of(variables: &[(&str, &str)]) -> Result<Option<HttpProxy>, String> {
        let mut found = ProxyVariables::default();
        for (name, value) in variables {
            found.take(name, value);
        }
        found.proxy().map_err(|error| error.to_string())
    }

    fn place(url: &str) -> (String, u16, bool) {
        let proxy = of(&[("HTTPS_PROXY", url)]).unwrap().unwrap();
        (proxy.host, proxy.port, proxy.is_tls)
    }

    #[test]
    fn a_proxy_is_named_as_for_gos_programs() {
        for (url, expected) in [
            ("http://proxy.example:3128", ("proxy.example", 3128, false)),
            ("proxy.example:3128", ("proxy.example", 3128, false)),
            ("proxy", ("proxy", 80, false)),
            (" HTTPS://proxy.example/ignored ", ("proxy.example", 443, true)),
            ("http://[::1]:3128", ("[::1]", 3128, false)),
            ("http://[2001:db8::1]/", ("[2001:db8::1]", 80, false)),
            ("http://user:pass@10.0.0.1:8080", ("10.0.0.1", 8080, false)),
        ] {
            let (host, port, is_tls) = expected;
            assert_eq!(place(url), (host.to_owned(), port, is_tls), "{url}");
        }
    }

    #[test]
    fn capitals_come_first_and_what_is_empty_is_not_there() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(
            of(&[("HTTPS_PROXY", " "), ("HTTP_PROXY", "http://x"), ("ALL_PROXY", "http://x")]),
            Ok(None)
        );
        let host = |variables: &[_]| of(variables).unwrap().unwrap().host;
        assert_eq!(host(&[("https_proxy", "http://lower"), ("HTTPS_PROXY", "http://upper")]), "upper");
        assert_eq!(host(&[("https_proxy", "http://lower"), ("HTTPS_PROXY", "")]), "lower");
        let no_proxy = |variables: &[_]| of(variables).unwrap().unwrap().no_proxy;
        let (proxy, lower, upper) = (("HTTPS_PROXY", "p"), ("no_proxy", "lower"), ("NO_PROXY", "upper"));
        assert_eq!(no_proxy(&[proxy, lower, upper]), NoProxy::parse("upper"));
        assert_eq!(no_proxy(&[proxy, lower]), NoProxy::parse("lower"));
    }

    #[test]
    fn credentials_are_sent_decoded_and_never_shown() {
        for (userinfo, sent) in [
            ("user:pass", "Basic dXNlcjpwYXNz"),
            ("user", "Basic dXNlcjo="),
            ("us%40er:p%3A%2Fss", "Basic dXNAZXI6cDovc3M="),
            ("user:p@ss", "Basic dXNlcjpwQHNz"),
        ] {
            let proxy = of(&[("HTTPS_PROXY", &format!("http://{userinfo}@proxy:1"))]).unwrap().unwrap();
            assert_eq!(proxy.authorization.as_ref().unwrap().expose(), sent, "{userinfo}");
            assert!(!format!("{proxy:?}").contains(sent), "{proxy:?}");
        }
        assert_eq!(of(&[("HTTPS_PROXY", "http://@proxy:1")]).unwrap().unwrap().authorization, None);
    }

    #[test]
    fn what_is_no_http_proxy_is_refused_without_being_shown() {
        for url in [
            "socks5://hunter2@proxy:1080",
            "ftp://hunter2@proxy",
            "http://user:hunter2/x@proxy:1",
            "http://user:hunter2%zz@proxy:1",
            "http://user:hunter2%4@proxy:1",
            "http://user:hunter2@",
            "http://user:hunter2@proxy:0",
            "http://user:hunter2@proxy:65536",
            "http://user:hunter2@::1:3128",
            "http://user:hunter2@[::1",
            "http://user:hunter2@[::1]3128",
            "http://user:hunter2@pro xy",
            "http://",
        ] {
            let error = of(&[("https_proxy", url)]).unwrap_err();
            assert!(error.starts_with("https_proxy: ") && !error.contains("hunter2"), "{url}: {error}");
        }
        assert!(
            of(&[("HTTPS_PROXY", "socks5://p")]).unwrap_err().contains("SOCKS proxies are not supported")
        );
    }
}
