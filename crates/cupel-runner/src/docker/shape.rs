//! The shape of a container: the properties that are fixed at its creation.

use cupel_types::{BoxFiles, Bytes, ContentHash, ImageRoot, Limits};

/// Memory of a container in addition to its program's: the agent, and pages of the image's files.
const OVERHEAD: u64 = 16 << 20;

/// The shape of a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) image: ContentHash,
    /// Memory in bytes.
    pub(super) memory: u64,
    /// Maximum number of processes, including the agent.
    pub(super) processes: u32,
    /// Size of the box in bytes.
    pub(super) disk: u64,
    /// Files and directories in the box.
    pub(super) inodes: u64,
}

// The agent does not depend on the crate of `ImageRoot`, so each has this bound.
const _: () = assert!(cupel_agent::LINKED_MAX == ImageRoot::LINKED_MAX);

impl Shape {
    /// The shape of a container for a step with these limits and files. `counted_files` is the part of the files that
    /// counts as the program's memory.
    pub(super) fn of(image: &ImageRoot, limits: &Limits, files: &[BoxFiles], counted_files: Bytes) -> Shape {
        // The other input files of a step do not count against its limits. Sizes are rounded up, so that steps
        // share containers.
        let rounded = |bytes: u64| Bytes::mib(1).get().max(bytes.next_power_of_two());
        let bytes: u64 = files.iter().map(BoxFiles::total_bytes).sum();
        let input_bytes = rounded(bytes);
        let number: usize = files.iter().map(|group| group.iter().count()).sum();
        let &Limits {
            memory,
            processes,
            // With its part of the memory, `Limits::disk_bytes`.
            disk: _,
            inodes,
            // The agent enforces these (`session.rs`). For this executor, a limit on instructions is refused.
            cpu_time: _,
            wall_time: _,
            idle_time: _,
            instructions: _,
            address_space: _,
            open_files: _,
            file_size: _,
            output: _,
            stack: _,
        } = limits;
        let links = if image.directory.is_some() { ImageRoot::LINKED_MAX as u64 } else { 0 };
        Shape {
            image: image.id,
            memory: memory.get() + rounded(bytes.saturating_sub(counted_files.get())) + OVERHEAD,
            processes: processes.saturating_add(1),
            disk: limits.disk_bytes().get() + input_bytes,
            // One inode for the root directory of the box and, for each file, one for the file and one for its
            // directory. A box with links to the image's working directory has space for all of them.
            inodes: inodes.saturating_add(1 + 2 * (number.next_power_of_two().max(8) as u64) + links),
        }
    }
}

#[cfg(test)]
mod tests {
    use cupel_types::{BoxFile, BoxPath, Held};

    use super::*;

    #[test]
    fn steps_with_files_of_similar_size_share_a_shape() {
        let id = ContentHash::from_bytes([1; 32]);
        let image = ImageRoot { id, search: Vec::new(), uid: 1000, directory: None, held: Held::default() };
        let limits = Limits::default();
        let of = |bytes: usize| {
            let path = BoxPath::new("a").unwrap();
            let file = BoxFile { path, data: vec![0; bytes].into(), executable: false };
            Shape::of(&image, &limits, &[BoxFiles::new(vec![file])], Bytes::ZERO)
        };
        assert_eq!(of(0), of(1 << 20));
        assert_ne!(of(0), of((1 << 20) + 1));
        assert_eq!(of(5 << 20), of(7 << 20));
        assert_eq!(of(0).memory, (256 + 1 + 16) << 20);
        assert_eq!(of(0).processes, 65);
    }
}
