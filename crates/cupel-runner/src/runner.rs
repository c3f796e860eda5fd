//! The port to a runner.

use std::io;

use cupel_judge::{ExecuteError, Executor};
use cupel_languages::Language;
use cupel_types::Root;

/// A place where programs run, divided into slots. In each slot, one step of a run is executed at a time; a step may
/// consist of two programs that communicate. Other work may share the slot ([`Runner::is_shared`]).
pub trait Runner: Send + Sync {
    /// Creates the executor of a slot. May block while the slot is set up.
    ///
    /// # Errors
    /// No program can run in this slot. If the error is transient, a later call may succeed.
    fn executor(&self, slot: usize) -> Result<Box<dyn Executor>, ExecuteError>;

    /// A slot without running steps.
    fn idle_slot(&self) -> Option<usize>;

    /// Whether more than one step runs in a slot, for example a run during the preparation of an artefact.
    fn is_shared(&self, slot: usize) -> bool;

    /// Whether the runner has ended, so that this process can no longer run programs.
    fn has_ended(&self) -> bool;

    /// Returns a function that blocks until the runner has ended. The function does not keep the runner alive.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    fn end(&self) -> io::Result<Box<dyn FnOnce() + Send>>;

    /// Runs a command of an operator, such as a version command, with the files of an image. Returns its output.
    ///
    /// # Errors
    /// A message for the operator: the command failed, or this runner has no images.
    fn run_in_image(&self, root: &Root, argv: &[String], env: &[(String, String)]) -> Result<String, String> {
        let _ = (root, argv, env);
        Err("this runner has no images".to_owned())
    }

    /// Prepares for programs of a newly offered language, so that the first program starts sooner.
    fn offer(&self, language: &Language) {
        let _ = language;
    }

    /// Reason why the instructions of programs cannot be counted; `None` if they can.
    fn uncounted(&self) -> Option<String>;
}
