//! The ports: what core needs from the outside world, as small dyn-compatible traits in the domain's own types.
//!
//! The adapters of the ports in this folder are in `cupel-store`, `cupel-queue` and `cupel-events`. The suites in
//! `cupel-testkit` specify what every adapter must do, and run against each of them. Ports that belong to one subject
//! of the domain, such as problems, contests, the cluster, drafts or blobs, are in the files of that subject.

pub(crate) mod accounts;
pub(crate) mod events;
pub(crate) mod queue;
pub(crate) mod runs;
pub(crate) mod store;
pub(crate) mod store_error;
pub(crate) mod webhooks;
