//! Look-ups by the system's own files: `/etc/hosts`, and the name servers and search list of `/etc/resolv.conf`.

use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup as Records;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;

use super::{Found, Lookup, ResolveError};
use crate::verify::pod_files::{Stamp, stamp};

const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];
/// For one question to all name servers; a shorter one of `/etc/resolv.conf` counts.
const QUERY: Duration = Duration::from_secs(2);
/// How long one family's addresses wait for the other's (RFC 8305 section 3).
const OTHER_FAMILY: Duration = Duration::from_millis(50);

/// The system's name servers. Its files are read again when they have changed.
#[derive(Default)]
pub(in crate::verify) struct SystemLookup(Mutex<Option<Arc<Configured>>>);

struct Configured {
    files: [Option<Stamp>; 2],
    resolver: TokioResolver,
    search: Vec<Name>,
    ndots: usize,
}

impl Lookup for SystemLookup {
    fn lookup<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Found, ResolveError>> + Send + 'a>> {
        Box::pin(async move { self.configured().await?.lookup(name).await })
    }
}

impl SystemLookup {
    async fn configured(&self) -> Result<Arc<Configured>, ResolveError> {
        let files = FILES.map(|file| stamp(Path::new(file)));
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(kept) = kept.filter(|kept| kept.files == files) {
            return Ok(kept);
        }
        let read = tokio::task::spawn_blocking(move || configure(files)).await;
        let read = Arc::new(read.map_err(|_| ResolveError::Ended)??);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
    }
}

impl Configured {
    async fn lookup(&self, name: &str) -> Result<Found, ResolveError> {
        let name = Name::from_str_relaxed(name).map_err(|error| failed(error.into()))?;
        let mut outcome = ResolveError::NoSuchName;
        for name in candidates(&name, &self.search, self.ndots) {
            match of_both_families(&self.resolver, &name).await {
                Ok(found) => return Ok(found),
                Err(error) => outcome = weightier(outcome, error),
            }
        }
        Err(outcome)
    }

    fn new(
        files: [Option<Stamp>; 2],
        config: &ResolverConfig,
        options: ResolverOpts,
    ) -> Result<Self, ResolveError> {
        let (search, ndots) = (config.search().to_vec(), options.ndots);
        // The search list is gone through here, where it is known what each name's answer was.
        let servers = ResolverConfig::from_parts(None, Vec::new(), config.name_servers().to_vec());
        let mut builder = TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default());
        let settings = builder.options_mut();
        *settings = options;
        settings.timeout = settings.timeout.min(QUERY);
        // What is found is kept by the caller.
        settings.cache_size = 0;
        Ok(Self { files, resolver: builder.build().map_err(failed)?, search, ndots })
    }
}

/// Reads the files. Without a usable `/etc/resolv.conf` there is `/etc/hosts` alone.
fn configure(files: [Option<Stamp>; 2]) -> Result<Configured, ResolveError> {
    let none = || (ResolverConfig::from_parts(None, Vec::new(), Vec::new()), ResolverOpts::default());
    let (config, options) = read_system_conf().unwrap_or_else(|_| none());
    Configured::new(files, &config, options)
}

/// The names that are asked for, in their order (resolv.conf(5), `search` and `ndots`).
fn candidates(name: &Name, search: &[Name], ndots: usize) -> Vec<Name> {
    let mut as_it_is = name.clone();
    as_it_is.set_fqdn(true);
    if name.is_fqdn() {
        return vec![as_it_is];
    }
    let mut names: Vec<Name> =
        search.iter().filter_map(|domain| name.clone().append_domain(domain).ok()).collect();
    for name in &mut names {
        name.set_fqdn(true);
    }
    let dots = usize::from(name.num_labels()).saturating_sub(1);
    let at = if dots >= ndots { 0 } else { names.len() };
    names.insert(at, as_it_is);
    names
}

/// The addresses of both families, or of the one that has any in time.
async fn of_both_families(resolver: &TokioResolver, name: &Name) -> Result<Found, ResolveError> {
    let ask = |kind| Box::pin(resolver.lookup(name.clone(), kind));
    let (first, second) = match select(ask(RecordType::A), ask(RecordType::AAAA)).await {
        Either::Left((first, second)) | Either::Right((first, second)) => (addresses(first), second),
    };
    match first {
        Ok(first) => match tokio::time::timeout(OTHER_FAMILY, second).await.map(addresses) {
            Ok(Ok(second)) => Ok(Found {
                addresses: interleaved(first.addresses, second.addresses),
                ttl: first.ttl.min(second.ttl),
            }),
            _ => Ok(first),
        },
        Err(first) => match addresses(second.await) {
            Ok(second) => Ok(second),
            // There are servers that deny a name for the lack of one kind of record (RFC 4074 section 4.2).
            Err(second) => Err(weightier(first, second)),
        },
    }
}

fn addresses(records: Result<Records, NetError>) -> Result<Found, ResolveError> {
    match records {
        Ok(records) => {
            let ttl = records.valid_until().saturating_duration_since(Instant::now());
            let addresses: Vec<IpAddr> =
                records.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
            if addresses.is_empty() { Err(ResolveError::NoAddress) } else { Ok(Found { addresses, ttl }) }
        }
        Err(error) if error.is_nx_domain() => Err(ResolveError::NoSuchName),
        Err(error) if error.is_no_records_found() => Err(ResolveError::NoAddress),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: NetError) -> ResolveError {
    ResolveError::Failed(Box::new(error))
}

/// Of two failures the one that leaves more open: a name counts as absent only where nothing else went wrong.
const fn weight(error: &ResolveError) -> u8 {
    match error {
        ResolveError::NoSuchName => 0,
        ResolveError::NoAddress => 1,
        _ => 2,
    }
}

fn weightier(one: ResolveError, other: ResolveError) -> ResolveError {
    if weight(&one) > weight(&other) { one } else { other }
}

/// Alternately one of each, so that a family without a route costs one attempt.
fn interleaved(first: Vec<IpAddr>, second: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::with_capacity(first.len().saturating_add(second.len()));
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return all;
        }
        all.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests;
