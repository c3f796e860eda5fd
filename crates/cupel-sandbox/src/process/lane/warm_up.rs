//! Making a lane's zygote, and proving that programs cannot tell.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;

use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits};

use super::{Lane, number_of_sockets};
use crate::bundle;
use crate::mechanism::cgroup::Known;
use crate::process::zygote::Zygote;
use crate::warm::{self, WarmTemplate};
use crate::wire::{self, CellDone, CellRequest, ZygoteSetup};

/// How often it is tried, before a lane starts all its programs cold: something may have been amiss for a moment.
const TRIES: u32 = 3;

/// Pages of a portion of 64 that are used up before each of these runs begins.
const USED_AHEAD: [usize; 4] = [0, 16, 32, 48];

impl Lane {
    /// As [`Lane::warm_up`], once or more often.
    pub(super) fn warm_up_at_last(
        &mut self,
        template: &WarmTemplate,
        executable: Option<BorrowedFd<'_>>,
    ) -> Result<(), String> {
        for _ in 1..TRIES {
            if self.warm_up(template, executable).is_ok() {
                return Ok(());
            }
        }
        self.warm_up(template, executable)
    }

    /// Makes an interpreter ready, and proves that a program started with it sees and uses what one started without does.
    fn warm_up(&mut self, template: &WarmTemplate, executable: Option<BorrowedFd<'_>>) -> Result<(), String> {
        // The first of all pays for reading the interpreter's files.
        let rehearsal = template.kind.rehearsal();
        self.rehearse(template, rehearsal, false)?;
        let (shown, cold) = self.rehearse(template, rehearsal, false)?;
        let (cold_memory, _) = self.least_memory(template, false)?;
        let setup = ZygoteSetup {
            walls_off: self.walls_off,
            has_landlock: self.landlock.is_some(),
            cells_have_groups: !self.group.counts_the_lane(),
            template: template.clone(),
            shown: shown.clone(),
        };
        self.zygote = Some(Zygote::start(&setup, self.notes_file.as_fd(), executable)?);
        self.sockets_of_ours = self.sockets.as_ref().and_then(number_of_sockets).unwrap_or(0);
        self.group.count_from_here();
        let rehearsed = self.rehearse(template, rehearsal, true);
        let rehearsed = rehearsed.and_then(|(shown, done)| Ok((shown, done, self.least_memory(template, true)?)));
        match rehearsed {
            Ok((shown_warm, warm, (warm_memory, faults))) if shown_warm == shown => {
                self.warm_nothing = Known { charged: warm_memory, given_back: 0, faults };
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
        self.sockets_of_ours = 0;
        self.group.count_from_here();
        let (shown_warm, ..) = rehearsed?;
        Err(format!("an interpreter that is warm differs: {}", warm::difference(&shown, &shown_warm)))
    }

    /// Memory of a program that does nothing, bytes, and its page faults: the least of several runs that begin in different parts of a portion. The difference
    /// between cold and warm is added to the figures of all warm programs of this lane, so it must be more exact than one portion.
    fn least_memory(&mut self, template: &WarmTemplate, warm: bool) -> Result<(u64, u64), String> {
        let mut least = (u64::MAX, u64::MAX);
        for pages in USED_AHEAD {
            self.group.use_ahead(pages);
            let done = self.rehearse(template, template.kind.nothing(), warm);
            self.group.use_ahead(0);
            least.0 = least.0.min(done?.1.memory_peak);
            least.1 = least.1.min(self.notes.faults.load(Relaxed));
        }
        Ok(least)
    }

    /// Runs a program in a cell as the template says, and returns what it printed and what it used.
    fn rehearse(&mut self, template: &WarmTemplate, source: &str, warm: bool) -> Result<(String, CellDone), String> {
        let told = |error: io::Error| error.to_string();
        let path = template.argv.get(1).map_or("main", String::as_str);
        let path = BoxPath::new(path).map_err(|_| "its file has no name for a box")?;
        let data = source.as_bytes().into();
        let bundle = bundle::write(&BoxFiles::new(vec![BoxFile { path, data, executable: false }])).map_err(told)?;
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| told(e.into()));
        let ((stdin, _), (output, stdout), (_errors, stderr)) = (pipe()?, pipe()?, pipe()?);
        let (nobody, slot) = wire::socket_pair().map_err(told)?;
        let request = CellRequest {
            limits: Limits { output: Bytes::kib(64), ..Limits::default() },
            collect: None,
            argv: template.argv.clone(),
            env: template.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            warm,
            result: false,
            outbox: String::new(),
            watch: false,
        };
        let (done, cell) = self
            .run(&request, vec![stdin, stdout, stderr, bundle], &nobody)
            .map_err(|(step, error)| format!("{step}: {error}"))?;
        self.bury(&cell);
        drop((cell, nobody, slot));
        // Page cache of the interpreter's files stays, and is the lane's from now on.
        let _ = self.is_clean();
        if done.failed_step != 0 || done.limit != 0 || done.status != 0 {
            return Err(format!("its rehearsal failed: {done:?}"));
        }
        let mut text = String::new();
        io::Read::read_to_string(&mut std::fs::File::from(output), &mut text).map_err(told)?;
        Ok((text, done))
    }
}
