//! Child processes that end with the test, whatever ends the test, and what they print.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
};

use socket2::{Domain, Socket, Type};
use tokio::sync::watch;

/// A running child, killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Mutex<Child>,
    /// Its standard output.
    pub stdout: Lines,
    /// Its standard error.
    pub stderr: Lines,
}

impl Process {
    /// Starts `command`, which should come from `command_of`.
    pub fn spawn(name: &'static str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (answer, spawned) = mpsc::channel();
        SPAWNER.send((command, answer)).unwrap();
        let mut child: Child = spawned.recv().unwrap().unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { name, child: Mutex::new(child), stdout, stderr }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child().id()
    }

    /// How it ended; nothing while it runs.
    pub fn exited(&self) -> Option<ExitStatus> {
        self.child().try_wait().unwrap()
    }

    /// How it ends.
    pub async fn wait_exit(&self) -> ExitStatus {
        super::eventually(format_args!("{} ends", self.name), async || self.exited()).await
    }

    /// Sends a signal by name: `TERM`, `STOP`, `CONT`.
    pub fn signal(&self, signal: &str) {
        let pid = self.child().id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().unwrap();
        assert!(sent.success(), "{}: SIG{signal} not sent", self.name);
    }

    /// Whether SIGSTOP has taken effect.
    pub fn is_stopped(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child().id())).unwrap();
        status.lines().any(|line| line.starts_with("State:\tT"))
    }

    /// How much memory it has of a kind that the kernel tells (`VmRSS`, `VmLck`), in KiB.
    pub fn memory(&self, kind: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child().id())).unwrap();
        let found = status.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'));
        found.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok()).unwrap()
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&self) {
        let mut child = self.child();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Fails the test with `what` and the end of the log.
    pub fn fail(&self, what: &str) -> ! {
        let state = self.exited().map_or("runs".to_owned(), |status| format!("has ended ({status})"));
        panic!("{what}; {} {state}, its log ends:\n{}", self.name, self.stderr.tail())
    }

    /// Fails the test if the process has ended by itself.
    pub fn must_run(&self) {
        if self.exited().is_some() {
            self.fail("it should run");
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
        drop(child);
        if self.name == ROLEGATE && !std::thread::panicking() {
            let lines = self.stderr.rest();
            let shown = lines.iter().find(|line| line.starts_with('{') && shows_token(line));
            assert!(shown.is_none(), "a token is in the log: {shown:?}");
        }
    }
}

/// The name of our own processes, whose logs must not show a token.
pub const ROLEGATE: &str = "rolegate";

/// Whether a text holds what reads as a client token (`hvs.…`, `hvb.…`) or as a JWT, whoever made it.
pub fn shows_token(text: &str) -> bool {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')));
    let is_long = |part: Option<&str>| part.is_some_and(|part| part.len() >= 20);
    words.into_iter().any(|word| {
        let mut parts = word.split('.').skip_while(|part| !matches!(*part, "hvs" | "hvb"));
        let is_client_token = parts.next().is_some() && is_long(parts.next());
        let mut parts = word.split('.').skip_while(|part| !part.starts_with("eyJ"));
        is_client_token || is_long(parts.next()) && is_long(parts.next()) && parts.next().is_some()
    })
}

#[test]
fn a_token_in_a_log_is_found_and_other_words_are_not() {
    let body = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo";
    for token in [format!("hvs.{body}"), format!("hvb.{body}"), format!("eyJ{body}.eyJ{body}.{body}")] {
        assert!(shows_token(&format!(r#"{{"message":"no \"{token}\" here"}}"#)), "{token}");
    }
    for other in
        ["hvs.", "hvs.short", "0000000000000000000000000000000a", "a.b.c", "eyJhbGciOiJub25lIn0.e30."]
    {
        assert!(!shows_token(&format!(r#"{{"message":"{other}"}}"#)), "{other}");
    }
}

/// A command whose process is killed when the test process dies.
pub fn command_of(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A port of 127.0.0.1 on which nothing listens but what is told to, also after a restart: until the test process ends,
/// the kernel gives it neither to another caller nor to a connection that goes out.
pub fn free_port() -> u16 {
    held(0).unwrap()
}

/// The first of two such ports, one after the other.
pub fn free_pair() -> u16 {
    loop {
        let first = free_port();
        if first.checked_add(1).is_some_and(|second| held(second).is_ok()) {
            return first;
        }
    }
}

/// Holds this port, or any where it is 0.
fn held(port: u16) -> std::io::Result<u16> {
    let holder = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    holder.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    // Bound without it, the port was nobody else's; with it from now on, a server may listen there, as servers ask with
    // this option and the holder does not listen.
    holder.set_reuse_address(true)?;
    let address = holder.local_addr()?.as_socket_ipv4().unwrap();
    std::mem::forget(holder);
    Ok(address.port())
}

#[tokio::test]
async fn a_free_port_is_given_once_refuses_connections_and_takes_a_server_again_and_again() {
    use std::net::{TcpListener, TcpStream};
    let port = free_port();
    let without_option = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    assert!(without_option.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into()).is_err());
    for _ in 0..2 {
        // A process that another test is just starting has a listener of before until it is another program.
        super::eventually("a refusal", async || TcpStream::connect(("127.0.0.1", port)).err()).await;
        let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (client, _) = (TcpStream::connect(("127.0.0.1", port)).unwrap(), server.accept().unwrap());
        drop((server, client));
    }
}

/// The last line that a script of `scripts/` prints; its own messages are in the panic if it fails.
pub fn script(name: &str) -> String {
    let path = format!("{}/scripts/{name}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(&path).output().unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(output.status.success(), "{path} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().last().expect("the script prints a path").to_owned()
}

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// The kernel sends the death signal when the *thread* that spawned ends, and each test is a thread of its own: all
/// children come from this one, which lives as long as the test process.
static SPAWNER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = mpsc::channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, answer) in orders {
            let _ = answer.send(command.spawn());
        }
    });
    sender
});

/// The lines that a process prints, as they come.
#[derive(Clone, Debug)]
pub struct Lines(watch::Receiver<Vec<String>>, Arc<Mutex<Option<JoinHandle<()>>>>);

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(Vec::new());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                sender.send_modify(|lines| lines.push(String::from_utf8_lossy(&line).into_owned()));
            }
        });
        Self(receiver, Arc::new(Mutex::new(Some(reader))))
    }

    /// All so far.
    pub fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// The last lines.
    pub fn tail(&self) -> String {
        let lines = self.0.borrow();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// The first line that is `wanted`, already there or still to come; nothing if the process closes its end before,
    /// or `DEADLINE` passes.
    pub async fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let first = |lines: &Vec<String>| lines.iter().find(|line| wanted(line)).cloned();
        let mut receiver = self.0.clone();
        let found = receiver.wait_for(|lines| first(lines).is_some());
        first(&*tokio::time::timeout(super::DEADLINE, found).await.ok()?.ok()?)
    }

    /// Everything, once the process is gone.
    fn rest(&self) -> Vec<String> {
        if let Some(reader) = self.1.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = reader.join();
        }
        self.all()
    }

    /// Everything, once the process has closed its end or `DEADLINE` has passed.
    pub async fn to_end(&self) -> Vec<String> {
        self.wait_for(|_| false).await;
        self.all()
    }
}
