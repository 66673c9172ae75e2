//! A log line as a Vault core takes it from its plugin into its own log (hclog's JSON).

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// A core reads lines of up to 64 KiB; what is longer arrives in pieces that are no JSON.
const LONGEST_LINE: usize = 60 * 1024;

/// The longest text of one field, in characters.
const LONGEST_TEXT: usize = 4096;

/// `@level`, `@message`, `@timestamp`, `@module`, and the event's fields beside them.
#[derive(Debug, Clone, Copy)]
pub(super) struct CoreLine;

impl<S, N> FormatEvent<S, N> for CoreLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        writeln!(writer, "{}", line(&time, *metadata.level(), metadata.target(), fields))
    }
}

fn line(time: &str, level: Level, module: &str, fields: Fields) -> String {
    let level = match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let head = Map::from_iter([
        ("@level".to_owned(), Value::from(level)),
        ("@message".to_owned(), Value::from(fields.message)),
        ("@module".to_owned(), Value::from(module)),
        ("@timestamp".to_owned(), Value::from(time)),
    ]);
    let mut whole = fields.others;
    whole.extend(head.clone());
    let text = Value::from(whole).to_string();
    if text.len() <= LONGEST_LINE { text } else { Value::from(head).to_string() }
}

#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }

    fn set_text(&mut self, field: &Field, text: &str) {
        let text: String = text.chars().take(LONGEST_TEXT).collect();
        if field.name() == "message" { self.message = text } else { self.set(field, text.into()) }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set_text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber =
            tracing_subscriber::fmt().event_format(CoreLine).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_has_what_a_core_looks_for_and_the_events_own_fields() {
        let text = logged(
            || tracing::warn!(mount = "kubernetes", count = 2, yes = true, error = %"away\n\"it\"", "not {}", 1),
        );
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        for (name, wanted) in [
            ("@level", Value::from("warn")),
            ("@message", "not 1".into()),
            ("@module", module_path!().into()),
            ("mount", "kubernetes".into()),
            ("count", 2.into()),
            ("yes", true.into()),
            ("error", "away\n\"it\"".into()),
        ] {
            assert_eq!(line[name], wanted, "{name}");
        }
        let time = line["@timestamp"].as_str().unwrap();
        assert!(time.len() >= 20 && time.contains('T') && time.ends_with('Z'), "{time}");
    }

    #[test]
    fn no_line_is_longer_than_a_core_reads() {
        let long = "\u{0}".repeat(100_000);
        let text = logged(|| {
            tracing::info!(a = long, b = long, c = long, d = long, e = long, "{long}");
        });
        assert!(text.len() < 64 * 1024, "{}", text.len());
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["@level"], "info");
        assert!(line.get("a").is_none());
    }
}
