//! Lanes for slots: in use, kept ready, retired.
//!
//! Each slot has one lane for programs and one for compilers, both on its processor, and one spare that
//! takes the place of whichever is retired, so that retiring costs the next run nothing. A thread makes
//! spares in the background.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::RunError;
use crate::launcher::LauncherClient;

/// A lane as its slot holds it. Dropped, it is retired.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) socket: OwnedFd,
    number: u32,
    /// Runs served.
    pub(crate) runs: u32,
    /// Whether the lane has yet to say that it is ready for another run.
    pub(crate) settling: bool,
    launcher: Arc<LauncherClient>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.launcher.retire_lane(self.number);
    }
}

/// Makes lanes, ahead of need where it can.
#[derive(Debug)]
pub(crate) struct LanePool {
    launcher: Arc<LauncherClient>,
    shared: Arc<Shared>,
    wanted: Mutex<Option<Sender<usize>>>,
    cpus: Vec<Option<u32>>,
}

#[derive(Debug)]
struct Shared {
    /// The spare of each slot, and whether one is being made.
    spares: Mutex<Vec<Spare>>,
    made: Condvar,
}

#[derive(Debug)]
enum Spare {
    None,
    Coming,
    Ready(Lane),
}

impl LanePool {
    /// A pool for slots on these processors.
    pub(crate) fn new(launcher: Arc<LauncherClient>, cpus: Vec<Option<u32>>) -> LanePool {
        let shared =
            Arc::new(Shared { spares: Mutex::new(cpus.iter().map(|_| Spare::None).collect()), made: Condvar::new() });
        let (wanted, requests) = channel();
        let pool = LanePool {
            launcher: launcher.clone(),
            shared: shared.clone(),
            wanted: Mutex::new(Some(wanted)),
            cpus: cpus.clone(),
        };
        // Ends when the pool is dropped and the channel closes.
        let spawned = std::thread::Builder::new()
            .name("cupel-lanes".into())
            .spawn(move || make_spares(&launcher, &shared, &cpus, &requests));
        drop(spawned);
        pool
    }

    /// A lane for this slot: the spare if there is one, a new one otherwise. Orders the next spare.
    pub(crate) fn take(&self, slot: usize) -> Result<Lane, RunError> {
        let mut spares = self.shared.lock();
        while matches!(spares[slot], Spare::Coming) {
            spares = self.shared.made.wait(spares).unwrap_or_else(PoisonError::into_inner);
        }
        let spare = std::mem::replace(&mut spares[slot], Spare::None);
        let ordered =
            self.wanted.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|w| w.send(slot).is_ok());
        if ordered {
            spares[slot] = Spare::Coming;
        }
        drop(spares);
        match spare {
            Spare::Ready(lane) => Ok(lane),
            Spare::None | Spare::Coming => make(&self.launcher, self.cpus[slot]),
        }
    }
}

impl Drop for LanePool {
    fn drop(&mut self) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Spare>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(launcher: &Arc<LauncherClient>, cpu: Option<u32>) -> Result<Lane, RunError> {
    let (number, socket) = launcher.make_lane(cpu)?;
    Ok(Lane { socket, number, runs: 0, settling: false, launcher: launcher.clone() })
}

fn make_spares(launcher: &Arc<LauncherClient>, shared: &Shared, cpus: &[Option<u32>], requests: &Receiver<usize>) {
    while let Ok(slot) = requests.recv() {
        let made = make(launcher, cpus[slot]);
        let mut spares = shared.lock();
        // A failure shows itself to the slot when it asks for a lane itself.
        spares[slot] = made.map_or(Spare::None, Spare::Ready);
        shared.made.notify_all();
    }
}
