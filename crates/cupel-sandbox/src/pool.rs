//! The pool of lanes: creates lanes for slots and keeps spares ready.
//!
//! Each slot has one lane for programs, one for compilers and one spare, all on the slot's processor. When the lane for
//! programs or the lane for compilers is retired, the spare replaces it, so that the next run does not wait for a new
//! lane. For each warm interpreter, the slot has another lane and another spare. A background thread creates the
//! spares.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::RunError;
use crate::launcher::{Features, LauncherClient};

/// A slot's handle on a lane. Dropping the handle retires the lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) socket: OwnedFd,
    number: u32,
    /// Number of runs served.
    pub(crate) runs: u32,
    /// Whether the lane has not yet reported that it is ready for another run.
    pub(crate) settling: bool,
    launcher: Arc<LauncherClient>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.launcher.retire_lane(self.number);
    }
}

/// Creates lanes, in advance where possible.
#[derive(Debug)]
pub(crate) struct LanePool {
    launcher: Arc<LauncherClient>,
    shared: Arc<Shared>,
    wanted: Mutex<Option<Sender<Wanted>>>,
    cpus: Vec<Option<u32>>,
}

#[derive(Debug)]
struct Shared {
    /// State of the spares of each slot: first the spare without an interpreter, then one for each warm template.
    spares: Mutex<Vec<Vec<Spare>>>,
    made: Condvar,
}

/// A requested spare: its slot, and its warm template if any.
type Wanted = (usize, Option<usize>);

/// Index of a template's spare among the spares of the slot.
fn place(template: Option<usize>) -> usize {
    template.map_or(0, |at| at + 1)
}

#[derive(Debug)]
enum Spare {
    None,
    Coming,
    Ready(Lane),
}

impl LanePool {
    /// A pool for slots on these processors. `templates` is the number of warm templates that the launcher was
    /// configured with. Without `makes_spares`, each lane is created when it is needed.
    pub(crate) fn new(
        launcher: Arc<LauncherClient>,
        cpus: Vec<Option<u32>>,
        templates: usize,
        makes_spares: bool,
    ) -> LanePool {
        let none = || (0..=templates).map(|_| Spare::None).collect();
        let shared =
            Arc::new(Shared { spares: Mutex::new(cpus.iter().map(|_| none()).collect()), made: Condvar::new() });
        let mut pool = LanePool {
            launcher: launcher.clone(),
            shared: shared.clone(),
            wanted: Mutex::new(None),
            cpus: cpus.clone(),
        };
        if makes_spares {
            let (wanted, requests) = channel();
            pool.wanted = Mutex::new(Some(wanted));
            // Ends when the pool is dropped and the channel closes.
            let spawned = std::thread::Builder::new()
                .name("cupel-lanes".into())
                .spawn(move || make_spares(&launcher, &shared, &cpus, &requests));
            drop(spawned);
        }
        pool
    }

    /// A lane for this slot: the spare if there is one, otherwise a new one. Requests the next spare.
    pub(crate) fn take(&self, slot: usize, template: Option<usize>) -> Result<Lane, RunError> {
        let at = place(template);
        let mut spares = self.shared.lock();
        while matches!(spares[slot][at], Spare::Coming) {
            spares = self.shared.made.wait(spares).unwrap_or_else(PoisonError::into_inner);
        }
        let spare = std::mem::replace(&mut spares[slot][at], Spare::None);
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let ordered = wanted.as_ref().is_some_and(|w| w.send((slot, template)).is_ok());
        drop(wanted);
        if ordered {
            spares[slot][at] = Spare::Coming;
        }
        drop(spares);
        match spare {
            Spare::Ready(lane) => Ok(lane),
            Spare::None | Spare::Coming => make(&self.launcher, self.cpus[slot], template),
        }
    }

    /// The features of this machine.
    pub(crate) fn features(&self) -> &Features {
        self.launcher.features()
    }

    /// A lane that is not pinned to a processor, for a service.
    pub(crate) fn make_unpinned(&self) -> Result<Lane, RunError> {
        make(&self.launcher, None, None)
    }
}

impl Drop for LanePool {
    fn drop(&mut self) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Spare>>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(launcher: &Arc<LauncherClient>, cpu: Option<u32>, template: Option<usize>) -> Result<Lane, RunError> {
    let (number, socket) = launcher.make_lane(cpu, template.and_then(|at| u32::try_from(at).ok()))?;
    Ok(Lane { socket, number, runs: 0, settling: false, launcher: launcher.clone() })
}

fn make_spares(launcher: &Arc<LauncherClient>, shared: &Shared, cpus: &[Option<u32>], requests: &Receiver<Wanted>) {
    while let Ok((slot, template)) = requests.recv() {
        let made = make(launcher, cpus[slot], template);
        let mut spares = shared.lock();
        // An error is dropped here: the slot then creates the lane itself, and gets the error of that try.
        spares[slot][place(template)] = made.map_or(Spare::None, Spare::Ready);
        shared.made.notify_all();
    }
}
