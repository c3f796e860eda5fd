//! `cupel run --interactive` on this machine, at a real terminal and through pipes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Ended, cupel, end, source};

/// Runs a command at a new terminal of 80 columns and 24 rows, and communicates with it. Its first argument is a list
/// of steps: `["hear", TEXT]`, `["type", TEXT]`, `["resize", COLUMNS, ROWS]`, `["kill", SIGNAL]`,
/// `["kill process", PID]`. Prints how the command ended and whether it left the terminal in the mode in which it was.
const AT_TERMINAL: &str = r#"
import fcntl, json, os, select, signal, struct, sys, termios
master, slave = os.openpty()
resize = lambda columns, rows: fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
resize(80, 24)
before = termios.tcgetattr(slave)
# The session must outlive the command: its end would reset the terminal.
os.setsid()
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
pid = os.fork()
if pid == 0:
    for fd in range(3): os.dup2(slave, fd)
    os.closerange(3, 100)
    # Tests that were started in the background may have inherited that these are ignored.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP): signal.signal(number, signal.SIG_DFL)
    os.execv(sys.argv[2], sys.argv[2:])
# The terminal sends these signals to this process, too.
for number in (signal.SIGINT, signal.SIGQUIT): signal.signal(number, signal.SIG_IGN)
heard, everything = "", ""
def hear(text):
    global heard, everything
    while text not in heard:
        if not select.select([master], [], [], 100)[0]:
            print(f"waited for {text!r}; heard {everything!r}", file=sys.stderr)
            os.kill(pid, 9)
            sys.exit(1)
        piece = os.read(master, 4096).decode(errors="replace")
        heard, everything = heard + piece, everything + piece
    heard = heard.split(text, 1)[1]
for step, *what in json.loads(sys.argv[1]):
    if step == "hear": hear(*what)
    if step == "type": os.write(master, what[0].encode())
    if step == "resize": resize(*what)
    if step == "kill": os.kill(pid, what[0])
    if step == "kill process": os.kill(what[0], signal.SIGKILL)
status = os.waitpid(pid, 0)[1]
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "restored": termios.tcgetattr(slave) == before}))
"#;

/// Runs the command at a new terminal, with these environment variables, and communicates with it.
pub(crate) fn at_terminal(args: &[&str], env: &[(&str, &str)], steps: &Value) -> Value {
    let inner = cupel(args);
    let mut command = Command::new("python3");
    // `-I` isolates Python, so that it imports nothing from the working directory.
    command.args(["-I", "-c", AT_TERMINAL, &steps.to_string()]).arg(inner.get_program()).args(inner.get_args());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(std::env::temp_dir());
    command.envs(env.iter().copied());
    let Ended { stdout, stderr, .. } = end(command, b"");
    serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"))
}

const TALKER: &str = "import os, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
print(os.isatty(0), os.get_terminal_size(), os.environ['TERM'])
signal.sigwait([signal.SIGWINCH])
print('now', *os.get_terminal_size())
print('hello', input('name? '))
try:
    print('waiting', flush=True)
    while True: time.sleep(0.01)
except KeyboardInterrupt:
    print('interrupted')
    exit(5)
";

#[test]
fn a_program_at_a_terminal_has_a_terminal_and_its_keys() {
    let steps = json!([
        ["hear", "True os.terminal_size(columns=80, lines=24) xterm-256color\r\n"],
        ["resize", 100, 40],
        ["hear", "now 100 40\r\n"],
        ["hear", "name? "],
        ["type", "me\r"],
        ["hear", "hello me\r\n"],
        ["hear", "waiting\r\n"],
        ["type", "\u{3}"],
        ["hear", "interrupted\r\n"],
    ]);
    let file = source("a.py", TALKER);
    assert_eq!(at_terminal(&["run", "-i", &file.path], &[], &steps), json!({"code": 5, "restored": true}));
}

#[test]
fn a_terminal_is_restored_if_the_command_is_ended() {
    let file = source("a.py", TALKER);
    for (signal, code) in [(15, 143), (1, 129)] {
        let steps = json!([["hear", "xterm-256color"], ["kill", signal]]);
        let ended = at_terminal(&["run", "-i", &file.path], &[], &steps);
        assert_eq!(ended, json!({"code": code, "restored": true}), "signal {signal}");
    }
}

#[test]
fn without_a_terminal_a_program_answers_while_its_input_is_open() {
    let file =
        source("a.py", "import sys\nfor line in sys.stdin: print('got', line, end='', flush=True)\nsys.exit(3)\n");
    let mut command = cupel(["run", "--interactive", file.path.as_str()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for word in ["one", "two"] {
        writeln!(input, "{word}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, format!("got {word}\n"));
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn more_input_than_the_window_passes_through() {
    let file = source("a.py", "import sys\nprint(len(sys.stdin.buffer.read()))\n");
    let ended = end(cupel(["run", "-i", &file.path]), &vec![b'x'; 5_000_000]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "5000000\n"), "{ended:?}");
}

/// Regression: SIGHUP ended the run although nohup(1) had started the command, and SIGINT reached the program.
#[test]
fn signals_that_were_ignored_at_the_start_of_the_command_have_no_effect() {
    let file = source("a.py", "import sys\nfor line in sys.stdin: print('got', line, end='', flush=True)\n");
    let run = cupel(["run", "--interactive", file.path.as_str()]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"]).arg(run.get_program()).args(run.get_args());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(std::env::temp_dir());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    for (word, signal) in [("one", "-HUP"), ("two", "-INT"), ("three", "-HUP")] {
        writeln!(input, "{word}").unwrap();
        assert_eq!(output.next().unwrap().unwrap(), format!("got {word}"));
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    }
    drop(input);
    assert!(output.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn input_that_is_not_live_is_refused() {
    for args in [&["run", "-i", "-", "--language", "python"][..], &["run", "-i", "a.py", "--json"]] {
        let ended = end(cupel(args), b"");
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}
