//! Logs: to standard error, JSON where that is not a terminal.

mod core_line;
mod lines;

use std::io::IsTerminal as _;

use core_line::CoreLine;
use lines::Lines;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is logged where nothing else is asked for. Other people's chatter below warnings is not.
const DEFAULT_FILTER: &str = "warn,rolegate=info";

/// Logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("cannot read the log filter `{0}`")]
    Filter(String, #[source] tracing_subscriber::filter::ParseError),
    /// There is a logger already.
    #[error("logs are set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// The thread that writes does not start.
    #[error("cannot start the thread that writes logs")]
    Thread(#[from] std::io::Error),
}

/// When it is dropped, the last lines are written: a second is waited at most.
#[derive(Debug)]
#[must_use = "the last lines are lost without it"]
pub struct Logs(Lines);

impl Drop for Logs {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Sets up logging once for the process. The filter is `RUST_LOG`'s form (`info`, `rolegate=debug`); none: info.
///
/// Lines are handed to a thread that writes them: whoever reads standard error slowly, or not at all, holds up no
/// request, but loses lines, which is told.
///
/// # Errors
/// Where the filter cannot be read, or a logger is there already.
pub fn init(filter: Option<&str>) -> Result<Logs, LogError> {
    let filter = filter.filter(|filter| !filter.is_empty()).unwrap_or(DEFAULT_FILTER);
    let parsed = EnvFilter::try_new(filter).map_err(|source| LogError::Filter(filter.to_owned(), source))?;
    let lines = Lines::start()?;
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_env_filter(parsed).with_writer(move || writer.clone());
    if std::io::stderr().is_terminal() {
        subscriber.finish().try_init()?;
    } else {
        subscriber.json().flatten_event(true).finish().try_init()?;
    }
    Ok(Logs(lines))
}

/// Sets up logging once for a process whose standard error a Vault core reads: JSON lines of the form that it takes into
/// its own log. A panic is a line as well, which says where it was and nothing of what it was about.
///
/// # Errors
/// Where a logger is there already.
pub fn init_for_core() -> Result<Logs, LogError> {
    let parsed = EnvFilter::new(DEFAULT_FILTER);
    let lines = Lines::start()?;
    let writer = lines.clone();
    tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .event_format(CoreLine)
        .with_writer(move || writer.clone())
        .finish()
        .try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a handler panicked");
    }));
    Ok(Logs(lines))
}
