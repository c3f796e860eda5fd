//! The agent's work: it receives a step, starts the program, moves its input and output, enforces its limits, and
//! reports its end.
//!
//! *Invariants:*
//! - The agent is the first process of its pid namespace, so the program can neither end nor stop it, and all orphans
//!   become its children. It is not dumpable, so the program, which has the same user, can neither trace it nor open
//!   its descriptors.
//! - It never blocks on the program: all pipes are non-blocking, and output is not read while the worker reads slowly.
//! - [`FromAgent::Done`] is sent only after all other processes are gone and all output was read.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cupel_agent::{
    Collect, DATA_MAX, Done, Exit, FINDS, FromAgent, Hit, PATH, STARTS, Step, StepLimits, Stream, ToAgent, VERSION,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, CWD, Mode, OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, Signal, WaitOptions};
use rustix::stdio::{stdin, stdout};
use rustix::termios::Winsize;
use rustix::time::ClockId;

use crate::files::{BoxDirectory, Incoming};
use crate::link::Link;
use crate::meter::{Meter, OomKill};
use crate::program::{self, Settings};

/// Maximum time between two checks of the limits.
const LOOK_MAX: Duration = Duration::from_millis(10);
/// Minimum time between two checks of the limits.
const LOOK_MIN: Duration = Duration::from_micros(500);
/// Time between two messages about the CPU time.
const REPORT_EVERY: Duration = Duration::from_millis(50);
/// Amount of CPU time that a program must exceed to count as not idle, as in the native sandbox.
const IDLE_CPU: Duration = Duration::from_millis(1);
/// The character that ends input on a terminal. Source: termios(3), VEOF.
const END_OF_FILE: u8 = 0x04;

/// Serves one step.
pub(crate) fn serve() -> io::Result<()> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let null = rustix::fs::openat(CWD, "/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let mut agent =
        Agent { link: Link::new()?, meter: Meter::open(), directory: BoxDirectory::open()?, descriptor3: null };
    agent.link.send(&FromAgent::Ready { version: VERSION });
    let (mut incoming, mut failed): (Option<Incoming>, Option<io::Error>) = (None, None);
    loop {
        agent.link.flush_all()?;
        let received = match agent.link.wait()? {
            None => return Ok(()),
            Some(message) => message,
        };
        let result = match received {
            ToAgent::File { path, executable, size } => match agent.directory.create(&path, executable) {
                Ok(file) => {
                    incoming = Some(Incoming { file, left: size });
                    Ok(())
                }
                Err(error) => Err(error),
            },
            ToAgent::Data(data) => match &mut incoming {
                Some(file) if failed.is_none() => file.write(&data),
                _ => Ok(()),
            },
            ToAgent::Find { program, search } => {
                agent.link.send(&FromAgent::Found(resolve(&program, &search).is_ok()));
                Ok(())
            }
            ToAgent::Start(step) => {
                incoming = None;
                let ended = match failed.take() {
                    Some(error) => not_started(&error, "create the files of the box"),
                    None => agent.run(*step)?,
                };
                agent.link.send(&ended);
                Ok(())
            }
            // Input for a step that has already ended.
            _ => Ok(()),
        };
        if let Err(error) = result {
            failed.get_or_insert(error);
        }
    }
}

fn not_started(error: &io::Error, what: &str) -> FromAgent {
    FromAgent::NotStarted { errno: error.raw_os_error().unwrap_or(0), what: what.to_owned() }
}

/// The path of a program.
fn resolve(program: &str, search: &[String]) -> Result<String, Errno> {
    let is_program = |path: &str| {
        rustix::fs::accessat(CWD, path, Access::EXEC_OK, rustix::fs::AtFlags::empty())?;
        if Path::new(path).is_dir() { Err(Errno::ACCESS) } else { Ok(path.to_owned()) }
    };
    if program.contains('/') {
        return is_program(&Path::new(cupel_agent::BOX).join(program).to_string_lossy());
    }
    let found = search.iter().find_map(|directory| is_program(&format!("{directory}/{program}")).ok());
    found.ok_or(Errno::NOENT)
}

fn now() -> Duration {
    let time = rustix::time::clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

struct Agent {
    link: Link,
    meter: Meter,
    directory: BoxDirectory,
    /// Descriptor 3, the first descriptor that this process opened. For a program that returns a result, it is replaced
    /// by a pipe.
    descriptor3: OwnedFd,
}

/// The agent's ends of the program's streams.
struct Streams {
    input: Option<OwnedFd>,
    /// The program's end of standard input, for measuring unread input.
    watched: Option<OwnedFd>,
    /// Standard output, standard error, descriptor 3.
    outputs: [Option<OwnedFd>; 3],
    is_terminal: bool,
}

const STREAMS: [Stream; 3] = [Stream::Stdout, Stream::Stderr, Stream::Result];

impl Agent {
    /// Runs a step to its end. Returns its last message.
    fn run(&mut self, step: Step) -> io::Result<FromAgent> {
        if let Some(outbox) = &step.outbox
            && let Err(error) = self.directory.make_directories(outbox)
        {
            return Ok(not_started(&error, "create the directory for results"));
        }
        if let Some(linked) = &step.linked
            && let Err(error) = self.directory.link_entries_of(linked)
        {
            return Ok(not_started(&error, "link the files of the image"));
        }
        let path = match step.argv.first().map(|program| resolve(program, &step.search)) {
            Some(Ok(path)) => path,
            Some(Err(errno)) => return Ok(not_started(&errno.into(), FINDS)),
            None => return Ok(not_started(&Errno::INVAL.into(), FINDS)),
        };
        let (cpu_base, cpu_user_base) = self.meter.cpu().unwrap_or_default();
        let memory = self.meter.memory().unwrap_or_default().used.saturating_sub(step.limits.counted_files);
        let own_base = own_cpu();
        let started = now();
        let (streams, program) = match self.start(&step, &path) {
            Ok(started) => started,
            Err(error) => return Ok(not_started(&error, STARTS)),
        };
        let pidfd = rustix::process::pidfd_open(program, PidfdFlags::empty())?;
        self.link.send(&FromAgent::Started);
        let Step { limits, collect, outbox, .. } = &step;
        let run = Run {
            link: &mut self.link,
            meter: &self.meter,
            limits,
            program,
            streams,
            queue: VecDeque::new(),
            of_worker: 0,
            consumed: 0,
            is_last_line_open: false,
            input_ends: false,
            may_wait: step.may_wait,
            terminal_is_closed: false,
            left: [limits.output; 3],
            written: [0; 3],
            truncated: [false; 3],
            started,
            baseline: Baseline { cpu: cpu_base, cpu_user: cpu_user_base, own: own_base, memory },
            progress: (Duration::ZERO, started),
            reported: started,
            memory_seen: 0,
            hit: None,
            exit: None,
            ended: None,
        };
        let mut done = run.finish(pidfd.as_fd())?;
        let by_itself = done.hit.is_none() && done.truncated == [false; 3];
        let is_wanted = match collect {
            Collect::All { after_failure, .. } => match done.exit {
                Some(Exit::Code(code)) => code == 0 || *after_failure,
                _ => outbox.is_some(),
            },
            _ => true,
        };
        if by_itself && is_wanted {
            done.files_truncated = self.directory.send(collect, outbox.as_deref(), &mut self.link)?;
        }
        Ok(FromAgent::Done(Box::new(done)))
    }

    /// Starts the program.
    fn start(&mut self, step: &Step, path: &str) -> io::Result<(Streams, Pid)> {
        let settings = Settings {
            // A fallback, as in the native sandbox (`mechanism/rlimits.rs`). The kernel compares it with the number of
            // timer ticks. If a hypervisor delays the machine, these exceed the exact time.
            cpu_seconds: step.limits.cpu.as_secs().saturating_mul(2).saturating_add(2),
            address_space: step.limits.address_space,
            open_files: step.limits.open_files,
            file_size: step.limits.file_size,
            stack: step.limits.stack,
            terminal: step.terminal.is_some(),
        };
        let (streams, input, output, error) = match step.terminal {
            Some((columns, rows)) => {
                let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY)?;
                rustix::pty::grantpt(&master)?;
                rustix::pty::unlockpt(&master)?;
                let name = rustix::pty::ptsname(&master, Vec::new())?;
                let slave =
                    rustix::fs::openat(CWD, name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
                rustix::termios::tcsetwinsize(&master, window(columns, rows))?;
                rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
                fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK)?;
                let input = master.try_clone()?;
                let streams = Streams {
                    input: Some(input),
                    watched: None,
                    outputs: [Some(master), None, None],
                    is_terminal: true,
                };
                (streams, slave.try_clone()?, slave.try_clone()?, slave)
            }
            None => {
                let (input, to_program) = pipe_with(PipeFlags::CLOEXEC)?;
                let (from_output, output) = pipe_with(PipeFlags::CLOEXEC)?;
                let (from_error, error) = match step.stderr_to_stdout {
                    true => (None, output.try_clone()?),
                    false => {
                        let (from, to) = pipe_with(PipeFlags::CLOEXEC)?;
                        (Some(from), to)
                    }
                };
                for end in [Some(&to_program), Some(&from_output), from_error.as_ref()].into_iter().flatten() {
                    fcntl_setfl(end, OFlags::NONBLOCK)?;
                }
                let watched = if step.watch { Some(input.try_clone()?) } else { None };
                let outputs = [Some(from_output), from_error, None];
                (Streams { input: Some(to_program), watched, outputs, is_terminal: false }, input, output, error)
            }
        };
        let mut streams = streams;
        if step.result {
            let (from, to) = pipe_with(PipeFlags::CLOEXEC)?;
            fcntl_setfl(&from, OFlags::NONBLOCK)?;
            // The duplicate is not closed on exec.
            rustix::io::dup2(&to, &mut self.descriptor3)?;
            streams.outputs[2] = Some(from);
        }
        let mut command = Command::new(PATH);
        command.args([program::WORD, &settings.to_argument(), path]).args(&step.argv);
        command.env_clear().envs(step.env.iter().map(|(name, value)| (name, value))).current_dir(cupel_agent::BOX);
        command.stdin(Stdio::from(input)).stdout(Stdio::from(output)).stderr(Stdio::from(error));
        let child = command.spawn();
        if step.result {
            let null = rustix::fs::openat(CWD, "/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
            rustix::io::dup3(&null, &mut self.descriptor3, rustix::io::DupFlags::CLOEXEC)?;
        }
        // The child is reaped by its process id.
        let id = Pid::from_child(&child?);
        Ok((streams, id))
    }
}

fn window(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// CPU time and memory of the container before the program started. The memory is without the counted input files.
struct Baseline {
    cpu: Duration,
    cpu_user: Duration,
    own: Duration,
    memory: u64,
}

/// A running program.
struct Run<'a> {
    link: &'a mut Link,
    meter: &'a Meter,
    limits: &'a StepLimits,
    program: Pid,
    streams: Streams,
    /// Standard input that has not been written to the program's pipe or terminal yet.
    queue: VecDeque<u8>,
    /// Bytes of the queue that the worker sent; the rest are end-of-file characters.
    of_worker: usize,
    /// Bytes of the worker that were written or dropped.
    consumed: u64,
    /// Whether the worker's last byte did not end a line.
    is_last_line_open: bool,
    /// Whether standard input ends after the queue.
    input_ends: bool,
    may_wait: bool,
    /// Whether no process had the terminal open when it was last read. It is then read at every turn, without a poll.
    terminal_is_closed: bool,
    left: [u64; 3],
    written: [u64; 3],
    truncated: [bool; 3],
    started: Duration,
    baseline: Baseline,
    /// CPU time at the last progress, and the time of this progress.
    progress: (Duration, Duration),
    /// Time of the last [`FromAgent::Progress`].
    reported: Duration,
    /// Highest observed memory.
    memory_seen: u64,
    hit: Option<Hit>,
    exit: Option<Exit>,
    ended: Option<Duration>,
}

impl Run<'_> {
    fn finish(mut self, pidfd: BorrowedFd<'_>) -> io::Result<Done> {
        // Messages that arrived together with the step are already buffered, so poll does not report them.
        self.obey_all()?;
        self.write_input();
        while self.ended.is_none() {
            self.turn(Some(pidfd))?;
            self.reap()?;
        }
        // Ends all other processes before the rest of the output is read, so that the output ends.
        let cpu = self.cpu();
        let peak = self.peak();
        kill_all();
        while !matches!(rustix::process::wait(WaitOptions::empty()), Err(Errno::CHILD)) {}
        let stdin_left = self.has_unread_input();
        self.streams.input = None;
        if self.streams.is_terminal {
            // The other end is closed, so the rest can be read without waiting. It is at most what the kernel's buffer
            // of the terminal holds.
            while self.streams.outputs[0].is_some() {
                self.read_output(0)?;
            }
        }
        while self.streams.outputs.iter().any(Option::is_some) {
            self.turn(None)?;
        }
        let oom_kill = self.meter.oom_kill();
        if oom_kill == Some(OomKill::OwnLimit) {
            self.hit = Some(Hit::Memory);
        }
        let ended = self.ended.unwrap_or_else(now);
        let (cpu, cpu_user) = cpu.unwrap_or_else(children_cpu);
        // A limit may have been exceeded between the last check and the end.
        if self.hit.is_none() && cpu > self.limits.cpu {
            self.hit = Some(Hit::Cpu);
        }
        if self.hit.is_none() && oom_kill == Some(OomKill::Foreign) {
            self.hit = Some(Hit::ForeignOom);
        }
        Ok(Done {
            hit: self.hit,
            exit: self.exit,
            ended,
            wall: ended.saturating_sub(self.started),
            cpu,
            cpu_user,
            memory: peak.max(self.memory_seen),
            written: self.written,
            truncated: self.truncated,
            stdin_left,
            files_truncated: false,
        })
    }

    /// CPU time of the program, and its user part.
    fn cpu(&self) -> Option<(Duration, Duration)> {
        let (total, user) = self.meter.cpu()?;
        let own = own_cpu().saturating_sub(self.baseline.own);
        let total = total.saturating_sub(self.baseline.cpu).saturating_sub(own);
        Some((total, user.saturating_sub(self.baseline.cpu_user).min(total)))
    }

    /// Peak memory of the program: the container's peak, minus page cache of files on disk and the memory used before
    /// the program started.
    fn peak(&self) -> u64 {
        let memory = self.meter.memory().unwrap_or_default();
        self.meter.peak().unwrap_or(0).saturating_sub(memory.cached).saturating_sub(self.baseline.memory)
    }

    /// Records the end of the program if it has ended, and reaps orphans.
    fn reap(&mut self) -> io::Result<()> {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.program => {
                    self.ended = Some(now());
                    if self.hit.is_none() {
                        let exit = match (status.exit_status(), status.terminating_signal()) {
                            (Some(code), _) => Exit::Code(code),
                            (None, signal) => Exit::Signal(signal.unwrap_or(0)),
                        };
                        self.exit = Some(exit);
                        self.link.send(&FromAgent::Ended(exit));
                    }
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) | Err(Errno::CHILD) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the next event and handles it.
    fn turn(&mut self, pidfd: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let wait = match (pidfd, self.hit) {
            (Some(_), None) => self.next_look(),
            _ => LOOK_MAX,
        };
        let (from_worker, to_worker) = (stdin(), stdout());
        let mut polled = vec![
            PollFd::new(&from_worker, PollFlags::IN),
            PollFd::new(&to_worker, if self.link.has_unsent() { PollFlags::OUT } else { PollFlags::empty() }),
        ];
        // An output without a writer would wake every poll, even with no events requested. So outputs that are not read
        // now are left out: all of them while the connection is full, and a terminal that no process has open.
        let are_read = !self.link.is_full() && !self.terminal_is_closed;
        let outputs = self.streams.outputs.iter().flatten().filter(|_| are_read);
        polled.extend(outputs.map(|output| PollFd::new(output, PollFlags::IN)));
        if let Some(input) = self.streams.input.as_ref().filter(|_| !self.queue.is_empty()) {
            polled.push(PollFd::new(input, PollFlags::OUT));
        }
        if let Some(pidfd) = pidfd {
            polled.push(PollFd::from_borrowed_fd(pidfd, PollFlags::IN));
        }
        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let heard = polled[0].revents();
        drop(polled);
        if heard.intersects(PollFlags::IN | PollFlags::HUP) {
            if !self.link.read()? {
                // The worker has closed the connection. When this process exits, the kernel kills all other processes.
                std::process::exit(0);
            }
            self.obey_all()?;
        }
        for index in 0..self.streams.outputs.len() {
            if !self.link.is_full() {
                self.read_output(index)?;
            }
        }
        self.write_input();
        self.link.flush()
    }

    /// Checks the limits. Returns the time until the next check.
    fn next_look(&mut self) -> Duration {
        let time = now();
        let limits = self.limits;
        let memory = self.meter.memory().unwrap_or_default().used.saturating_sub(self.baseline.memory);
        self.memory_seen = self.memory_seen.max(memory);
        let oom_kill = self.meter.oom_kill();
        if oom_kill == Some(OomKill::OwnLimit) || memory > limits.memory {
            self.end(Hit::Memory);
            return LOOK_MAX;
        }
        if oom_kill == Some(OomKill::Foreign) {
            self.end(Hit::ForeignOom);
            return LOOK_MAX;
        }
        let wall = time.saturating_sub(self.started);
        let mut left = limits.wall.saturating_sub(wall);
        if left.is_zero() {
            self.end(Hit::Wall);
            return LOOK_MAX;
        }
        if let Some((cpu, _)) = self.cpu() {
            let left_of_cpu = limits.cpu.saturating_sub(cpu);
            if left_of_cpu.is_zero() {
                self.end(Hit::Cpu);
                return LOOK_MAX;
            }
            if time.saturating_sub(self.reported) > REPORT_EVERY {
                self.reported = time;
                self.link.send(&FromAgent::Progress { cpu });
            }
            if cpu > self.progress.0 + IDLE_CPU {
                self.progress = (cpu, time);
            }
            if !self.may_wait && time.saturating_sub(self.progress.1) > limits.idle {
                // A program that is runnable got no processor, or the whole machine was paused.
                if !is_anything_runnable() {
                    self.end(Hit::Idle);
                    return LOOK_MAX;
                }
                self.progress.1 = time;
            }
            left = left.min(left_of_cpu / 2);
        }
        left.clamp(LOOK_MIN, LOOK_MAX)
    }

    /// Ends the step because of a limit.
    fn end(&mut self, hit: Hit) {
        if self.hit.is_none() && self.ended.is_none() {
            self.hit = Some(hit);
            kill_all();
        }
    }

    fn obey_all(&mut self) -> io::Result<()> {
        while let Some(message) = self.link.next()? {
            self.obey(message);
        }
        Ok(())
    }

    fn obey(&mut self, message: ToAgent) {
        match message {
            ToAgent::Stdin(data) if self.input_ends || self.streams.input.is_none() => self.drop_input(data.len()),
            ToAgent::Stdin(data) => {
                self.of_worker += data.len();
                self.is_last_line_open =
                    data.last().map_or(self.is_last_line_open, |last| !matches!(last, b'\n' | b'\r'));
                self.queue.extend(data);
            }
            ToAgent::EndOfInput if self.input_ends => {}
            ToAgent::EndOfInput => {
                self.may_wait = false;
                self.progress.1 = now();
                self.input_ends = true;
                if self.streams.is_terminal {
                    // The first VEOF only sends an incomplete line. Source: termios(3), VEOF.
                    let count = if self.is_last_line_open { 2 } else { 1 };
                    self.queue.extend(std::iter::repeat_n(END_OF_FILE, count));
                }
            }
            ToAgent::Signal(number) => self.signal(number),
            ToAgent::Resize { columns, rows } => {
                if let Some(terminal) = self.streams.outputs[0].as_ref().filter(|_| self.streams.is_terminal) {
                    let _ = rustix::termios::tcsetwinsize(terminal, window(columns, rows));
                }
            }
            ToAgent::Cancel => self.end(Hit::Cancelled),
            // The worker does not send these messages while a program runs.
            ToAgent::File { .. } | ToAgent::Data(_) | ToAgent::Start(_) | ToAgent::Find { .. } => {}
        }
    }

    /// Sends a signal to the foreground process group of the terminal, or to the program's process group. SIGKILL goes
    /// to the program itself.
    fn signal(&self, number: i32) {
        let Some(signal) = Signal::from_named_raw(number) else { return };
        if signal == Signal::KILL {
            let _ = rustix::process::kill_process(self.program, signal);
            return;
        }
        let terminal = self.streams.outputs[0].as_ref().filter(|_| self.streams.is_terminal);
        let group = terminal.and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok()).unwrap_or(self.program);
        if rustix::process::kill_process_group(group, signal).is_err() {
            let _ = rustix::process::kill_process(self.program, signal);
        }
    }

    /// Counts input that the program will never read as consumed.
    fn drop_input(&mut self, bytes: usize) {
        self.consumed += bytes as u64;
        self.link.send(&FromAgent::Consumed(self.consumed));
    }

    fn write_input(&mut self) {
        let Some(input) = &self.streams.input else { return };
        let before = self.consumed;
        let mut is_open = true;
        while let (bytes @ [_, ..], _) = self.queue.as_slices() {
            match rustix::io::write(input, bytes) {
                Ok(n) => {
                    self.queue.drain(..n);
                    let of_worker = n.min(self.of_worker);
                    self.of_worker -= of_worker;
                    self.consumed += of_worker as u64;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // The program has closed its standard input.
                Err(_) => {
                    self.consumed += std::mem::take(&mut self.of_worker) as u64;
                    self.queue.clear();
                    is_open = false;
                }
            }
        }
        if self.consumed != before {
            self.link.send(&FromAgent::Consumed(self.consumed));
        }
        let ends = self.input_ends && !self.streams.is_terminal && self.queue.is_empty();
        if !is_open || ends {
            self.streams.input = None;
        }
    }

    /// Whether input is left in the queue or in the pipe.
    fn has_unread_input(&self) -> bool {
        let in_pipe = |input: &OwnedFd| rustix::io::ioctl_fionread(input).is_ok_and(|bytes| bytes > 0);
        self.streams.watched.as_ref().is_some_and(|input| !self.queue.is_empty() || in_pipe(input))
    }

    fn read_output(&mut self, index: usize) -> io::Result<()> {
        let Some(output) = &self.streams.outputs[index] else { return Ok(()) };
        if index == 0 {
            self.terminal_is_closed = false;
        }
        let mut data = vec![0; DATA_MAX];
        let n = match rustix::io::read(output, &mut data[..]) {
            Ok(n) => n,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            // No process has the terminal open at this time. Source: drivers/tty/n_tty.c.
            Err(Errno::IO) if self.streams.is_terminal && self.ended.is_none() => {
                self.terminal_is_closed = true;
                return Ok(());
            }
            Err(Errno::IO) if self.streams.is_terminal => 0,
            Err(error) => return Err(error.into()),
        };
        if n == 0 {
            self.streams.outputs[index] = None;
            if index == 0 {
                self.link.send(&FromAgent::StdoutClosed);
            }
            return Ok(());
        }
        self.written[index] += n as u64;
        let kept = usize::try_from(self.left[index]).unwrap_or(usize::MAX).min(n);
        self.left[index] -= kept as u64;
        if kept > 0 {
            data.truncate(kept);
            self.link.send(&FromAgent::Output { stream: STREAMS[index], data });
        }
        if kept < n {
            self.truncated[index] = true;
            self.end(Hit::Output);
        }
        Ok(())
    }
}

/// Whether any thread of the container is runnable, except those of this process, as in the native sandbox. Source:
/// proc_pid_stat(5), field 3, after the name in parentheses.
fn is_anything_runnable() -> bool {
    let entries = |directory: PathBuf| std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_other = |process: &Path| process.file_name().is_some_and(|name| name != "self" && name != "1");
    let processes = entries("/proc".into()).map(|entry| entry.path()).filter(|process| is_other(process));
    let mut threads = processes.flat_map(|process| entries(process.join("task")));
    threads.any(|thread| {
        // The name may contain anything, also bytes that are not UTF-8.
        let stat = std::fs::read(thread.path().join("stat")).unwrap_or_default();
        let after_name = stat.iter().rposition(|byte| *byte == b')').unwrap_or(0);
        stat.get(after_name + 2) == Some(&b'R')
    })
}

/// Kills all processes of the container except this one. Source: kill(2), pid -1.
fn kill_all() {
    let _ = rustix::process::kill_process_group(Pid::INIT, Signal::KILL);
}

/// CPU time of the processes that were waited for, and its user part, to one clock tick of the kernel (10 ms). For
/// containers without a cgroup. Source: proc_pid_stat(5), fields 16 and 17.
fn children_cpu() -> (Duration, Duration) {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let of = |at: usize| {
        let ticks: u64 = fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
        Duration::from_millis(ticks * 10)
    };
    // The field after the name is field 3.
    (of(13) + of(14), of(13))
}
