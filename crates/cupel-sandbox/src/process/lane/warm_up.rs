//! Starts a lane's zygote, and verifies that warm programs behave like cold ones.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;

use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits};

use super::{Lane, LaneReport, number_of_sockets, send_report};
use crate::bundle;
use crate::mechanism::cgroup::Known;
use crate::process::zygote::Zygote;
use crate::warm::{self, ColdStart, WarmTemplate};
use crate::wire::{self, CellDone, CellRequest, ZygoteSetup};

/// Number of attempts before a lane starts all its programs cold. Several, because a failure may be transient.
const TRIES: u32 = 3;

/// Number of pages of a batch (of 64) that are used up before each measuring run.
const USED_AHEAD: [usize; 4] = [0, 16, 32, 48];

impl Lane {
    /// Calls [`Lane::start_zygote`] up to [`TRIES`] times. `known` is the interpreter's cold start, if another lane has
    /// measured it. Otherwise, this lane measures it, and reports it to the launcher on `sync`.
    pub(super) fn warm_up(
        &mut self,
        template: &WarmTemplate,
        mut known: Option<ColdStart>,
        sync: OwnedFd,
        executable: Option<BorrowedFd<'_>>,
    ) -> Result<(), String> {
        let mut waiting_launcher = known.is_none().then_some(sync);
        let mut tries = 0;
        loop {
            tries += 1;
            // The interpreter may have been replaced since another lane has measured it. So the second attempt measures
            // it again.
            let cold = known.take().map_or_else(|| self.start_cold(template), Ok);
            let result = cold.and_then(|cold| {
                if let Some(sync) = waiting_launcher.take() {
                    // Without the report, every lane measures the cold start itself.
                    let _ = send_report(&sync, LaneReport::ColdStart(cold.clone()), &[]);
                }
                self.start_zygote(template, &cold, executable)
            });
            if result.is_ok() || tries == TRIES {
                return result;
            }
        }
    }

    /// Measures a cold start.
    fn start_cold(&mut self, template: &WarmTemplate) -> Result<ColdStart, String> {
        // The first run is charged for reading the interpreter's files, so its measurements are not used.
        let rehearsal = template.kind.rehearsal();
        self.rehearse(template, rehearsal, false)?;
        let (shown, done) = self.rehearse(template, rehearsal, false)?;
        let (memory, _) = self.memory_of_nothing(template, false)?;
        Ok(ColdStart { shown, memory: Bytes::new(memory), instructions: done.instructions })
    }

    /// Starts a zygote, and verifies that a program forked from it starts in the same state as a cold one. Measures how
    /// much memory and how many instructions a warm start saves.
    fn start_zygote(
        &mut self,
        template: &WarmTemplate,
        cold: &ColdStart,
        executable: Option<BorrowedFd<'_>>,
    ) -> Result<(), String> {
        let (shown, cold_memory) = (&cold.shown, cold.memory.get());
        let setup = ZygoteSetup {
            walls_off: self.walls_off,
            tenant: self.tenant,
            has_landlock: self.landlock.is_some(),
            cells_have_groups: !self.group.counts_the_lane(),
            template: template.clone(),
            shown: shown.clone(),
        };
        self.zygote = Some(Zygote::start(&setup, self.shared_file.as_fd(), executable)?);
        self.own_sockets = self.sockets.as_ref().and_then(number_of_sockets).unwrap_or(0);
        self.group.count_from_here();
        let rehearsed = self.rehearse(template, template.kind.rehearsal(), true);
        let rehearsed = rehearsed.and_then(|(shown, done)| Ok((shown, done, self.memory_of_nothing(template, true)?)));
        match rehearsed {
            Ok((shown_warm, warm, (warm_memory, faults))) if shown_warm == *shown => {
                let exact = if self.group.is_exact() { warm_memory } else { 0 };
                self.warm_nothing = Known { charged: warm_memory, given_back: 0, faults, exact };
                self.warm_memory = cold_memory.saturating_sub(warm_memory);
                self.cold_memory = cold_memory;
                if let (Some(of_cold), Some(of_warm)) = (cold.instructions, warm.instructions) {
                    self.warm_instructions = of_cold.saturating_sub(of_warm);
                    self.cold_instructions = Some(of_cold);
                }
                return Ok(());
            }
            _ => {}
        }
        if let Some(zygote) = self.zygote.take() {
            zygote.end();
        }
        self.own_sockets = 0;
        self.group.count_from_here();
        let (shown_warm, ..) = rehearsed?;
        Err(format!("the warm interpreter differs from a cold one: {}", warm::difference(shown, &shown_warm)))
    }

    /// Memory in bytes and number of page faults of an empty program. The difference between a cold and a warm start is
    /// added to the memory of all warm programs of this lane, so it must be more exact than one batch. So the program
    /// runs several times, each time from a different position in a batch. A value that is counted in batches is too
    /// large, so the minimum is taken. A value that is counted page by page is often too small, because the kernel may
    /// free memory of the previous cell during the run. It is seldom too large. So the second largest value is taken.
    fn memory_of_nothing(&mut self, template: &WarmTemplate, warm: bool) -> Result<(u64, u64), String> {
        let (mut figures, mut faults) = (Vec::with_capacity(USED_AHEAD.len()), u64::MAX);
        for pages in USED_AHEAD {
            self.group.use_ahead(pages);
            let done = self.rehearse(template, template.kind.nothing(), warm);
            self.group.use_ahead(0);
            figures.push(done?.1.memory_peak);
            faults = faults.min(self.shared.faults.load(Relaxed));
        }
        figures.sort_unstable();
        let chosen = if self.group.is_exact() { figures.len() - 2 } else { 0 };
        Ok((figures[chosen], faults))
    }

    /// Runs a program in a cell as specified by the template, and returns its output and its usage.
    fn rehearse(&mut self, template: &WarmTemplate, source: &str, warm: bool) -> Result<(String, CellDone), String> {
        let text_of = |error: io::Error| error.to_string();
        let path = template.argv.get(1).map_or("main", String::as_str);
        let path = BoxPath::new(path).map_err(|_| "the source file of the template has no valid path in a box")?;
        let data = source.as_bytes().into();
        let bundle = bundle::write(&BoxFiles::new(vec![BoxFile { path, data, executable: false }])).map_err(text_of)?;
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| text_of(e.into()));
        let ((stdin, _), (output, stdout), (_errors, stderr)) = (pipe()?, pipe()?, pipe()?);
        let (peer, slot) = wire::socket_pair().map_err(text_of)?;
        let request = CellRequest {
            limits: Limits { output: Bytes::kib(64), ..Limits::default() },
            counted_files: Bytes::ZERO,
            collect: None,
            argv: template.argv.clone(),
            search: Vec::new(),
            env: template.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            warm,
            result: false,
            outbox: String::new(),
            linked: String::new(),
            fetch: Vec::new(),
            patterns: Vec::new(),
            found_max: 0,
            watch: false,
            live: false,
            terminal: None,
        };
        let (done, cell) = self
            .run(&request, vec![stdin, stdout, stderr, bundle], &peer)
            .map_err(|(step, error)| format!("failed to {step}: {error}"))?;
        self.bury(&cell);
        drop((cell, peer, slot));
        // The page cache of the interpreter's files remains, and becomes part of the lane's base.
        let _ = self.is_clean();
        if done.failed_step != 0 || done.limit != 0 || done.status != 0 {
            return Err(format!("the rehearsal failed: {done:?}"));
        }
        let mut text = String::new();
        io::Read::read_to_string(&mut std::fs::File::from(output), &mut text).map_err(text_of)?;
        Ok((text, done))
    }
}
