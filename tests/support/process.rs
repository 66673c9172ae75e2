//! Child processes that end with the test, whatever ends the test, and what they print.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError, mpsc},
};

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
    }
}

/// A command whose process is killed when the test process dies.
pub fn command_of(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A port of 127.0.0.1 that nothing listens on, outside the range that the system hands out by itself, so that it is
/// still free after a restart.
pub fn free_port() -> u16 {
    loop {
        let port = 20_000 + getrandom::u32().unwrap() % 12_000;
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
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
pub struct Lines(watch::Receiver<Vec<String>>);

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(Vec::new());
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                sender.send_modify(|lines| lines.push(String::from_utf8_lossy(&line).into_owned()));
            }
        });
        Self(receiver)
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

    /// Everything, once the process has closed its end or `DEADLINE` has passed.
    pub async fn to_end(&self) -> Vec<String> {
        self.wait_for(|_| false).await;
        self.all()
    }
}
