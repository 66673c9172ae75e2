//! What honest callers see while strangers attack: `make bench BENCHARGS=attack`.
//!
//! `bench_attack ROLEGATE [URL CA_FILE REVIEWER_FILE TOKENS_FILE]` with the stand-in API server, or with a real one
//! and a file of tokens of its account `shop/orders`, one a line.
//!
//! Each row is one attack: the same honest load runs before it and during it, 200 Checks a second of a token that is
//! remembered and 20 of tokens that are new. `ATTACK_SECONDS` sets the length of each half (5), `ONLY` names rows.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a tool for developers, which may stop at the first error"
)]

#[path = "bench_attack/api_server.rs"]
mod api_server;
#[path = "bench_attack/attacks.rs"]
mod attacks;
#[path = "bench_attack/load.rs"]
mod load;
#[path = "bench_attack/server.rs"]
mod server;
#[path = "bench_attack/tokens.rs"]
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api_server::{ApiServer, Mode};
use attacks::Sent;
use load::{Honest, Mint};
use server::{MEMORY_LIMIT_MIB, Server, Setup, processors};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

/// Ten times what the stand-in API server can review.
const FLOOD: u32 = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    Forged { local_keys: bool, addresses: u64 },
    OneAccount,
    Logins,
    ApiServer(Mode),
    Silent(&'static str),
    Resets,
    Rapid,
    SlowBodies,
    PodChurn,
}

const ROWS: [(&str, Attack); 18] = [
    ("forged tokens, local keys", Attack::Forged { local_keys: true, addresses: 1 }),
    ("forged tokens, no local keys", Attack::Forged { local_keys: false, addresses: 1 }),
    ("the same from 200 addresses", Attack::Forged { local_keys: false, addresses: 200 }),
    ("valid tokens of one account", Attack::OneAccount),
    ("forged logins, Vault door", Attack::Logins),
    ("API server: 1 s a review", Attack::ApiServer(Mode::Slow)),
    ("API server: 429", Attack::ApiServer(Mode::TooMany)),
    ("API server: black hole", Attack::ApiServer(Mode::Hangs)),
    ("API server: half-open", Attack::ApiServer(Mode::HalfOpen)),
    ("API server: flapping", Attack::ApiServer(Mode::Flaps)),
    ("API server: resets", Attack::ApiServer(Mode::Resets)),
    ("5,000 silent, Envoy door", Attack::Silent("envoy")),
    ("5,000 silent, Vault door", Attack::Silent("vault")),
    ("5,000 silent, operations", Attack::Silent("ops")),
    ("10,000 resets a second", Attack::Resets),
    ("10,000 streams a second", Attack::Rapid),
    ("slow bodies", Attack::SlowBodies),
    ("100 pods deleted a second", Attack::PodChurn),
];

struct Real {
    url: String,
    ca_file: PathBuf,
    reviewer: String,
    tokens: Arc<Vec<String>>,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (binary, real) = match words.as_slice() {
        [binary] => (PathBuf::from(binary), None),
        [binary, url, ca_file, reviewer, tokens] => {
            let read = |file: &str| std::fs::read_to_string(file).expect("a file");
            let tokens = read(tokens).lines().map(str::to_owned).collect();
            let (url, reviewer) = ((*url).to_owned(), read(reviewer).trim().to_owned());
            (
                PathBuf::from(binary),
                Some(Real { url, ca_file: ca_file.into(), reviewer, tokens: Arc::new(tokens) }),
            )
        }
        _ => panic!("usage: bench_attack ROLEGATE [URL CA_FILE REVIEWER_FILE TOKENS_FILE]"),
    };
    let seconds = std::env::var("ATTACK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let only = std::env::var("ONLY").unwrap_or_default();
    let length = Duration::from_secs(seconds);
    println!(
        "{:<30} {:>8} {:>15} {:>9} {:>15} {:>8} {:>7} {:>6} {:>6} {:>5}",
        "attack",
        "sent/s",
        "cached p99 ms",
        "allowed",
        "new p99 ms",
        "allowed",
        "passed",
        "over s",
        "MiB",
        "busy"
    );
    for (name, attack) in ROWS.iter().filter(|(name, _)| name.contains(&only)) {
        let fits = real.is_none() || matches!(attack, Attack::Forged { .. });
        if fits {
            row(name, *attack, &binary, real.as_ref(), length).await;
        }
    }
}

async fn row(name: &str, attack: Attack, binary: &std::path::Path, real: Option<&Real>, length: Duration) {
    let api = ApiServer::start().await;
    let local_keys = !matches!(attack, Attack::Forged { local_keys: false, .. });
    api.publish_keys(local_keys);
    let server = Server::start(Setup {
        binary,
        kubernetes_host: real.map_or(&api.url, |real| &real.url),
        reviewer: real.map_or("reviewer", |real| &real.reviewer),
        ca_file: real.map(|real| real.ca_file.clone()),
        local_keys: if local_keys { "auto" } else { "off" },
        churn: attack == Attack::PodChurn,
    });
    let shared = connect(&server.envoy).await;
    let honest = Honest::new(shared.clone(), mint(&api, real, "orders")).await;
    let (cached_before, new_before) = honest.run(length).await;

    let (stop, sent) = (CancellationToken::new(), Arc::new(Sent::default()));
    let (busy_before, all_before) = processors();
    let attackers = begin(attack, &api, &server, &shared, real, &stop, &sent).await;
    let (cached, new) = honest.run(length).await;
    let memory = server.resident_mib();
    let (busy, all) = processors();
    stop.cancel();
    api.set(Mode::Serves);
    for attacker in attackers {
        attacker.await.unwrap();
    }
    let usual = (new_before.quantile(0.99) * 2).max(Duration::from_millis(20));
    let over = honest.settles(usual).await;

    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let passed = sent.passed.load(Ordering::Relaxed) + new.opened() + cached.opened();
    println!(
        "{name:<30} {:>8.0} {:>7.1} :{:>6.1} {:>8.1}% {:>7.1} :{:>6.1} {:>7.1}% {passed:>7} {:>6.1} {:>6} {:>4.0}%{}",
        sent.count.load(Ordering::Relaxed) as f64 / length.as_secs_f64(),
        millis(cached.quantile(0.99)),
        millis(cached_before.quantile(0.99)),
        cached.within(Duration::MAX),
        millis(new.quantile(0.99)),
        millis(new_before.quantile(0.99)),
        new.within(usual),
        over.as_secs_f64(),
        memory,
        (busy - busy_before) as f64 / (all - all_before).max(1) as f64 * 100.0,
        if memory > MEMORY_LIMIT_MIB { "  over the manifest's limit" } else { "" },
    );
}

async fn begin(
    attack: Attack,
    api: &Arc<ApiServer>,
    server: &Server,
    shared: &Channel,
    real: Option<&Real>,
    stop: &CancellationToken,
    sent: &Arc<Sent>,
) -> Vec<JoinHandle<()>> {
    let (stop, sent) = (stop.clone(), Arc::clone(sent));
    let forged = {
        let (api, tokens) = (Arc::clone(api), real.map(|real| Arc::clone(&real.tokens)));
        let number = AtomicUsize::new(0);
        let mint: Mint = Arc::new(move || match &tokens {
            Some(tokens) => broken(&tokens[0], number.fetch_add(1, Ordering::Relaxed)),
            None => api.signer.forged("orders"),
        });
        mint
    };
    match attack {
        Attack::Forged { addresses, .. } => {
            let channels = vec![shared.clone(), connect(&server.envoy).await];
            let rate = (FLOOD, addresses);
            vec![tokio::spawn(attacks::tokens(channels, forged, "orders", rate, stop, sent))]
        }
        Attack::OneAccount => {
            let mint = mint(api, None, "intruder");
            vec![tokio::spawn(attacks::tokens(vec![shared.clone()], mint, "any", (FLOOD, 1), stop, sent))]
        }
        Attack::Logins => {
            vec![tokio::spawn(attacks::logins(server.vault.clone(), forged, FLOOD, stop, sent))]
        }
        Attack::ApiServer(mode) => {
            api.set(mode);
            Vec::new()
        }
        Attack::Silent(listener) => {
            let address = match listener {
                "envoy" => &server.envoy,
                "vault" => &server.vault,
                _ => &server.ops,
            };
            vec![tokio::spawn(attacks::silent(address.clone(), 5000, stop, sent))]
        }
        Attack::Resets => {
            vec![tokio::spawn(attacks::resets(shared.clone(), forged, 10_000, stop, sent))]
        }
        Attack::Rapid => vec![tokio::spawn(attacks::rapid(shared.clone(), 10_000, stop, sent))],
        Attack::SlowBodies => vec![tokio::spawn(attacks::slow_bodies(server.envoy.clone(), stop, sent))],
        Attack::PodChurn => {
            let api = Arc::clone(api);
            vec![tokio::spawn(async move { api.churn(100, stop, &sent.count).await })]
        }
    }
}

/// Tokens of honest accounts: of the stand-in's own signer, or the next of the file.
fn mint(api: &Arc<ApiServer>, real: Option<&Real>, account: &'static str) -> Mint {
    let (api, tokens) = (Arc::clone(api), real.map(|real| Arc::clone(&real.tokens)));
    // Never twice, over all rows.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    Arc::new(move || match &tokens {
        Some(tokens) => tokens[NEXT.fetch_add(1, Ordering::Relaxed) % tokens.len()].clone(),
        None => api.signer.token(account),
    })
}

/// The token with another signature: each number gives another token of the same claims.
fn broken(token: &str, number: usize) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let digits = format!("{number:012}");
    format!("{signed}.{digits}{}", &signature[digits.len()..])
}

async fn connect(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.expect("a connection")
}
