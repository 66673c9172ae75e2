//! The program `rolegate`: arguments, logs, the TLS provider, the exit code.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use rolegate::app::dev::DevOptions;
use rolegate::app::health::HealthError;
use rolegate::app::{self, Bound, Ended, StartError};
use rolegate::config::{self, Config, Environment};
use rolegate::errors::with_causes;
use rolegate::store::check::check_config;
use rolegate::store::embedded::restore;
use rolegate::store::kubernetes;
use rolegate::telemetry;

/// A static binary would have musl's allocator, which has one lock for all threads; and a login allocates a hundred times.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A plugin has one thread for so many processors; of the time that a login takes of them, it has less than a third.
const PROCESSORS_A_THREAD: usize = 3;

/// Wrong usage or configuration.
const WRONG: u8 = 2;

/// Vault's Kubernetes roles, enforced at Envoy.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves by a configuration file.
    Server {
        /// The configuration (YAML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Serves on loopback, with a stand-in cluster and two roles to try.
    Dev(Dev),
    /// Says whether a server's configuration or a store's file is good.
    CheckConfig {
        /// The file (YAML); its content tells which of the two it is.
        file: PathBuf,
    },
    /// Makes an embedded store of a copy that `sys/storage/backup` of the Vault door has made.
    Restore {
        /// The copy.
        #[arg(long, value_name = "FILE")]
        copy: PathBuf,
        /// The directory of the store: empty, or not there.
        #[arg(long, value_name = "DIRECTORY")]
        to: PathBuf,
    },
    /// Answers a Vault or OpenBao server that has started it as a plugin; by hand: says what to type there.
    Plugin,
    /// Prints the definitions of the custom resources (YAML), for `kubectl apply -f -`.
    Crd,
    /// Ends with 0 when a running rolegate is ready.
    Health {
        /// The operations door.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9192")]
        ops: String,
    },
}

#[derive(Debug, Args)]
struct Dev {
    /// The Envoy door; port 0 takes a free one, here and below.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9191")]
    envoy_listen: SocketAddr,
    /// The Vault door.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8200")]
    vault_listen: SocketAddr,
    /// The operations door.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9192")]
    ops_listen: SocketAddr,
    /// The stand-in cluster.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    cluster_listen: SocketAddr,
    /// The Vault door's root token.
    #[arg(long, value_name = "TOKEN", default_value = "root")]
    root_token: String,
}

fn main() -> ExitCode {
    let started_by_core = app::plugin::is_started_by_core(config::variable);
    // A core may start it by the name alone.
    if started_by_core && std::env::args_os().len() < 2 {
        return plugin();
    }
    let cli = Cli::parse();
    if matches!(cli.command, Command::Plugin) {
        return if started_by_core { plugin() } else { by_hand() };
    }
    let environment = Environment::of_process();
    if let Command::Restore { copy, to } = &cli.command {
        return restored(copy, to);
    }
    if matches!(cli.command, Command::Crd) {
        return printed(kubernetes::crd::documents());
    }
    if let Command::CheckConfig { file } = &cli.command {
        return match check_config(file) {
            Ok(kind) => {
                say(&format!("{}: a good {kind}", file.display()));
                ExitCode::SUCCESS
            }
            Err(error) => wrong(&error),
        };
    }
    let _logs = match telemetry::init(environment.log_filter.as_deref()) {
        Ok(logs) => logs,
        Err(error) => return wrong(&error),
    };
    to_end(None, run(cli.command, environment))
}

/// Runs it on so many threads; none: on all processors.
fn to_end(threads: Option<usize>, command: impl Future<Output = ExitCode>) -> ExitCode {
    // One provider for all of TLS; only a second call could fail.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        runtime.worker_threads(threads);
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return wrong(&error),
    };
    let code = runtime.block_on(command);
    // What is still under way, such as a question to an API server, is not waited for.
    runtime.shutdown_background();
    code
}

/// Serves the core that has started this process.
fn plugin() -> ExitCode {
    let _logs = match telemetry::init_for_core() {
        Ok(logs) => logs,
        Err(error) => return wrong(&error),
    };
    // The core has more to do for a login than its plugin has: more threads only hold more memory, and wake each other.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    to_end(Some(processors.div_ceil(PROCESSORS_A_THREAD)), async {
        match app::plugin::run(config::variable, std::env::temp_dir()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!("{}", with_causes(&error));
                ExitCode::FAILURE
            }
        }
    })
}

/// What to type, for there is no core.
fn by_hand() -> ExitCode {
    eprint!("{}", app::plugin::hints(&std::env::current_exe().unwrap_or_else(|_| "rolegate".into())));
    ExitCode::FAILURE
}

async fn run(command: Command, environment: Environment) -> ExitCode {
    match command {
        Command::Server { config } => match server(config, environment).await {
            Ok(bound) => serve(bound).await,
            Err(error) => wrong(&error),
        },
        Command::Dev(dev) => {
            let options = DevOptions {
                envoy: dev.envoy_listen,
                vault: dev.vault_listen,
                ops: dev.ops_listen,
                cluster: dev.cluster_listen,
                root_token: dev.root_token.into(),
            };
            match app::dev::bind(options, std::env::temp_dir()).await {
                Ok(bound) => {
                    eprint!("{}", bound.hints());
                    serve(bound).await
                }
                Err(error) => wrong(&error),
            }
        }
        Command::Health { ops } => match app::health::ask(&ops).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error @ HealthError::Url(_)) => wrong(&error),
            Err(error) => {
                eprintln!("rolegate: {}", with_causes(&error));
                ExitCode::FAILURE
            }
        },
        // Answered before the runtime starts.
        Command::CheckConfig { .. } | Command::Restore { .. } | Command::Crd | Command::Plugin => {
            ExitCode::SUCCESS
        }
    }
}

/// A store from a copy; a copy that is not whole makes none.
fn restored(copy: &Path, to: &Path) -> ExitCode {
    let mut file = match std::fs::File::open(copy) {
        Ok(file) => std::io::BufReader::new(file),
        Err(error) => {
            eprintln!("rolegate: `{}` cannot be read: {error}", copy.display());
            return ExitCode::from(WRONG);
        }
    };
    match restore(&mut file, to) {
        Ok(copied) => {
            say(&format!("{}: a store of {} entries", to.display(), copied.entries));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("rolegate: no store of `{}`: {}", copy.display(), with_causes(&error));
            ExitCode::from(WRONG)
        }
    }
}

async fn server(file: PathBuf, environment: Environment) -> Result<Bound, StartError> {
    let loaded = Config::load(&file, environment)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    app::bind(&file, loaded).await
}

async fn serve(bound: Bound) -> ExitCode {
    say(&bound.ready_line());
    match bound.serve().await {
        Ended::Drained => ExitCode::SUCCESS,
        Ended::Failed => ExitCode::FAILURE,
    }
}

/// A whole text on standard output.
fn printed(text: Result<String, kubernetes::crd::NotYaml>) -> ExitCode {
    match text.map(|text| std::io::stdout().write_all(text.as_bytes())) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("rolegate: nothing can be written on standard output: {error}");
            ExitCode::FAILURE
        }
        Err(error) => wrong(&error),
    }
}

/// One line on standard output; a reader that has gone away does not matter.
fn say(line: &str) {
    let _said = writeln!(std::io::stdout(), "{line}");
}

/// One line on standard error: what was wrong, and what is expected.
fn wrong(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("rolegate: {}", with_causes(error));
    ExitCode::from(WRONG)
}
