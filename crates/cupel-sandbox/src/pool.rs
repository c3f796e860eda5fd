//! The pool of lanes: creates lanes for slots and keeps spares ready.
//!
//! Each slot has one lane for programs, one for compilers and, if the configuration asks for spares, one spare, all on
//! the slot's processor. When the lane for programs or the lane for compilers is retired, the spare replaces it, so
//! that the next run does not wait for a new lane. For each warm interpreter, the slot has another lane and another
//! spare. For an image, a spare is created when the image is announced, and after a lane for the image was retired. A
//! background thread creates the spares.
//!
//! A slot retires a lane after a run that exceeded a limit, was cancelled or failed in the sandbox, after a number of
//! runs, or if the lane's clean-up check fails. A program that cannot be executed does not retire the lane. Of the
//! lanes for images, the slot keeps the [`IMAGE_LANES_MAX`] that it used last.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::RunError;
use crate::launcher::{Features, LauncherClient};
use crate::wire::{LaneImage, LaneKind, Scheduling};

/// Maximum number of lanes for images that a slot keeps. A lane takes about 1 MiB.
pub(crate) const IMAGE_LANES_MAX: usize = 8;
/// Maximum number of spare lanes for images per slot.
pub(crate) const IMAGE_SPARES_MAX: usize = 4;

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
    /// Of each slot.
    schedulings: Vec<Scheduling>,
}

#[derive(Debug)]
struct Shared {
    /// The spares of each slot; those for images in the order in which they were requested.
    spares: Mutex<Vec<Vec<(LaneKind, Spare)>>>,
    made: Condvar,
}

/// A requested spare: its slot and its kind.
type Wanted = (usize, LaneKind);

#[derive(Debug)]
enum Spare {
    Coming,
    Ready(Lane),
}

impl LanePool {
    /// A pool for slots with these schedulings. Without `makes_spares`, each lane is created when it is needed.
    pub(crate) fn new(launcher: Arc<LauncherClient>, schedulings: Vec<Scheduling>, makes_spares: bool) -> LanePool {
        let spares = Mutex::new(schedulings.iter().map(|_| Vec::new()).collect());
        let shared = Arc::new(Shared { spares, made: Condvar::new() });
        let mut pool = LanePool {
            launcher: launcher.clone(),
            shared: shared.clone(),
            wanted: Mutex::new(None),
            schedulings: schedulings.clone(),
        };
        if makes_spares {
            let (wanted, requests) = channel();
            pool.wanted = Mutex::new(Some(wanted));
            // Ends when the pool is dropped and the channel closes.
            let spawned = std::thread::Builder::new()
                .name("cupel-lanes".into())
                .spawn(move || make_spares(&launcher, &shared, &schedulings, &requests));
            drop(spawned);
        }
        pool
    }

    /// A lane for this slot: the spare if there is one, otherwise a new one. Requests the next spare, unless the lane
    /// is for an image.
    pub(crate) fn take(&self, slot: usize, kind: &LaneKind) -> Result<Lane, RunError> {
        let mut spares = self.shared.lock();
        let spare = loop {
            match spares[slot].iter().position(|(known, _)| known == kind) {
                Some(at) if matches!(spares[slot][at].1, Spare::Coming) => {
                    spares = self.shared.made.wait(spares).unwrap_or_else(PoisonError::into_inner);
                }
                Some(at) => break Some(spares[slot].remove(at).1),
                None => break None,
            }
        };
        if !matches!(kind, LaneKind::Image(_)) {
            self.request(&mut spares[slot], slot, kind);
        }
        drop(spares);
        match spare {
            Some(Spare::Ready(lane)) => Ok(lane),
            Some(Spare::Coming) | None => make(&self.launcher, self.schedulings[slot], kind),
        }
    }

    /// Requests a spare for an image, unless there is one.
    pub(crate) fn make_spare_for(&self, slot: usize, image: LaneImage) {
        let kind = LaneKind::Image(image);
        // Lanes are retired after the lock is released, because retiring a lane may wait for the launcher.
        let mut retired = Vec::new();
        let mut spares = self.shared.lock();
        let spares = &mut spares[slot];
        if spares.iter().any(|(known, _)| *known == kind) {
            return;
        }
        let of_images = |(kind, _): &(LaneKind, Spare)| matches!(kind, LaneKind::Image(_));
        while spares.iter().filter(|spare| of_images(spare)).count() >= IMAGE_SPARES_MAX {
            match spares.iter().position(|spare| of_images(spare) && matches!(spare.1, Spare::Ready(_))) {
                Some(oldest) => retired.push(spares.remove(oldest)),
                None => return,
            }
        }
        self.request(spares, slot, &kind);
    }

    fn request(&self, spares: &mut Vec<(LaneKind, Spare)>, slot: usize, kind: &LaneKind) {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.as_ref().is_some_and(|wanted| wanted.send((slot, kind.clone())).is_ok()) {
            spares.push((kind.clone(), Spare::Coming));
        }
    }

    /// The features of this machine.
    pub(crate) fn features(&self) -> &Features {
        self.launcher.features()
    }

    /// A lane that is not pinned to a processor, for a service.
    pub(crate) fn make_unpinned(&self) -> Result<Lane, RunError> {
        make(&self.launcher, Scheduling::default(), &LaneKind::default())
    }
}

impl Drop for LanePool {
    fn drop(&mut self) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<(LaneKind, Spare)>>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(launcher: &Arc<LauncherClient>, scheduling: Scheduling, kind: &LaneKind) -> Result<Lane, RunError> {
    let (number, socket) = launcher.make_lane(scheduling, kind)?;
    Ok(Lane { socket, number, runs: 0, settling: false, launcher: launcher.clone() })
}

fn make_spares(
    launcher: &Arc<LauncherClient>,
    shared: &Shared,
    schedulings: &[Scheduling],
    requests: &Receiver<Wanted>,
) {
    while let Ok((slot, kind)) = requests.recv() {
        let made = make(launcher, schedulings[slot], &kind);
        let mut spares = shared.lock();
        if let Some(at) = spares[slot].iter().position(|(known, _)| *known == kind) {
            match made {
                Ok(lane) => spares[slot][at].1 = Spare::Ready(lane),
                // The error is dropped: the slot then creates the lane itself, and gets the error of that attempt.
                Err(_) => drop(spares[slot].remove(at)),
            }
        }
        shared.made.notify_all();
    }
}
