//! A slot: runs one program at a time on one processor.
//!
//! The slot's thread writes standard input, reads standard output and error, enforces the output limit on both, and
//! waits for the lane's messages. The pipes provide back-pressure: a program that writes faster than its observer
//! reads blocks. If the program has a terminal, the terminal takes the place of the pipes.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_types::{
    BoxFile, BoxFiles, BoxPath, Bytes, ExitStatus, FetchedFile, FileSearch, FoundFile, FoundFiles, Instructions,
    Limits, Outcome, Output, Signal, TerminalSize, Usage,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::bundle;
use crate::command::{CellKind, CellReport, CellRoot, Command, Observer, RunError, Stdin};
use crate::config::{SandboxConfig, Wall};
use crate::live::{Control, LiveFeed};
use crate::mechanism::mounts::BoxSize;
use crate::pool::{IMAGE_LANES_MAX, Lane, LanePool};
use crate::refusal::{self, Refusal};
use crate::step::SetupStep;
use crate::warm::WarmTemplate;
use crate::wire::{self, CellDone, CellRequest, FromLane, KillReason, LaneImage, LaneKind, LimitHit, ToLane};

/// One slot of a [`Sandbox`](crate::Sandbox). Calls block; a slot belongs to one thread at a time.
#[derive(Debug)]
pub struct Slot {
    pub(crate) index: usize,
    pub(crate) pool: Arc<LanePool>,
    pub(crate) lane_runs_max: u32,
    /// Whether the output limit is enforced. `false` only in tests that turn this wall off.
    bounds_output: bool,
    run_lane: Option<Lane>,
    compile_lane: Option<Lane>,
    warm: Vec<Arc<WarmTemplate>>,
    /// One lane for each template in `warm`.
    warm_lanes: Vec<Option<Lane>>,
    /// Lanes for images; the one that was used last is at the end.
    image_lanes: VecDeque<(CellKind, LaneImage, Lane)>,
    received: Vec<u8>,
    chunk: Box<[u8]>,
    bundles: BundleCache,
}

/// Additional time, after its wall-clock limit, that a cell may take to finish before its lane counts as lost. The lane
/// needs this time to set up the cell, to kill hundreds of processes, and to collect files.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes per read, and the maximum pipe size. The content of a pipe is charged to the program, so a pipe gets this size
/// only after it was full once.
const CHUNK: usize = 256 * 1024;
/// Initial capacity of a pipe. Source: pipe(7), "Pipe capacity".
const PIPE: usize = 64 * 1024;
/// Number of output pipes: standard output, standard error, and the result.
const OUTPUTS: usize = 3;
/// Maximum number of reads from one stream before the other streams are polled again.
const READS_IN_A_ROW: usize = 8;

/// Pause between two polls of a terminal that no process has open.
const TERMINAL_REST: Duration = Duration::from_millis(100);

/// Maximum number of runs that one warm interpreter serves. All these runs have the same hash seed.
const WARM_RUNS_MAX: u32 = 1_000;

/// Selects one of the slot's lanes.
#[derive(Clone, PartialEq)]
enum Which {
    Run,
    Compile,
    /// The lane of a warm template, by the template's index.
    Warm(usize),
    /// The lane of an image for programs or compilers.
    Image(CellKind, LaneImage),
}

impl Slot {
    pub(crate) fn new(index: usize, pool: Arc<LanePool>, config: &SandboxConfig) -> Slot {
        Slot {
            index,
            pool,
            lane_runs_max: config.lane_runs_max,
            bounds_output: !config.walls_off.contains(Wall::OutputLimit),
            run_lane: None,
            compile_lane: None,
            warm: config.warm.iter().cloned().map(Arc::new).collect(),
            warm_lanes: config.warm.iter().map(|_| None).collect(),
            image_lanes: VecDeque::new(),
            received: Vec::new(),
            chunk: vec![0; CHUNK].into_boxed_slice(),
            bundles: BundleCache::default(),
        }
    }

    /// Creates all lanes now, so that the first run does not wait for them.
    ///
    /// # Errors
    /// If a lane cannot be created.
    pub fn warm_up(&mut self) -> Result<(), RunError> {
        let warm = (0..self.warm.len()).map(Which::Warm);
        for which in [Which::Run, Which::Compile].into_iter().chain(warm) {
            let lane = self.lane(&which)?;
            self.put_back(which, lane);
        }
        Ok(())
    }

    /// Runs one step to its end.
    ///
    /// # Errors
    /// Only for failures of the sandbox; how the program ended is in the report.
    pub fn run(&mut self, command: &Command, observer: &mut dyn Observer) -> Result<CellReport, RunError> {
        refusal::of_command(command, self.pool.features())?;
        let which = self.which(command);
        let is_warm = matches!(which, Which::Warm(_));
        let mut lane = self.lane(&which)?;
        let result = self.run_in(&mut lane, is_warm, command, observer);
        let keep = match &result {
            Ok(report) => matches!(report.outcome, Outcome::Exited(_) | Outcome::Signalled(_)),
            Err(RunError::Setup { step: SetupStep::Exec, .. }) => true,
            Err(_) => false,
        };
        lane.runs += 1;
        let runs_max = if is_warm { self.lane_runs_max.min(WARM_RUNS_MAX) } else { self.lane_runs_max };
        if keep && lane.runs < runs_max {
            self.put_back(which, lane);
        } else if let Which::Image(_, image) = which {
            self.pool.make_spare_for(self.index, image);
        }
        result
    }

    /// The lane for a command: a warm lane only if the lane's interpreter can replace the command's executable.
    fn which(&self, command: &Command) -> Which {
        let stands_in = |template: &Arc<WarmTemplate>| {
            command.warm == Some(template.kind)
                && template.can_replace(&command.argv, &command.env, &command.limits)
                && is_pipe(&command.stdin)
        };
        match (&command.root, command.kind) {
            (CellRoot::Image(image), kind) => Which::Image(kind, LaneImage::of(image)),
            (CellRoot::System, CellKind::Compile) => Which::Compile,
            (CellRoot::System, CellKind::Run) => self.warm.iter().position(stands_in).map_or(Which::Run, Which::Warm),
        }
    }

    /// Takes the lane that the slot holds for this purpose, if it has one.
    fn take_held(&mut self, which: &Which) -> Option<Lane> {
        match which {
            Which::Run => self.run_lane.take(),
            Which::Compile => self.compile_lane.take(),
            Which::Warm(at) => self.warm_lanes[*at].take(),
            Which::Image(purpose, image) => {
                let is_it = |(its_purpose, its_image, _): &_| its_purpose == purpose && its_image == image;
                let at = self.image_lanes.iter().position(is_it)?;
                self.image_lanes.remove(at).map(|(_, _, lane)| lane)
            }
        }
    }

    /// A lane that is ready: the held one if it reports that it is clean, otherwise one from the pool.
    fn lane(&mut self, which: &Which) -> Result<Lane, RunError> {
        let held = self.take_held(which);
        if let Some(mut lane) = held {
            if !lane.settling {
                return Ok(lane);
            }
            if wire::readable(lane.socket.as_fd(), Duration::from_secs(2)).unwrap_or(false)
                && let Ok(Some((FromLane::Ready { clean: true }, _))) =
                    wire::receive(lane.socket.as_fd(), &mut self.received)
            {
                lane.settling = false;
                return Ok(lane);
            }
        }
        match which {
            Which::Run | Which::Compile => self.pool.take(self.index, &LaneKind::System),
            Which::Warm(at) => self.pool.take(self.index, &LaneKind::Warm(self.warm[*at].clone())),
            Which::Image(_, image) => self.pool.take(self.index, &LaneKind::Image(*image)),
        }
    }

    fn put_back(&mut self, which: Which, lane: Lane) {
        match which {
            Which::Run => self.run_lane = Some(lane),
            Which::Compile => self.compile_lane = Some(lane),
            Which::Warm(at) => self.warm_lanes[at] = Some(lane),
            Which::Image(purpose, image) => {
                self.image_lanes.push_back((purpose, image, lane));
                if self.image_lanes.len() > IMAGE_LANES_MAX {
                    self.image_lanes.pop_front();
                }
            }
        }
    }

    fn run_in(
        &mut self,
        lane: &mut Lane,
        is_warm: bool,
        command: &Command,
        observer: &mut dyn Observer,
    ) -> Result<CellReport, RunError> {
        let Streams { stdin, live, stdout, stderr, theirs: standard } =
            Streams::of(&command.stdin, command.stderr_to_stdout)?;
        let (result, result_theirs) = command.result.then(open_pipe).transpose()?.unzip();
        let terminal = terminal_of(&command.stdin);
        let files = command.files.iter().filter(|f| !f.is_empty());
        let bundles = files.map(|f| self.bundles.get(f)).collect::<io::Result<Vec<_>>>()?;
        let request = ToLane::Run(CellRequest {
            limits: command.limits,
            collect: command.collect,
            argv: command.argv.clone(),
            search: match &command.root {
                CellRoot::System => Vec::new(),
                CellRoot::Image(image) => image.search.clone(),
            },
            env: command.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            warm: is_warm,
            result: command.result,
            outbox: command.outbox.as_ref().map(|path| path.as_str().to_owned()).unwrap_or_default(),
            fetch: command.fetch.iter().map(|path| path.as_str().to_owned()).collect(),
            patterns: command
                .find
                .iter()
                .flat_map(|find| &find.patterns)
                .map(|pattern| pattern.as_str().to_owned())
                .collect(),
            found_max: command.find.as_ref().map_or(0, |find| find.files_max),
            watch: command.watch,
            live: live.is_some(),
            terminal,
        });
        let mut descriptors: Vec<_> = standard.iter().map(|theirs| theirs.as_fd()).collect();
        descriptors.extend(result_theirs.as_ref().map(OwnedFd::as_fd));
        descriptors.extend(bundles.iter().map(|bundle| bundle.as_fd()));
        wire::send(lane.socket.as_fd(), &request, &descriptors).map_err(|error| match error.raw_os_error() {
            Some(libc::EMSGSIZE) => RunError::BadCommand(Refusal {
                field: "argv",
                rule: "arguments and environment must fit into one message".into(),
            }),
            Some(libc::EPIPE | libc::ECONNRESET) => RunError::LaneLost,
            _ => RunError::Io(error),
        })?;
        drop(descriptors);
        drop((standard, result_theirs, bundles));

        let limit = if self.bounds_output { command.limits.output.get() } else { u64::MAX };
        let mut conversation = Conversation {
            lane: lane.socket.as_fd(),
            stdin,
            live,
            window: terminal,
            limit,
            outputs: [
                stdout.map(|stdout| Captured::new(stdout, limit)).transpose()?,
                stderr.map(|stderr| Captured::new(stderr, limit)).transpose()?,
                result.map(|result| Captured::new(result, limit)).transpose()?,
            ],
            totals: [0; OUTPUTS],
            truncated: [false; OUTPUTS],
            watched: command.watch.then(Watched::default),
            done: None,
            cold: None,
            files: Vec::new(),
            fetch: &command.fetch,
            fetched: Vec::new(),
            find: command.find.as_ref(),
            found: Vec::new(),
            found_bytes_left: command.find.as_ref().map_or(0, |find| find.bytes_max.get()),
            collect_bytes_left: command.collect.map_or(0, |c| c.bytes.get()),
            killed: false,
            give_up: Instant::now().checked_add(command.limits.wall_time.saturating_add(SILENCE)),
            received: &mut self.received,
            chunk: &mut self.chunk,
        };
        let done = conversation.hold(observer)?;
        let (totals, truncated) = (conversation.totals, conversation.truncated);
        let (files, cold) = (std::mem::take(&mut conversation.files), conversation.cold.take());
        let (fetched, found) = (std::mem::take(&mut conversation.fetched), std::mem::take(&mut conversation.found));
        lane.settling = true;
        let stdin_left = match &command.stdin {
            Stdin::Descriptor(pipe) => command.watch && rustix::io::ioctl_fionread(pipe).is_ok_and(|left| left > 0),
            Stdin::Bytes(_) | Stdin::Live { .. } => false,
        };
        conclude(command, &done, totals, truncated, (files, fetched, found)).map(|report| CellReport {
            cold,
            stdin_left,
            ..report
        })
    }
}

/// Whether the program's standard input is a pipe (see [`stdin_of`]). An interpreter creates a different stream object
/// for other types of standard input, and the stream object of a warm interpreter was created for a pipe.
fn is_pipe(stdin: &Stdin) -> bool {
    match stdin {
        Stdin::Bytes(_) => true,
        Stdin::Live { terminal, .. } => terminal.is_none(),
        Stdin::Descriptor(descriptor) => {
            kind_of(descriptor).is_ok_and(|kind| kind == FileType::Fifo || !is_a_stream(kind))
        }
    }
}

/// A pipe whose ends the program can reopen by name (`/dev/stdin`, `/proc/self/fd/1`). The inode belongs to this
/// process's user and the program runs as another user, so the inode's mode must allow access by other users. No other
/// process has a name for the pipe.
pub(crate) fn open_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::fs::fchmod(&reader, rustix::fs::Mode::from_raw_mode(0o666))?;
    Ok((reader, writer))
}

/// Initial window of the program's terminal, if it has one.
fn terminal_of(stdin: &Stdin) -> Option<TerminalSize> {
    match stdin {
        Stdin::Live { terminal, .. } => *terminal,
        Stdin::Bytes(_) | Stdin::Descriptor(_) => None,
    }
}

/// The standard streams of a run.
struct Streams {
    /// The data that remains to be written to standard input.
    stdin: Option<Feed>,
    live: Option<LiveFeed>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    /// The program's ends: three pipes, or none if the cell makes a terminal.
    theirs: Vec<Arc<OwnedFd>>,
}

impl Streams {
    fn of(stdin: &Stdin, stderr_to_stdout: bool) -> io::Result<Streams> {
        let (stdin, live, stdin_theirs) = match stdin {
            Stdin::Live { queue, terminal: Some(_) } => {
                let live = Some(LiveFeed::of_terminal(queue.clone()));
                return Ok(Streams { stdin: None, live, stdout: None, stderr: None, theirs: Vec::new() });
            }
            Stdin::Live { queue, terminal: None } => {
                let (theirs, pipe) = open_pipe()?;
                (None, Some(LiveFeed::of_pipe(queue.clone(), pipe)?), Arc::new(theirs))
            }
            Stdin::Descriptor(descriptor) if is_a_stream(kind_of(descriptor)?) => (None, None, descriptor.clone()),
            Stdin::Descriptor(file) => feed_from(Source::File { file: file.clone(), chunk: Vec::new() })?,
            Stdin::Bytes(data) => feed_from(Source::Bytes(data.clone()))?,
        };
        let (stdout, stdout_theirs) = open_pipe()?;
        let stdout_theirs = Arc::new(stdout_theirs);
        let (stderr, stderr_theirs) = match stderr_to_stdout {
            true => (None, Arc::clone(&stdout_theirs)),
            false => {
                let (stderr, theirs) = open_pipe()?;
                (Some(stderr), Arc::new(theirs))
            }
        };
        let theirs = vec![stdin_theirs, stdout_theirs, stderr_theirs];
        Ok(Streams { stdin, live, stdout: Some(stdout), stderr, theirs })
    }
}

/// Whether a program may get a descriptor of this type as its standard input. A file has a name, locks and an offset
/// that other processes share, so its content goes through a pipe.
fn is_a_stream(kind: FileType) -> bool {
    matches!(kind, FileType::Fifo | FileType::Socket | FileType::CharacterDevice)
}

fn kind_of(descriptor: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(descriptor)?.st_mode))
}

/// A pipe for the program, and the data that remains to be written to it.
fn feed_from(source: Source) -> io::Result<(Option<Feed>, Option<LiveFeed>, Arc<OwnedFd>)> {
    let (theirs, pipe) = open_pipe()?;
    rustix::io::ioctl_fionbio(&pipe, true)?;
    if matches!(source, Source::File { .. }) {
        // Fails if the user's total pipe size would exceed the kernel's limit; the pipe then keeps its size.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, CHUNK);
    }
    let mut feed = Feed { pipe, source, at: 0 };
    // Fill the pipe before the program starts. Most inputs fit completely.
    let is_more = feed.write()?;
    Ok((is_more.then_some(feed), None, Arc::new(theirs)))
}

/// Cache of the most recently used bundles. A compiled program that runs many times (for many test cases, or submitted
/// often) is written into memory once. A bundle is sealed, so any number of cells can read it.
#[derive(Debug, Default)]
struct BundleCache(VecDeque<(BoxFiles, Arc<OwnedFd>)>);

impl BundleCache {
    const ENTRIES_MAX: usize = 8;
    const BYTES_MAX: u64 = 64 * 1024 * 1024;

    fn get(&mut self, files: &BoxFiles) -> io::Result<Arc<OwnedFd>> {
        if let Some(at) = self.0.iter().position(|(kept, _)| kept.is_same(files))
            && let Some(hit) = self.0.remove(at)
        {
            let bundle = hit.1.clone();
            self.0.push_back(hit);
            return Ok(bundle);
        }
        let bundle = Arc::new(bundle::write(files)?);
        self.0.push_back((files.clone(), bundle.clone()));
        let bytes =
            |entries: &VecDeque<(BoxFiles, Arc<OwnedFd>)>| entries.iter().map(|(f, _)| f.total_bytes()).sum::<u64>();
        while self.0.len() > Self::ENTRIES_MAX || bytes(&self.0) > Self::BYTES_MAX {
            self.0.pop_front();
        }
        Ok(bundle)
    }
}

struct Feed {
    pipe: OwnedFd,
    source: Source,
    /// Number of bytes of [`Source::at_hand`] that are already written.
    at: usize,
}

/// The source of the data that is written into the pipe of standard input.
enum Source {
    Bytes(Arc<[u8]>),
    /// A file, of which at most [`CHUNK`] bytes are in memory.
    File {
        file: Arc<OwnedFd>,
        chunk: Vec<u8>,
    },
}

impl Source {
    fn at_hand(&self) -> &[u8] {
        match self {
            Source::Bytes(data) => data,
            Source::File { chunk, .. } => chunk,
        }
    }

    /// Reads the next chunk. Returns `false` at the end of the data.
    fn advance(&mut self) -> io::Result<bool> {
        let Source::File { file, chunk } = self else { return Ok(false) };
        chunk.resize(CHUNK, 0);
        loop {
            match rustix::io::read(&**file, &mut chunk[..]) {
                Ok(n) => {
                    chunk.truncate(n);
                    return Ok(n > 0);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }
}

impl Feed {
    /// Writes as much as the pipe accepts. Returns `false` if all data is written or the pipe has no reader. Errors
    /// come from reading the file.
    fn write(&mut self) -> io::Result<bool> {
        loop {
            let left = &self.source.at_hand()[self.at..];
            if left.is_empty() {
                if !self.source.advance()? {
                    return Ok(false);
                }
                self.at = 0;
                continue;
            }
            match rustix::io::write(&self.pipe, left) {
                Ok(n) => self.at += n,
                Err(rustix::io::Errno::AGAIN) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Ok(false),
            }
        }
    }
}

struct Captured {
    pipe: OwnedFd,
    left: u64,
    /// Capacity of the pipe in bytes.
    holds: usize,
    /// Whether it is a terminal. It has ended only when the run has: until then, a process may open it again.
    is_terminal: bool,
    /// When to look again whether a process has opened a terminal again that nobody had open.
    rests_until: Option<Instant>,
}

impl Captured {
    /// Sets the reading end, which no other process holds, to non-blocking mode.
    fn new(pipe: OwnedFd, limit: u64) -> io::Result<Captured> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Captured { pipe, left: limit, holds: PIPE, is_terminal: false, rests_until: None })
    }

    /// The other end of a terminal, a nonblocking descriptor.
    fn of_terminal(terminal: OwnedFd, limit: u64) -> Captured {
        Captured { pipe: terminal, left: limit, holds: usize::MAX, is_terminal: true, rests_until: None }
    }

    /// Whether a read of `n` bytes emptied a full pipe, so that there is probably more data. Enlarges the pipe when
    /// this happens for the first time.
    fn is_filled_by(&mut self, n: usize) -> bool {
        let filled = n >= self.holds.min(CHUNK);
        if filled && self.holds == PIPE {
            // Fails if the user's total pipe size would exceed the kernel's limit; the pipe then keeps its size.
            self.holds = rustix::pipe::fcntl_setpipe_size(&self.pipe, CHUNK).map_or(usize::MAX, |_| CHUNK);
        }
        filled
    }
}

/// The exchange between a slot and its lane during one run.
struct Conversation<'a> {
    lane: BorrowedFd<'a>,
    stdin: Option<Feed>,
    live: Option<LiveFeed>,
    /// The latest window of the program's terminal.
    window: Option<TerminalSize>,
    /// Maximum bytes of each output.
    limit: u64,
    outputs: [Option<Captured>; OUTPUTS],
    totals: [u64; OUTPUTS],
    truncated: [bool; OUTPUTS],
    watched: Option<Watched>,
    done: Option<CellDone>,
    cold: Option<String>,
    files: Vec<BoxFile>,
    /// The paths of the files that are fetched; if empty, all files are collected.
    fetch: &'a [BoxPath],
    fetched: Vec<FetchedFile>,
    find: Option<&'a FileSearch>,
    found: Vec<FoundFile>,
    found_bytes_left: u64,
    collect_bytes_left: u64,
    killed: bool,
    give_up: Option<Instant>,
    received: &'a mut Vec<u8>,
    chunk: &'a mut [u8],
}

impl Conversation<'_> {
    fn hold(&mut self, observer: &mut dyn Observer) -> Result<CellDone, RunError> {
        loop {
            if let (Some(done), [None, None, None]) = (self.done, &self.outputs) {
                return Ok(done);
            }
            let ready = self.wait()?;
            if observer.cancelled() {
                self.kill(KillReason::Cancelled)?;
            }
            if ready.stdin
                && let Some(feed) = &mut self.stdin
                && !feed.write()?
            {
                self.stdin = None;
            }
            if self.live.is_some() {
                self.feed_live(observer)?;
            }
            for index in 0..OUTPUTS {
                if ready.outputs[index] {
                    self.read(index, observer)?;
                }
            }
            if ready.lane {
                self.listen(observer)?;
            }
            if let Some(watched) = &mut self.watched
                && watched.is_stdout_closed()
            {
                observer.stdout_closed();
            }
            if self.give_up.is_some_and(|at| Instant::now() > at) {
                return Err(RunError::LaneLost);
            }
        }
    }

    fn wait(&self) -> Result<Ready, RunError> {
        let mut polled = Vec::with_capacity(OUTPUTS + 4);
        let mut place = [usize::MAX; OUTPUTS + 2];
        let now = Instant::now();
        let mut add = |polled: &mut Vec<PollFd<'_>>, which: usize| place[which] = polled.len() - 1;
        if self.done.is_none() {
            polled.push(PollFd::from_borrowed_fd(self.lane, PollFlags::IN));
            add(&mut polled, 0);
        }
        for (index, output) in self.outputs.iter().enumerate() {
            if let Some(output) = output
                && output.rests_until.is_none_or(|until| now >= until || self.done.is_some())
            {
                polled.push(PollFd::from_borrowed_fd(output.pipe.as_fd(), PollFlags::IN));
                add(&mut polled, 1 + index);
            }
        }
        if let Some(feed) = &self.stdin {
            polled.push(PollFd::from_borrowed_fd(feed.pipe.as_fd(), PollFlags::OUT));
            add(&mut polled, 1 + OUTPUTS);
        }
        if let Some(live) = &self.live {
            polled.push(PollFd::from_borrowed_fd(live.wake(), PollFlags::IN));
            polled.extend(live.wants_to_write().map(|to| PollFd::from_borrowed_fd(to, PollFlags::OUT)));
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(other) => return Err(RunError::Io(other.into())),
        }
        let happened = |which: usize| polled.get(place[which]).is_some_and(|p| !p.revents().is_empty());
        let outputs = std::array::from_fn(|index| happened(1 + index));
        Ok(Ready { lane: happened(0), outputs, stdin: happened(1 + OUTPUTS) })
    }

    /// Takes all live input, and writes as much as the program accepts. Both are cheap if there is nothing to do.
    fn feed_live(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        let Some(live) = &mut self.live else { return Ok(()) };
        let mut to_lane = Vec::new();
        while let Some(control) = live.take() {
            match control {
                Some(Control::Signal(signal)) => to_lane.push(ToLane::Signal(signal)),
                Some(Control::EndOfInput) => to_lane.push(ToLane::InputEnded),
                Some(Control::Resize(size)) => {
                    self.window = Some(size);
                    if let Some(terminal) = self.outputs[0].as_ref().filter(|output| output.is_terminal) {
                        crate::sys::terminal::resize(terminal.pipe.as_fd(), size)?;
                    }
                }
                None => {}
            }
        }
        live.write();
        if let Some(total) = live.progress() {
            observer.input_consumed(total);
        }
        for message in to_lane {
            if self.done.is_none() {
                // A signal is dropped if the lane has hundreds of messages left to read.
                wire::send_now(self.lane, &message).map_err(|_| RunError::LaneLost)?;
            }
        }
        Ok(())
    }

    /// Begins to use the program's terminal.
    fn open_terminal(&mut self, terminal: OwnedFd) -> Result<(), RunError> {
        let Some(live) = &mut self.live else { return Err(RunError::LaneLost) };
        if let Some(size) = self.window {
            crate::sys::terminal::resize(terminal.as_fd(), size)?;
        }
        live.open(terminal.try_clone()?);
        live.write();
        self.outputs[0] = Some(Captured::of_terminal(terminal, self.limit));
        Ok(())
    }

    fn read(&mut self, index: usize, observer: &mut dyn Observer) -> Result<(), RunError> {
        for _ in 0..READS_IN_A_ROW {
            let Some(output) = &mut self.outputs[index] else { return Ok(()) };
            let n = match rustix::io::read(&output.pipe, &mut *self.chunk) {
                Ok(0) => {
                    self.outputs[index] = None;
                    if let Some(watched) = self.watched.as_mut().filter(|_| index == 0) {
                        watched.stdout_ended = Some(Instant::now());
                    }
                    return Ok(());
                }
                Ok(n) => n,
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                // No process has the terminal open. Source: drivers/tty/n_tty.c, n_tty_read().
                Err(rustix::io::Errno::IO) if output.is_terminal => {
                    output.rests_until = Instant::now().checked_add(TERMINAL_REST);
                    if self.done.is_some() {
                        self.outputs[index] = None;
                    }
                    return Ok(());
                }
                Err(other) => return Err(RunError::Io(other.into())),
            };
            let filled = output.is_filled_by(n);
            self.totals[index] += n as u64;
            let kept = usize::try_from(output.left).unwrap_or(usize::MAX).min(n);
            output.left -= kept as u64;
            if kept > 0 {
                match index {
                    0 => observer.stdout(&self.chunk[..kept]),
                    1 => observer.stderr(&self.chunk[..kept]),
                    _ => observer.result(&self.chunk[..kept]),
                }
            }
            if kept < n {
                self.truncated[index] = true;
                self.kill(KillReason::OutputLimit)?;
            }
            if !filled {
                return Ok(());
            }
        }
        Ok(())
    }

    fn kill(&mut self, reason: KillReason) -> Result<(), RunError> {
        if !self.killed && self.done.is_none() {
            self.killed = true;
            wire::send(self.lane, &ToLane::Kill(reason), &[]).map_err(|_| RunError::LaneLost)?;
        }
        Ok(())
    }

    fn listen(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        match wire::receive::<FromLane>(self.lane, self.received) {
            Ok(Some((FromLane::Done(done), _))) => self.done = Some(done),
            Ok(Some((FromLane::Begun, mut beside))) => {
                if let Some(watched) = &mut self.watched {
                    watched.program = beside.pop();
                }
            }
            Ok(Some((FromLane::Ended { status }, _))) => {
                if let Some(watched) = &mut self.watched {
                    watched.ended = true;
                    observer.ended(exit_status(status));
                }
            }
            Ok(Some((FromLane::Terminal, mut beside))) => {
                self.open_terminal(beside.pop().ok_or(RunError::LaneLost)?)?;
            }
            Ok(Some((FromLane::Cold { reason }, _))) => self.cold = Some(reason),
            Ok(Some((FromLane::Files { names, executable }, descriptors))) => {
                self.take_files(&names, &executable, &descriptors)?
            }
            Ok(Some((FromLane::Found { names }, descriptors))) => self.take_found(&names, &descriptors)?,
            Ok(Some((FromLane::Ready { .. }, _)) | None) => return Err(RunError::LaneLost),
            Err(error) => return Err(RunError::Io(error)),
        }
        Ok(())
    }

    /// Reads collected files. The processes that wrote them are gone, but names and sizes are still untrusted.
    fn take_files(&mut self, names: &[String], executable: &[bool], descriptors: &[OwnedFd]) -> Result<(), RunError> {
        if names.len() != descriptors.len() {
            return Err(RunError::LaneLost);
        }
        for ((name, executable), descriptor) in names.iter().zip(executable).zip(descriptors) {
            let path = BoxPath::new(name).map_err(|_| RunError::LaneLost)?;
            let size = size_of(descriptor)?;
            if !self.fetch.is_empty() {
                self.take_fetched(path, size, descriptor)?;
                continue;
            }
            self.collect_bytes_left = self.collect_bytes_left.checked_sub(size).ok_or(RunError::LaneLost)?;
            let data = read_start(descriptor.as_fd(), size)?;
            self.files.push(BoxFile { path, data, executable: *executable });
        }
        Ok(())
    }

    /// Reads a file of `size` bytes that the command requested, up to the bound on bytes.
    fn take_fetched(&mut self, path: BoxPath, size: u64, descriptor: &OwnedFd) -> Result<(), RunError> {
        if self.fetched.len() >= self.fetch.len() || !self.fetch.contains(&path) {
            return Err(RunError::LaneLost);
        }
        let kept = size.min(self.collect_bytes_left);
        self.collect_bytes_left -= kept;
        let data = read_start(descriptor.as_fd(), kept)?;
        self.fetched.push(FetchedFile { path, content: Output { data, truncated: kept < size } });
        Ok(())
    }

    /// Reads files that were found by pattern, unless they exceed the bounds on bytes.
    fn take_found(&mut self, names: &[String], descriptors: &[OwnedFd]) -> Result<(), RunError> {
        let Some(find) = self.find else { return Err(RunError::LaneLost) };
        let files_max = usize::try_from(find.files_max).unwrap_or(usize::MAX);
        if names.len() != descriptors.len() || self.found.len() + names.len() > files_max {
            return Err(RunError::LaneLost);
        }
        for (name, descriptor) in names.iter().zip(descriptors) {
            let path = BoxPath::new(name).map_err(|_| RunError::LaneLost)?;
            let size = size_of(descriptor)?;
            let data = if size <= find.file_bytes_max.get() && size <= self.found_bytes_left {
                self.found_bytes_left -= size;
                Some(read_start(descriptor.as_fd(), size)?)
            } else {
                None
            };
            self.found.push(FoundFile { path, size: Bytes::new(size), data });
        }
        Ok(())
    }
}

/// Size of a collected file.
fn size_of(file: &OwnedFd) -> Result<u64, RunError> {
    let stat = rustix::fs::fstat(file).map_err(io::Error::from)?;
    Ok(u64::try_from(stat.st_size).unwrap_or(u64::MAX))
}

/// Reads the first `length` bytes of a file directly into the shared buffer, so that a large file is copied only once, out
/// of the box.
fn read_start(file: BorrowedFd<'_>, length: u64) -> Result<Arc<[u8]>, RunError> {
    let length = usize::try_from(length).map_err(|_| RunError::LaneLost)?;
    let mut data: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
    if let Some(data) = Arc::get_mut(&mut data) {
        read_all(file, data)?;
    }
    Ok(data)
}

/// Fills `data` with the start of a file. No process is left that could truncate the file.
fn read_all(file: BorrowedFd<'_>, data: &mut [u8]) -> Result<(), RunError> {
    let mut at = 0;
    while at < data.len() {
        match rustix::io::pread(file, &mut data[at..], at as u64) {
            Ok(0) => return Err(RunError::LaneLost),
            Ok(n) => at += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(other) => return Err(RunError::Io(other.into())),
        }
    }
    Ok(())
}

/// State of a program for which [`Command::watch`] is set.
#[derive(Default)]
struct Watched {
    /// A pidfd of the program's main process.
    program: Option<OwnedFd>,
    ended: bool,
    /// Time at which the last writer closed the program's standard output.
    stdout_ended: Option<Instant>,
    reported: bool,
}

/// Time to wait before reporting that a program continues without standard output, if it is unknown whether the program
/// is ending. A process needs only microseconds of CPU time between closing its files and becoming a zombie.
const ENDING: Duration = Duration::from_secs(1);

impl Watched {
    /// Whether the end of standard output must be reported now. A process that is ending closes its files first, but
    /// its end must be reported before the end of its output. So nothing is reported while the process is ending.
    fn is_stdout_closed(&mut self) -> bool {
        let Some(since) = self.stdout_ended.filter(|_| !self.reported) else { return false };
        let is_ending = self.program.as_ref().and_then(is_ending);
        self.reported = self.ended || is_ending == Some(false) || (is_ending.is_none() && since.elapsed() > ENDING);
        self.reported
    }
}

/// Whether a process is exiting or gone; `None` if this cannot be determined. Source: proc_pid_stat(5); `PF_EXITING` in
/// the kernel's `include/linux/sched.h`. The kernel sets this flag before the process closes its files.
fn is_ending(pidfd: &OwnedFd) -> Option<bool> {
    const EXITING: u64 = 4;
    let pid = || {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse::<i32>().ok()
    };
    let before = pid()?;
    if before == -1 {
        return Some(true);
    }
    let stat = std::fs::read_to_string(format!("/proc/{before}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let flags: u64 = fields.nth(5)?.parse().ok()?;
    // If the pid changed, the file may have belonged to another process that got the same number.
    (pid()? == before).then_some(is_dead || flags & EXITING != 0)
}

struct Ready {
    lane: bool,
    outputs: [bool; OUTPUTS],
    stdin: bool,
}

/// Creates the caller's report from the lane's figures.
fn conclude(
    command: &Command,
    done: &CellDone,
    totals: [u64; OUTPUTS],
    truncated: [bool; OUTPUTS],
    (files, fetched, found): (Vec<BoxFile>, Vec<FetchedFile>, Vec<FoundFile>),
) -> Result<CellReport, RunError> {
    let usage = Usage {
        cpu_time: Duration::from_nanos(done.cpu_ns),
        cpu_user: Duration::from_nanos(done.cpu_user_ns),
        cpu_system: Duration::from_nanos(done.cpu_system_ns),
        wall_time: Duration::from_nanos(done.wall_ns),
        instructions: done.instructions.map(Instructions::new),
        // Smaller figures would be noise, because the kernel charges in batches.
        memory: Bytes::new(done.memory_peak).max(Limits::MEMORY_MIN),
        output: Bytes::new(totals.iter().sum()),
        // Set by the caller, which knows whether the language has warm starts.
        start: None,
    };
    let limit = LimitHit::from_number(done.limit);
    if done.failed_step != 0 && limit != Some(LimitHit::Cancelled) && limit != Some(LimitHit::Memory) {
        let step = SetupStep::from_number(done.failed_step);
        return match not_begun(command, step, done.failed_errno) {
            Some(outcome) => {
                let report = CellReport::bare(outcome, Duration::from_nanos(done.ended_ns), usage);
                Ok(CellReport { warm: done.warm, ..report })
            }
            None => Err(RunError::Setup { step, source: io::Error::from_raw_os_error(done.failed_errno) }),
        };
    }
    let exit = done.status_known.then(|| exit_status(done.status));
    let outcome = match (limit, exit) {
        (Some(LimitHit::Memory), _) => Outcome::MemoryLimit,
        (Some(LimitHit::Cancelled), _) => Outcome::Cancelled,
        (Some(LimitHit::Output), _) => Outcome::OutputLimit,
        (Some(LimitHit::Cpu), _) => Outcome::TimeLimit,
        (Some(LimitHit::Wall), _) => Outcome::WallLimit,
        (Some(LimitHit::Idle), _) => Outcome::IdleLimit,
        (Some(LimitHit::Instructions), _) => Outcome::InstructionLimit,
        // The program wrote too much and ended before the lane received the kill message.
        (None, _) if truncated != [false; OUTPUTS] => Outcome::OutputLimit,
        (None, Some(ExitStatus::Exited(code))) => Outcome::Exited(code),
        (None, Some(ExitStatus::Signalled(signal))) => Outcome::Signalled(signal),
        (None, None) => return Err(RunError::LaneLost),
    };
    let by_itself = matches!(outcome, Outcome::Exited(_) | Outcome::Signalled(_));
    let (files, fetched, found) = if by_itself { (files, fetched, found) } else { Default::default() };
    let has_more = done.collect_overflow && by_itself;
    Ok(CellReport {
        outcome,
        exit,
        ended: Duration::from_nanos(done.ended_ns),
        usage,
        stdin_left: false,
        stdout_truncated: truncated[0],
        stderr_truncated: truncated[1],
        files: BoxFiles::new(files),
        files_truncated: has_more && command.find.is_none(),
        fetched,
        found: FoundFiles { files: found, has_more: has_more && command.find.is_some() },
        warm: done.warm,
        cold: None,
    })
}

/// The outcome of a program that could not start, if the cause is the command or its limits, and not the sandbox.
fn not_begun(command: &Command, step: SetupStep, errno: i32) -> Option<Outcome> {
    match (step, errno) {
        // The files exceed the disk limit, or the disk size that the memory limit allows.
        (SetupStep::BoxFiles, libc::ENOSPC | libc::EDQUOT) => Some(match BoxSize::is_of_the_memory(&command.limits) {
            true if fit_the_disk(command) => Outcome::MemoryLimit,
            _ => Outcome::DiskLimit,
        }),
        (SetupStep::BoxFiles, libc::ENOMEM) => Some(Outcome::MemoryLimit),
        // Too little stack for the arguments, too little memory for the image, or a process limit that is too low.
        (SetupStep::Exec, libc::E2BIG | libc::ENOMEM | libc::EAGAIN) => Some(Outcome::Exited(126)),
        // If the program is in the box, the exit codes are those that a shell would return.
        (SetupStep::Exec, errno) if command.argv[0].contains('/') && !command.argv[0].starts_with('/') => {
            Some(Outcome::Exited(if errno == libc::ENOENT { 127 } else { 126 }))
        }
        _ => None,
    }
}

/// Whether the program's input files would be within the disk limit if there were enough memory.
fn fit_the_disk(command: &Command) -> bool {
    let files = || command.files.iter().flat_map(|group| group.iter());
    let bytes: u64 = files().map(|file| file.data.len() as u64).sum();
    let directories: HashSet<&str> = files()
        .flat_map(|file| file.path.as_str().match_indices('/').map(|(end, _)| &file.path.as_str()[..end]))
        .collect();
    let inodes = (files().count() + directories.len()) as u64;
    bytes <= command.limits.disk.get() && inodes <= command.limits.inodes
}

/// Decodes a wait status as specified in wait(2).
fn exit_status(status: i32) -> ExitStatus {
    match status & 0x7f {
        0 => ExitStatus::Exited(status >> 8 & 0xff),
        signal => ExitStatus::Signalled(Signal(signal)),
    }
}
