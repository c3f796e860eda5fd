//! Both output streams of an execution in the order in which the output arrived.

use std::time::Duration;

use cupel_core::event::{EventKind, Seq, Stream};
use cupel_core::{AuthenticatedUser, Core, Received};
use cupel_types::{StepReport, SubmissionId};

/// How long a request waits for the events of an ended run. They are stored together with the result.
const EVENTS_TIME_MAX: Duration = Duration::from_secs(5);

/// Standard output and standard error of the only execution of a run, from the run's events. If one of the streams is
/// empty, or the events lack some of the output, standard output comes first.
pub(super) async fn both_streams(
    core: &Core,
    viewer: &AuthenticatedUser,
    id: SubmissionId,
    step: &StepReport,
) -> Vec<u8> {
    let (stdout, stderr) = (&step.stdout.data, &step.stderr.data);
    let in_turn = || [&stdout[..], stderr].concat();
    if stdout.is_empty() || stderr.is_empty() {
        return in_turn();
    }
    let read = async {
        let mut log = core.watch(viewer, id, Seq::default()).await.ok()??;
        let (mut attempt, mut output, mut lengths) = (0, Vec::new(), [0, 0]);
        while let Some(Received::Event(event)) = log.next().await {
            if event.seq.attempt() > attempt {
                attempt = event.seq.attempt();
                output.clear();
                lengths = [0, 0];
            }
            if let EventKind::Output { stream, data, .. } = event.kind {
                lengths[usize::from(stream == Stream::Stderr)] += data.len();
                output.extend_from_slice(&data);
            }
        }
        (lengths == [stdout.len(), stderr.len()]).then_some(output)
    };
    tokio::time::timeout(EVENTS_TIME_MAX, read).await.ok().flatten().unwrap_or_else(in_turn)
}
