//! Making a lane's zygote, and proving that programs cannot tell.

use std::io;
use std::os::fd::AsFd;

use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits};

use super::{Lane, number_of_sockets};
use crate::bundle;
use crate::process::zygote::Zygote;
use crate::warm::{self, WarmTemplate};
use crate::wire::{self, CellDone, CellRequest, ZygoteSetup};

/// How often it is tried, before a lane starts all its programs cold: something may have been amiss for a moment.
const TRIES: u32 = 3;

impl Lane {
    /// As [`Lane::warm_up`], once or more often.
    pub(super) fn warm_up_at_last(&mut self, template: &WarmTemplate) -> Result<(), String> {
        for _ in 1..TRIES {
            if self.warm_up(template).is_ok() {
                return Ok(());
            }
        }
        self.warm_up(template)
    }

    /// Makes an interpreter ready, and proves that a program started with it sees and uses what one started without does.
    fn warm_up(&mut self, template: &WarmTemplate) -> Result<(), String> {
        // The first of all pays for reading the interpreter's files.
        self.rehearse(template, false)?;
        let (shown, cold) = self.rehearse(template, false)?;
        let setup = ZygoteSetup {
            walls_off: self.walls_off,
            has_landlock: self.landlock.is_some(),
            cells_have_groups: !self.group.counts_the_lane(),
            template: template.clone(),
            shown: shown.clone(),
        };
        self.zygote = Some(Zygote::start(&setup, self.notes_file.as_fd())?);
        self.sockets_of_ours = self.sockets.as_ref().and_then(number_of_sockets).unwrap_or(0);
        self.group.count_from_here();
        let rehearsed = self.rehearse(template, true);
        match rehearsed {
            Ok((shown_warm, warm)) if shown_warm == shown => {
                self.warm_memory = cold.memory_peak.saturating_sub(warm.memory_peak);
                self.cold_memory = cold.memory_peak;
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
        let (shown_warm, _) = rehearsed?;
        Err(format!("an interpreter that is warm differs: {}", warm::difference(&shown, &shown_warm)))
    }

    /// Runs the template's rehearsal in a cell, and returns what it printed and what it used.
    fn rehearse(&mut self, template: &WarmTemplate, warm: bool) -> Result<(String, CellDone), String> {
        let told = |error: io::Error| error.to_string();
        let path = template.argv.get(1).map_or("main", String::as_str);
        let path = BoxPath::new(path).map_err(|_| "its file has no name for a box")?;
        let data = template.kind.rehearsal().as_bytes().into();
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
