//! Input that arrives while a program runs, signals, and terminals. Each trial is a conversation: it sends input, waits
//! for output, and sends more.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use cupel_sandbox::{CellKind, CellReport, LiveQueue, Observer, RunError, Slot, Stdin};
use cupel_types::{Bytes, ExitStatus, LiveInput, LiveSignal, Outcome, Signal, TerminalSize};
use libtest_mimic::Trial;

use crate::kit::{Program, World};
use crate::machine::patient;
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "live",
        &[
            ("a_program_answers_input_that_arrives_while_it_runs", a_program_answers_input),
            ("the_end_of_input_reaches_the_program", the_end_of_input_reaches_the_program),
            ("input_that_is_not_read_delays_neither_output_nor_signals", unread_input_delays_nothing),
            ("input_that_a_terminal_does_not_take_delays_no_signal", unread_input_at_a_terminal_delays_no_signal),
            (
                "input_after_the_program_closed_its_end_counts_as_consumed",
                input_that_no_process_reads_counts_as_consumed,
            ),
            ("a_program_that_waits_for_input_is_not_idle", a_program_that_waits_for_input_is_not_idle),
            ("after_the_end_of_input_a_program_can_be_idle", after_the_end_of_input_a_program_can_be_idle),
            ("the_wall_clock_limit_bounds_the_wait_for_input", the_wall_clock_limit_bounds_the_wait),
            ("a_signal_reaches_the_programs_process_group", a_signal_reaches_the_process_group),
            ("a_signal_reaches_a_program_that_left_its_process_group", a_signal_reaches_a_program_in_another_group),
            ("a_kill_ends_the_step_and_everything_in_it", a_kill_ends_the_step),
            ("zombies_are_reaped_while_a_live_program_runs", zombies_are_reaped),
            ("a_compiler_has_no_live_input", a_compiler_has_no_live_input),
            ("a_terminal_is_controlling_and_has_its_window", a_terminal_is_controlling_and_has_its_window),
            ("a_new_window_size_is_signalled", a_new_window_size_is_signalled),
            ("control_c_interrupts_a_command_and_the_shell_goes_on", control_c_interrupts_a_command),
            ("control_z_stops_a_job_and_fg_continues_it", control_z_stops_a_job),
            ("the_end_of_input_ends_a_shell_at_a_terminal", the_end_of_input_ends_a_shell),
            ("a_terminal_that_nobody_has_open_can_be_opened_again", a_terminal_can_be_opened_again),
            ("a_flood_on_a_terminal_reaches_the_output_limit", a_flood_on_a_terminal_reaches_the_output_limit),
            (
                "a_background_process_on_the_terminal_does_not_prolong_the_run",
                a_background_process_does_not_prolong_the_run,
            ),
            ("a_cell_has_a_bounded_number_of_terminals", a_cell_has_a_bounded_number_of_terminals),
            ("nothing_types_into_a_terminal_from_inside", nothing_types_into_a_terminal),
            ("without_a_terminal_there_is_none_to_open", a_program_with_pipes_finds_no_terminal),
        ],
    )
}

/// Observed actions of a running program.
enum Event {
    Output(Vec<u8>),
    Consumed(u64),
}

/// Sends the events of a run to the conversation.
struct Ear(Sender<Event>);

impl Observer for Ear {
    fn stdout(&mut self, data: &[u8]) {
        let _ = self.0.send(Event::Output(data.to_vec()));
    }
    fn stderr(&mut self, data: &[u8]) {
        let _ = self.0.send(Event::Output(data.to_vec()));
    }
    fn input_consumed(&mut self, total_bytes: u64) {
        let _ = self.0.send(Event::Consumed(total_bytes));
    }
}

/// A conversation with a running program.
pub(crate) struct Conversation {
    queue: LiveQueue,
    events: Receiver<Event>,
    /// Output that the conversation has not waited for yet.
    rest: String,
    consumed: u64,
}

/// Longest wait for an event; far longer than it should take.
fn longest() -> Duration {
    patient(Duration::from_secs(120))
}

impl Conversation {
    pub(crate) fn send(&self, text: &str) {
        assert!(self.queue.push(LiveInput::Bytes(text.into())));
    }

    pub(crate) fn push(&self, input: LiveInput) {
        assert!(self.queue.push(input));
    }

    fn signal(&self, signal: LiveSignal) {
        self.push(LiveInput::Signal(signal));
    }

    fn listen(&mut self, what: &str) {
        match self.events.recv_timeout(longest()) {
            Ok(Event::Output(data)) => self.rest.push_str(&String::from_utf8_lossy(&data)),
            Ok(Event::Consumed(total)) => self.consumed = total,
            Err(error) => panic!("waited for {what:?}: {error}; the output since then: {:?}", self.rest),
        }
    }

    /// Waits until the program has printed `text`, and discards the output up to the end of `text`.
    pub(crate) fn hears(&mut self, text: &str) {
        loop {
            if let Some(at) = self.rest.find(text) {
                self.rest.drain(..at + text.len());
                return;
            }
            self.listen(text);
        }
    }

    fn waits_for_consumed(&mut self, total: u64) {
        while self.consumed < total {
            self.listen("consumed bytes");
        }
        assert_eq!(self.consumed, total);
    }
}

/// Runs a program while `conversation` talks to it.
pub(crate) fn try_talk(
    slot: &mut Slot,
    program: &Program,
    terminal: Option<TerminalSize>,
    conversation: impl FnOnce(&mut Conversation),
) -> Result<(CellReport, String), RunError> {
    let queue = LiveQueue::new().unwrap();
    let mut command = program.command.clone();
    command.stdin = Stdin::Live { queue: queue.clone(), terminal };
    let (ear, events) = mpsc::channel();
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            let report = slot.run(&command, &mut Ear(ear));
            command.stdin = Stdin::Bytes(std::sync::Arc::from([]));
            report
        });
        let mut talk = Conversation { queue, events, rest: String::new(), consumed: 0 };
        conversation(&mut talk);
        let report = running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let Conversation { events, mut rest, .. } = talk;
        for event in events {
            if let Event::Output(data) = event {
                rest.push_str(&String::from_utf8_lossy(&data));
            }
        }
        Ok((report, rest))
    })
}

fn converse(world: &World, program: &Program, conversation: impl FnOnce(&mut Conversation)) -> (CellReport, String) {
    try_talk(&mut world.slot(), program, None, conversation).unwrap()
}

fn at_terminal(world: &World, program: &Program, conversation: impl FnOnce(&mut Conversation)) -> (CellReport, String) {
    try_talk(&mut world.slot(), program, TerminalSize::new(80, 24), conversation).unwrap()
}

fn ends_with(report: &CellReport, outcome: Outcome) {
    assert_eq!(report.outcome, outcome, "{report:?}");
}

fn bash() -> Program {
    let mut program = Program::new(["/bin/bash", "--norc", "-i"].map(str::to_owned).to_vec());
    program.command.env.extend([("PS1", "$ "), ("TERM", "xterm")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    program
}

fn python(source: &str) -> Program {
    Program::new(["python3", "-c", source].map(str::to_owned).to_vec())
}

fn a_program_answers_input(world: &World) {
    let program = Program::shell("while read line; do echo got $line; done; echo end");
    let (report, rest) = converse(world, &program, |talk| {
        for word in ["one", "two", "three"] {
            talk.send(&format!("{word}\n"));
            talk.hears(&format!("got {word}\n"));
        }
        talk.waits_for_consumed(14);
        talk.push(LiveInput::EndOfInput);
    });
    ends_with(&report, Outcome::Exited(0));
    assert_eq!(rest, "end\n");
}

fn the_end_of_input_reaches_the_program(world: &World) {
    let (report, rest) = converse(world, &Program::shell("cat; exit 7"), |talk| {
        talk.send("text");
        talk.push(LiveInput::EndOfInput);
        talk.send("dropped");
        talk.waits_for_consumed(11);
    });
    ends_with(&report, Outcome::Exited(7));
    assert!(rest.ends_with("text") || rest.is_empty(), "{rest}");
}

fn unread_input_delays_nothing(world: &World) {
    let program = Program::shell("trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.01; done");
    let (report, _) = converse(world, &program, |talk| {
        talk.hears("ready");
        // The pipe holds one of them, and the queue the other.
        for _ in 0..2 {
            talk.push(LiveInput::Bytes(vec![b'x'; LiveInput::WINDOW]));
        }
        talk.signal(LiveSignal::Interrupt);
        talk.hears("interrupted");
    });
    ends_with(&report, Outcome::Exited(3));
}

fn unread_input_at_a_terminal_delays_no_signal(world: &World) {
    for mode in ["raw", "cooked"] {
        let script =
            format!("stty {mode} -echo; trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.01; done");
        let (report, _) = at_terminal(world, &Program::shell(&script), |talk| {
            talk.hears("ready");
            for _ in 0..2 {
                talk.push(LiveInput::Bytes(b"line\n".repeat(LiveInput::WINDOW / 10)));
            }
            talk.signal(LiveSignal::Interrupt);
            talk.hears("interrupted");
        });
        ends_with(&report, Outcome::Exited(3));
    }
}

fn input_that_no_process_reads_counts_as_consumed(world: &World) {
    let program = Program::shell("trap 'exit 4' TERM; exec <&-; echo closed; while :; do sleep 0.01; done");
    let (report, _) = converse(world, &program, |talk| {
        talk.hears("closed");
        talk.push(LiveInput::Bytes(vec![b'x'; LiveInput::WINDOW]));
        talk.push(LiveInput::Bytes(vec![b'x'; LiveInput::WINDOW]));
        talk.waits_for_consumed(2 * LiveInput::WINDOW as u64);
        talk.signal(LiveSignal::Terminate);
    });
    ends_with(&report, Outcome::Exited(4));
}

/// The idle limit of these trials. Programs sleep for longer, so that the limit has certainly passed.
const IDLE: Duration = Duration::from_millis(300);

fn a_program_that_waits_for_input_is_not_idle(world: &World) {
    // `sleep 1` takes longer than the idle limit.
    let program = Program::shell("sleep 1; echo slept; read line; echo $line").limits(|l| l.idle_time = IDLE);
    let (report, _) = converse(world, &program, |talk| {
        talk.hears("slept");
        talk.send("late\n");
        talk.hears("late");
    });
    ends_with(&report, Outcome::Exited(0));
}

fn after_the_end_of_input_a_program_can_be_idle(world: &World) {
    let program = Program::shell("cat; echo at the end; sleep 1000").limits(|l| l.idle_time = IDLE);
    let (report, _) = converse(world, &program, |talk| {
        talk.push(LiveInput::EndOfInput);
        talk.hears("at the end");
    });
    ends_with(&report, Outcome::IdleLimit);
}

fn the_wall_clock_limit_bounds_the_wait(world: &World) {
    let program = Program::shell("read line").limits(|l| l.wall_time = IDLE);
    let (report, _) = converse(world, &program, |_| {});
    ends_with(&report, Outcome::WallLimit);
}

fn a_signal_reaches_the_process_group(world: &World) {
    for signal in LiveSignal::ALL.into_iter().filter(|signal| *signal != LiveSignal::Kill) {
        let source = format!(
            "import os, signal, time\n\
             def on_signal(then):\n\
             \x20 signal.signal(signal.SIG{}, then)\n\
             \x20 os.write(1, b'ready ')\n\
             \x20 while True: time.sleep(0.01)\n\
             child = os.fork()\n\
             if child == 0: on_signal(lambda *_: (os.write(1, b'child '), os._exit(0)))\n\
             on_signal(lambda *_: (os.waitpid(child, 0), os.write(1, b'parent'), os._exit(5)))",
            signal.as_str()
        );
        let (report, _) = converse(world, &python(&source), |talk| {
            talk.hears("ready ");
            talk.hears("ready ");
            talk.signal(signal);
            talk.hears("child parent");
        });
        ends_with(&report, Outcome::Exited(5));
    }
}

fn a_signal_reaches_a_program_in_another_group(world: &World) {
    let source = "import os, time\n\
        child = os.fork()\n\
        if child == 0: os.setpgid(0, 0); time.sleep(1000)\n\
        while os.getpgid(child) != child: pass\n\
        os.setpgid(0, child)\n\
        print('moved', flush=True)\n\
        time.sleep(1000)";
    let (report, _) = converse(world, &python(source), |talk| {
        talk.hears("moved");
        talk.signal(LiveSignal::Terminate);
    });
    ends_with(&report, Outcome::Signalled(Signal(15)));
}

fn a_kill_ends_the_step(world: &World) {
    let script =
        "trap '' INT TERM HUP QUIT; (setsid sleep 1000 &) ; sleep 1000 & echo ready; while :; do sleep 1000; done";
    let (report, _) = converse(world, &Program::shell(script), |talk| {
        talk.hears("ready");
        talk.signal(LiveSignal::Kill);
    });
    ends_with(&report, Outcome::Signalled(Signal(9)));
    assert_eq!(report.exit, Some(ExitStatus::Signalled(Signal(9))));
}

/// Many times more orphans end than the process limit allows at once.
fn zombies_are_reaped(world: &World) {
    let script = "i=0; while [ $i -lt 200 ]; do (: &); i=$((i+1)); done; echo $i; read line";
    let (report, _) = converse(world, &Program::shell(script), |talk| {
        talk.hears("200");
        talk.send("on\n");
    });
    ends_with(&report, Outcome::Exited(0));
}

fn a_compiler_has_no_live_input(world: &World) {
    let mut program = Program::shell("cat");
    program.command.kind = CellKind::Compile;
    let error = try_talk(&mut world.slot(), &program, None, |_| {}).unwrap_err();
    assert!(matches!(&error, RunError::BadCommand(refusal) if refusal.field == "stdin"), "{error}");
}

fn a_terminal_is_controlling_and_has_its_window(world: &World) {
    let source = "import os,sys\n\
        print([os.isatty(fd) for fd in range(3)], os.ttyname(0), os.get_terminal_size())\n\
        print(os.tcgetpgrp(0) == os.getpgrp() == os.getsid(0) == os.getpid())\n\
        open('/dev/tty', 'w').write('by name\\n')\n\
        print(*sorted(os.listdir('/dev')))\n\
        open('/dev/null', 'w').write('x'), open('/dev/shm/x', 'w').write('x'), len(os.urandom(4))\n\
        print(sorted(os.listdir('/dev/pts')), oct(os.stat('/dev/pts/0').st_mode), os.stat('/dev/pts/0').st_uid)\n\
        sys.stderr.write('err ' + input('name? ') + '\\n')";
    let (report, rest) = at_terminal(world, &python(source), |talk| {
        talk.hears("[True, True, True] /dev/pts/0 os.terminal_size(columns=80, lines=24)\r\n");
        talk.hears("True\r\n");
        talk.hears("by name\r\n");
        talk.hears("fd full null ptmx pts random shm stderr stdin stdout tty urandom zero\r\n");
        talk.hears("['0', 'ptmx'] 0o20620 1000\r\n");
        talk.hears("name? ");
        talk.send("me\n");
        talk.hears("err me\r\n");
    });
    ends_with(&report, Outcome::Exited(0));
    assert_eq!(rest, "");
}

fn a_new_window_size_is_signalled(world: &World) {
    let source = "import os, signal\n\
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n\
        print('ready', flush=True)\n\
        signal.sigwait([signal.SIGWINCH])\n\
        print('now', *os.get_terminal_size(), flush=True)\n\
        input()";
    let (report, _) = at_terminal(world, &python(source), |talk| {
        talk.hears("ready");
        talk.push(LiveInput::Resize(TerminalSize::new(132, 50).unwrap()));
        talk.hears("now 132 50");
        talk.send("\n");
    });
    ends_with(&report, Outcome::Exited(0));
}

fn control_c_interrupts_a_command(world: &World) {
    let (report, _) = at_terminal(world, &bash(), |talk| {
        for by_signal in [false, true] {
            talk.hears("$ ");
            // The foreground job prints, so the shell itself is no longer in the foreground then.
            talk.send("sh -c 'echo be\"\"gin; exec sleep 1000'\n");
            talk.hears("begin");
            match by_signal {
                true => talk.signal(LiveSignal::Interrupt),
                false => talk.send("\x03"),
            }
            talk.hears("$ ");
            talk.send("echo status $?\n");
            talk.hears("status 130");
        }
        talk.send("exit 6\n");
    });
    ends_with(&report, Outcome::Exited(6));
}

fn control_z_stops_a_job(world: &World) {
    let (report, _) = at_terminal(world, &bash(), |talk| {
        talk.hears("$ ");
        talk.send("bash -c 'echo st''arted; read line; echo re''ad $line'\n");
        talk.hears("started");
        talk.send("\x1a");
        talk.hears("Stopped");
        talk.hears("$ ");
        talk.send("echo in be''tween\n");
        talk.hears("in between");
        talk.send("fg\n");
        talk.send("word\n");
        talk.hears("read word");
        talk.send("exit 0\n");
    });
    ends_with(&report, Outcome::Exited(0));
}

fn the_end_of_input_ends_a_shell(world: &World) {
    let (report, _) = at_terminal(world, &bash(), |talk| {
        talk.hears("$ ");
        talk.send("(exit 8)\n");
        talk.hears("$ ");
        talk.push(LiveInput::EndOfInput);
    });
    ends_with(&report, Outcome::Exited(8));
}

fn a_terminal_can_be_opened_again(world: &World) {
    let script = "exec 0<&- 1>&- 2>&-; sleep 0.3; echo again > /dev/tty; sleep 0.3; exit 9";
    let (report, _) = at_terminal(world, &Program::shell(script), |talk| talk.hears("again"));
    ends_with(&report, Outcome::Exited(9));
}

fn a_flood_on_a_terminal_reaches_the_output_limit(world: &World) {
    let (report, rest) = at_terminal(world, &Program::shell("yes").limits(|l| l.output = Bytes::kib(64)), |_| {});
    ends_with(&report, Outcome::OutputLimit);
    assert!(report.stdout_truncated && rest.len() == 64 << 10, "{} bytes", rest.len());
}

fn a_background_process_does_not_prolong_the_run(world: &World) {
    let script = "trap '' HUP; setsid sleep 1000 & sleep 1000 & echo left; exit 2";
    let (report, _) = at_terminal(world, &Program::shell(script), |talk| talk.hears("left"));
    ends_with(&report, Outcome::Exited(2));
}

fn a_cell_has_a_bounded_number_of_terminals(world: &World) {
    let source = "import os\n\
        held = []\n\
        try:\n\
        \x20 while len(held) < 60: held.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))\n\
        except OSError as error: print(len(held), error.strerror)\n\
        print(len(os.listdir('/dev/pts')))";
    let (report, _) = at_terminal(world, &python(source), |talk| {
        // 16 terminals, including the program's own, and `ptmx` itself.
        talk.hears("15 No space left on device\r\n17\r\n");
    });
    ends_with(&report, Outcome::Exited(0));
    // The next cell has its own terminals.
    let (_, _) = at_terminal(world, &Program::shell("ls /dev/pts"), |talk| talk.hears("0  ptmx"));
}

fn nothing_types_into_a_terminal(world: &World) {
    let source = "import fcntl, errno\n\
        for name, request, value in [('TIOCSTI', 0x5412, b'x'), ('TIOCLINUX', 0x541c, b'\\2'), ('TIOCCONS', 0x541d, 0),\n\
        \x20                            ('TIOCSETD', 0x5423, b'\\2\\0\\0\\0'), ('TIOCSIG', 0x40045436, 2)]:\n\
        \x20 for place in ['/dev/tty', '/dev/ptmx']:\n\
        \x20   try:\n\
        \x20     fcntl.ioctl(open(place, 'r+b', buffering=0), request, value)\n\
        \x20     print(name, 'done')\n\
        \x20   except OSError as error: print(name, errno.errorcode[error.errno])";
    let (report, _) = at_terminal(world, &python(source), |talk| {
        for name in ["TIOCSTI", "TIOCLINUX", "TIOCCONS", "TIOCSETD", "TIOCSIG"] {
            talk.hears(&format!("{name} ENOTTY\r\n{name} ENOTTY\r\n"));
        }
    });
    ends_with(&report, Outcome::Exited(0));
}

fn a_program_with_pipes_finds_no_terminal(world: &World) {
    let script = "for p in /dev/pts /dev/tty /dev/ptmx; do (ls $p) 2>/dev/null && echo opened $p; done; tty";
    let (report, rest) = converse(world, &Program::shell(script), |_| {});
    ends_with(&report, Outcome::Exited(1));
    assert_eq!(rest, "not a tty\n");
}
