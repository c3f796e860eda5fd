//! One step in one container: files, program, input and output.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cupel_agent::{self as agent, DATA_MAX, FromAgent, Stream, ToAgent, WINDOW};
use cupel_judge::{LiveInput, LiveSource, LiveStdin};
use cupel_sandbox::{CellReport, Command, Observer, Stdin};
use cupel_types::{ImageRoot, Limits, TerminalSize};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::engine::ContainerError;
use super::pool::Container;
use super::report::{self, Progress, ReceivedFiles};

/// Interval at which the observer is asked whether the step was cancelled.
const CANCEL_LOOK: Duration = Duration::from_millis(100);
/// Time after the wall-clock limit within which a container must report the end of its processes and send its files.
const GRACE: Duration = Duration::from_secs(30);
/// Maximum time for which a source of live input waits. The source's thread can outlive the step by this time.
const NEXT_MAX: Duration = Duration::from_millis(250);
/// Maximum number of inputs that wait to be sent.
const INPUTS_MAX: usize = 64;

/// Source of standard input.
pub(super) struct Input {
    arriving: mpsc::Receiver<LiveInput>,
    live: Option<LiveStdin>,
}

impl Input {
    /// The input of a command. Starts a thread if reading the input can block.
    pub(super) fn of(command: &Command, live: Option<&LiveStdin>) -> Result<Input, ContainerError> {
        let (sender, arriving) = mpsc::channel(INPUTS_MAX);
        let spawn = |work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name("container-input".into()).spawn(work).map(drop).map_err(ContainerError::Io)
        };
        match (live, &command.stdin) {
            (Some(live), _) => {
                let source = Arc::clone(&live.source);
                spawn(Box::new(move || forward_live(&*source, &sender)))?;
            }
            (None, Stdin::Bytes(bytes)) if bytes.len() <= DATA_MAX => {
                // The channel is empty, so this cannot fail.
                let _ = sender.try_send(LiveInput::Bytes(bytes.to_vec()));
                let _ = sender.try_send(LiveInput::EndOfInput);
            }
            (None, Stdin::Bytes(bytes)) => {
                let bytes = Arc::clone(bytes);
                spawn(Box::new(move || forward_bytes(&bytes, &sender)))?;
            }
            (None, Stdin::Descriptor(descriptor)) => {
                let descriptor = descriptor.try_clone().map_err(ContainerError::Io)?;
                spawn(Box::new(move || forward_descriptor(descriptor, &sender)))?;
            }
            // Only the native sandbox supports this kind of input.
            (None, Stdin::Live { .. }) => return Err(ContainerError::Unsupported("a queue of the native sandbox")),
        }
        Ok(Input { arriving, live: live.cloned() })
    }

    fn terminal(&self) -> Option<TerminalSize> {
        self.live.as_ref().and_then(|live| live.terminal)
    }
}

/// The time on the monotonic clock of this machine.
fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn forward_live(source: &dyn LiveSource, to: &mpsc::Sender<LiveInput>) {
    while !to.is_closed() {
        if let Some(input) = source.next(NEXT_MAX)
            && to.blocking_send(input).is_err()
        {
            return;
        }
    }
}

fn forward_bytes(bytes: &[u8], to: &mpsc::Sender<LiveInput>) {
    for chunk in bytes.chunks(DATA_MAX) {
        if to.blocking_send(LiveInput::Bytes(chunk.to_vec())).is_err() {
            return;
        }
    }
    let _ = to.blocking_send(LiveInput::EndOfInput);
}

fn forward_descriptor(descriptor: OwnedFd, to: &mpsc::Sender<LiveInput>) {
    let mut file = File::from(descriptor);
    let mut chunk = vec![0; 64 << 10];
    loop {
        match file.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(n) if to.blocking_send(LiveInput::Bytes(chunk[..n].to_vec())).is_err() => return,
            Ok(_) => {}
        }
    }
    let _ = to.blocking_send(LiveInput::EndOfInput);
}

/// One use of a container, which is removed when this value is dropped.
pub(super) struct Session {
    container: Container,
    /// Messages on their way to the agent.
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    /// Whether the observer has received data of the program.
    pub(super) was_seen: bool,
    /// Whether the program has started.
    was_started: bool,
}

impl Session {
    /// Takes a container. Must be called within the runtime.
    pub(super) fn new(mut container: Container) -> Session {
        let (outbox, mut messages) = mpsc::unbounded_channel::<Vec<u8>>();
        let input = container.input.take();
        // A separate task writes, so that output is read at the same time.
        tokio::spawn(async move {
            let Some(mut input) = input else { return };
            while let Some(message) = messages.recv().await {
                if input.write_all(&message).await.is_err() || input.flush().await.is_err() {
                    return;
                }
            }
        });
        Session { container, outbox, was_seen: false, was_started: false }
    }

    /// Whether a container that was started in advance has run no program. If its session has failed, it had ended
    /// earlier, and so may have the others: the engine was restarted.
    pub(super) fn ended_unused(&self) -> bool {
        self.container.was_ready && !self.was_started
    }

    fn send(&self, message: &ToAgent) {
        // A failed send is ignored: the reader reports the closed connection.
        let _ = self.outbox.send(agent::encode(message));
    }

    /// Whether the image contains a program.
    pub(super) async fn find(&mut self, program: &str, search: &[String]) -> Result<bool, ContainerError> {
        self.send(&ToAgent::Find { program: program.to_owned(), search: search.to_vec() });
        match timeout_at(Instant::now() + GRACE, self.container.receive()).await {
            Ok(Ok(FromAgent::Found(found))) => Ok(found),
            Ok(Ok(_)) => Err(ContainerError::Lost("its agent gave an unexpected answer".to_owned())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ContainerError::Lost("its agent did not answer in time".to_owned())),
        }
    }

    /// Runs a step to its end.
    pub(super) async fn run(
        &mut self,
        image: &ImageRoot,
        command: &Command,
        mut input: Input,
        observer: &mut dyn Observer,
    ) -> Result<CellReport, ContainerError> {
        self.begin(image, command, &input);
        let deadline = Instant::now() + command.limits.wall_time + GRACE;
        let mut cancel_looks = tokio::time::interval(CANCEL_LOOK);
        let mut files = ReceivedFiles::default();
        let (mut sent, mut consumed) = (0u64, 0u64);
        let (mut is_cancelled, mut has_input) = (false, true);
        // With a runtime other than runc, the container's clock may differ from this machine's clock.
        let (has_own_clock, mut ended) = (self.container.has_own_clock, None);
        let mut progress = Progress::default();
        loop {
            tokio::select! {
                biased;
                received = self.container.receive() => {
                    let message = match received {
                        Ok(message) => message,
                        // If all memory belongs to files or shared memory segments, the kernel may kill the agent. The
                        // engine does not tell whether the container's limit was the cause. For another cause, the
                        // kernel prefers the program.
                        Err(ContainerError::Lost(_)) if self.container.was_out_of_memory().await => {
                            return Ok(report::out_of_memory(command, &progress, now()));
                        }
                        Err(error) => return Err(error),
                    };
                    match message {
                        FromAgent::Ready { .. } | FromAgent::Found(_) => {}
                        FromAgent::Started => {
                            self.was_started = true;
                            progress.started = Some(Instant::now());
                        }
                        FromAgent::Progress { cpu } => progress.cpu = cpu,
                        FromAgent::Output { stream, data } => {
                            self.was_seen = true;
                            progress.output += data.len() as u64;
                            match stream {
                                Stream::Stdout => observer.stdout(&data),
                                Stream::Stderr => observer.stderr(&data),
                                Stream::Result => observer.result(&data),
                            }
                        }
                        FromAgent::Consumed(total) => {
                            consumed = total.min(sent);
                            observer.input_consumed(consumed);
                            if let Some(live) = &input.live {
                                live.source.consumed(consumed);
                            }
                        }
                        FromAgent::Ended(exit) => {
                            ended = Some(now());
                            if command.watch {
                                observer.ended(report::exit_status(exit));
                            }
                        }
                        FromAgent::StdoutClosed if command.watch => observer.stdout_closed(),
                        FromAgent::StdoutClosed => {}
                        FromAgent::File { path, executable, truncated } => files.add(path, executable, truncated),
                        FromAgent::FoundFile { path, size, has_content } => {
                            if !files.add_found(path, size, has_content, command) {
                                return Err(too_many_files());
                            }
                        }
                        FromAgent::Data(data) => {
                            if !files.append(&data, command) {
                                return Err(too_many_files());
                            }
                        }
                        FromAgent::Done(done) => {
                            let ended = if has_own_clock { ended.unwrap_or_else(now) } else { done.ended };
                            return report::of(command, &done, ended, files);
                        }
                        FromAgent::NotStarted { errno, what } => return report::not_started(command, errno, what),
                    }
                }
                arrived = input.arriving.recv(), if has_input && sent - consumed < WINDOW as u64 => match arrived {
                    Some(LiveInput::Bytes(bytes)) => {
                        sent += bytes.len() as u64;
                        self.was_seen |= input.live.is_some();
                        self.send(&ToAgent::Stdin(bytes));
                    }
                    Some(LiveInput::EndOfInput) => self.send(&ToAgent::EndOfInput),
                    Some(LiveInput::Signal(signal)) => self.send(&ToAgent::Signal(signal.signal().0)),
                    Some(LiveInput::Resize(size)) => {
                        self.send(&ToAgent::Resize { columns: size.columns, rows: size.rows });
                    }
                    // All input has been received from the source.
                    None => has_input = false,
                },
                _ = cancel_looks.tick() => {
                    if !is_cancelled && observer.cancelled() {
                        is_cancelled = true;
                        self.send(&ToAgent::Cancel);
                    }
                    if Instant::now() > deadline {
                        return Err(ContainerError::Lost("it did not report the end of a step in time".to_owned()));
                    }
                }
            }
        }
    }

    /// Sends the files and the command.
    fn begin(&self, image: &ImageRoot, command: &Command, input: &Input) {
        for file in command.files.iter().flat_map(|group| group.iter()) {
            let size = file.data.len() as u64;
            self.send(&ToAgent::File { path: file.path.as_str().to_owned(), executable: file.executable, size });
            file.data.chunks(DATA_MAX).for_each(|chunk| self.send(&ToAgent::Data(chunk.to_vec())));
        }
        // The container enforces the other limits: processes, and the size of the box.
        let Limits {
            cpu_time,
            wall_time,
            idle_time,
            instructions: _,
            memory,
            address_space,
            processes: _,
            open_files,
            file_size,
            disk: _,
            inodes: _,
            output,
            stack,
        } = command.limits;
        self.send(&ToAgent::Start(Box::new(agent::Step {
            argv: command.argv.clone(),
            env: command.env.clone(),
            search: image.search.clone(),
            terminal: input.terminal().map(|size| (size.columns, size.rows)),
            stderr_to_stdout: command.stderr_to_stdout,
            result: command.result,
            may_wait: input.live.is_some(),
            outbox: command.outbox.as_ref().map(|path| path.as_str().to_owned()),
            linked: image.directory.clone(),
            collect: report::collect(command),
            watch: command.watch,
            limits: agent::StepLimits {
                cpu: cpu_time,
                wall: wall_time,
                idle: idle_time,
                memory: memory.get(),
                counted_files: command.counted_files.get(),
                address_space: address_space.map(cupel_types::Bytes::get),
                open_files: u64::from(open_files),
                file_size: file_size.get(),
                output: output.get(),
                stack: stack.get(),
            },
        })));
    }
}

fn too_many_files() -> ContainerError {
    ContainerError::Lost("its agent sent more files than allowed".to_owned())
}
