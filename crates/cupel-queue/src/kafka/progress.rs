//! Progress in the partitions that the group has assigned to this node: the offsets received and settled, and the
//! offsets that may therefore be committed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cupel_types::PriorityClass;

use crate::broker::{Delivery, Settled, Tag};
use crate::shares::{PerClass, index};

/// Packs a message's partition, its number of passes and its offset into a tag.
pub(super) fn tag(partition: i32, offset: u64, passes: u32) -> Tag {
    Tag(u64::from(passes) << 32 | u64::from(partition as u32), offset)
}

pub(super) fn partition(tag: Tag) -> i32 {
    tag.0 as u32 as i32
}

pub(super) fn passes(tag: Tag) -> u32 {
    (tag.0 >> 32) as u32
}

/// The index of a class and the number of a partition of its topic.
pub(super) type PartitionKey = (usize, i32);

/// Progress of each partition that is assigned to this node.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<BTreeMap<PartitionKey, Partition>>);

#[derive(Debug, Default)]
struct Partition {
    /// Received offsets that are not settled, each with the time when its hint was handed out, if it was.
    open: BTreeMap<u64, Option<Instant>>,
    /// One more than the highest offset received.
    end: u64,
    /// The offset that [`Progress::moved_on`] returned last.
    committed: u64,
}

impl Progress {
    pub(super) fn assigned(&self, places: Vec<PartitionKey>) {
        let mut partitions = self.partitions();
        for place in places {
            partitions.entry(place).or_default();
        }
    }

    pub(super) fn revoked(&self, places: &[PartitionKey]) {
        self.partitions().retain(|place, _| !places.contains(place));
    }

    pub(super) fn took(&self, class: PriorityClass, tag: Tag) {
        if let Some(partition) = self.partitions().get_mut(&(index(class), partition(tag))) {
            partition.open.insert(tag.1, None);
            partition.end = partition.end.max(tag.1 + 1);
        }
    }

    /// Records when takers received the deliveries; `None` if they were returned.
    pub(super) fn give_out(&self, deliveries: &[Delivery], since: Option<Instant>) {
        let mut partitions = self.partitions();
        for Delivery { hint, tag } in deliveries {
            let partition = partitions.get_mut(&(index(hint.class), partition(*tag)));
            if let Some(given) = partition.and_then(|partition| partition.open.get_mut(&tag.1)) {
                *given = since;
            }
        }
    }

    pub(super) fn settle(&self, settled: &[Settled]) {
        let mut partitions = self.partitions();
        for Settled { class, tag } in settled {
            // A revoked partition belongs to another node now.
            if let Some(partition) = partitions.get_mut(&(index(*class), partition(*tag))) {
                partition.open.remove(&tag.1);
            }
        }
    }

    /// Treats hints as settled that were handed out longer than `after` ago.
    pub(super) fn give_up(&self, after: Duration) {
        for partition in self.partitions().values_mut() {
            partition.open.retain(|_, given| given.is_none_or(|since| since.elapsed() < after));
        }
    }

    /// New position of each partition that has advanced since the last call: its lowest unsettled offset.
    pub(super) fn moved_on(&self) -> Vec<(usize, i32, i64)> {
        let mut moved = Vec::new();
        for ((class, number), partition) in &mut *self.partitions() {
            let position = partition.open.keys().next().copied().unwrap_or(partition.end);
            if position > partition.committed {
                partition.committed = position;
                moved.push((*class, *number, position as i64));
            }
        }
        moved
    }

    /// The partitions of each class that are not assigned to this node.
    pub(super) fn elsewhere(&self, counts: PerClass<i32>) -> PerClass<Vec<i32>> {
        let partitions = self.partitions();
        std::array::from_fn(|class| {
            (0..counts[class]).filter(|number| !partitions.contains_key(&(class, *number))).collect()
        })
    }

    fn partitions(&self) -> MutexGuard<'_, BTreeMap<PartitionKey, Partition>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use cupel_core::RunHint;
    use cupel_types::{RunId, UserId};
    use uuid::Uuid;

    use super::*;

    const CLASS: PriorityClass = PriorityClass::Submission;

    fn hint(run: u128) -> RunHint {
        let id = Uuid::from_u128(run);
        RunHint { run: RunId::from_uuid(id), owner: UserId::from_uuid(id), class: CLASS }
    }

    #[test]
    fn a_tag_round_trips_partition_offset_and_passes() {
        let tag = tag(i32::MAX, u64::MAX, 7);
        assert_eq!((partition(tag), tag.1, passes(tag)), (i32::MAX, u64::MAX, 7));
    }

    fn settle(progress: &Progress, offset: u64) {
        progress.settle(&[Settled { class: CLASS, tag: Tag(7, offset) }]);
    }

    /// Creates a progress in which partition 7 has received these offsets.
    fn progress(offsets: &[u64]) -> Progress {
        let progress = Progress::default();
        progress.assigned(vec![(1, 7)]);
        for offset in offsets {
            progress.took(CLASS, Tag(7, *offset));
        }
        progress
    }

    #[test]
    fn the_committed_offset_is_the_lowest_offset_that_is_not_settled() {
        let progress = progress(&[10, 11, 13, 14]);
        settle(&progress, 11);
        assert_eq!(progress.moved_on(), [(1, 7, 10)], "offsets before the first one received were settled by others");
        settle(&progress, 13);
        assert_eq!(progress.moved_on(), [], "nothing new");
        settle(&progress, 10);
        assert_eq!(progress.moved_on(), [(1, 7, 14)], "12 does not exist");
        settle(&progress, 14);
        assert_eq!(progress.moved_on(), [(1, 7, 15)]);
        settle(&progress, 99);
        assert_eq!(progress.moved_on(), []);
    }

    #[test]
    fn partitions_of_other_nodes_are_not_committed_and_can_receive_passed_hints() {
        let progress = progress(&[3]);
        assert_eq!(progress.elsewhere([0, 8, 2]), [vec![], vec![0, 1, 2, 3, 4, 5, 6], vec![0, 1]]);
        progress.revoked(&[(1, 7)]);
        progress.took(CLASS, Tag(7, 4));
        settle(&progress, 3);
        assert_eq!(progress.moved_on(), []);
        assert_eq!(progress.elsewhere([0, 8, 0])[1].len(), 8);
    }

    #[test]
    fn a_hint_that_is_never_settled_does_not_block_its_partition_for_ever() {
        let progress = progress(&[0, 1]);
        let given = [Delivery { hint: hint(1), tag: Tag(7, 0) }];
        progress.give_out(&given, Some(Instant::now()));
        progress.give_out(&given, None);
        progress.give_up(Duration::ZERO);
        assert_eq!(progress.moved_on(), [], "the hint was returned");
        progress.give_out(&given, Some(Instant::now()));
        progress.give_up(Duration::from_secs(3600));
        assert_eq!(progress.moved_on(), []);
        progress.give_up(Duration::ZERO);
        assert_eq!(progress.moved_on(), [(1, 7, 1)], "the other hint was not handed out");
    }
}
