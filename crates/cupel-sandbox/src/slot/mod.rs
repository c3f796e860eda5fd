//! A slot: runs one program at a time on one processor, in lanes that it keeps for the next programs.

mod bundle_cache;
mod captured;
mod conversation;
mod feed;
mod report;
mod streams;
mod watched;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::{CellKind, CellReport, CellRoot, Command, Observer, RunError, Stdin};
use crate::config::{SandboxConfig, Wall};
use crate::pipe::open_pipe;
use crate::pool::{IMAGE_LANES_MAX, Lane, LanePool};
use crate::refusal::{self, Refusal};
use crate::step::SetupStep;
use crate::warm::WarmTemplate;
use crate::wire::{self, CellRequest, FromLane, LaneImage, LaneKind, ToLane};

use bundle_cache::BundleCache;
use captured::Captured;
use conversation::{Conversation, OUTPUTS};
use report::conclude;
use streams::{Streams, is_pipe, terminal_of};
use watched::Watched;

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
    /// Lanes for images. The last used lane is at the end.
    image_lanes: VecDeque<(CellKind, LaneImage, Lane)>,
    received: Vec<u8>,
    chunk: Box<[u8]>,
    bundles: BundleCache,
}

/// Additional time, after its wall-clock limit, that a cell may take to finish before its lane counts as lost. The lane
/// needs this time to set up the cell, to kill hundreds of processes, and to collect files.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes per read, and the maximum pipe size. The content of a pipe is charged to the program, so an output pipe gets
/// this size only after it was full once.
const CHUNK: usize = 256 * 1024;

/// Maximum number of runs per warm interpreter. All these runs have the same hash seed.
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
        // A background slot has no lanes before its first run, and a warm interpreter takes longer than a cold start.
        let is_background = index >= config.slots.max(1);
        let warm: Vec<_> = config.warm.iter().filter(|_| !is_background).cloned().map(Arc::new).collect();
        Slot {
            index,
            pool,
            lane_runs_max: config.lane_runs_max,
            bounds_output: !config.walls_off.contains(Wall::OutputLimit),
            run_lane: None,
            compile_lane: None,
            warm_lanes: warm.iter().map(|_| None).collect(),
            warm,
            image_lanes: VecDeque::new(),
            received: Vec::new(),
            chunk: vec![0; CHUNK].into_boxed_slice(),
            bundles: BundleCache::default(),
        }
    }

    /// Creates all lanes except those for images, so that the first run does not wait for them.
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
    /// If the command is invalid, a program outside `/box` cannot be executed, a standard input that is a file cannot
    /// be read, or the sandbox fails. How the program ended is in the report.
    pub fn run(&mut self, command: &Command, observer: &mut dyn Observer) -> Result<CellReport, RunError> {
        refusal::of_command(command, self.pool.features())?;
        if let Some(report) = command.exceeded_by_its_files() {
            return Ok(report);
        }
        let which = self.which(command);
        let is_warm = matches!(which, Which::Warm(_));
        let mut lane = self.lane(&which)?;
        let result = self.run_in(&mut lane, is_warm, command, observer);
        let keep = match &result {
            Ok(report) => report.outcome.is_by_itself(),
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
            counted_files: command.counted_files,
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
            linked: match &command.root {
                CellRoot::System => String::new(),
                CellRoot::Image(image) => image.directory.clone().unwrap_or_default(),
            },
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
