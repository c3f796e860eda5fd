//! Artefact cache: the results of compilations. The key of a result covers all inputs of the compilation.

use std::sync::Arc;

use cupel_languages::Language;
use cupel_types::{BoxFiles, Bytes, Instructions, Limits, UserId};
use sha2::{Digest, Sha256};

/// SHA-256 over owner, language id, toolchain version, further compilers, libraries, commands, environment, artefact
/// patterns, limits and all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactKey(pub [u8; 32]);

/// A cache of artefacts. It may drop an artefact at any time.
pub trait ArtifactCache: Send + Sync {
    /// Returns the files of an earlier successful compilation with this key, and its compiler output.
    fn get(&self, key: &ArtifactKey) -> Option<(BoxFiles, Arc<[u8]>)>;
    /// Stores the result of a successful compilation.
    fn put(&self, key: ArtifactKey, files: &BoxFiles, compiler_output: &Arc<[u8]>);
}

/// A cache that stores nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl ArtifactCache for NoCache {
    fn get(&self, _: &ArtifactKey) -> Option<(BoxFiles, Arc<[u8]>)> {
        None
    }

    fn put(&self, _: ArtifactKey, _: &BoxFiles, _: &Arc<[u8]>) {}
}

impl ArtifactKey {
    /// Returns the key of a compilation for `owner`. The owner is part of the key, so a cache hit reveals only that the
    /// same owner submitted the source before, never that another user did. `commands` are the compile commands with
    /// all placeholders replaced.
    pub fn of(owner: UserId, language: &Language, commands: &[Vec<String>], files: &BoxFiles) -> ArtifactKey {
        let mut hash = Hash(Sha256::new());
        // The first field names the version of the key: increment it whenever the hashed fields change, so that all
        // keys change.
        hash.text("cupel artefacts 3");
        hash.bytes(owner.as_uuid().as_bytes());
        hash.text(language.id.as_str());
        hash.text(language.installed_version().unwrap_or_default());
        hash.number(language.compile_programs.len() as u64);
        language.compile_programs.iter().for_each(|program| hash.text(program));
        // The versions are not known to a command that runs one program. It shares no cache with a server.
        hash.number(language.libraries.len() as u64);
        for library in &language.libraries {
            hash.text(&library.name);
            hash.text(library.version.as_deref().unwrap_or_default());
        }
        hash.number(commands.len() as u64);
        for command in commands {
            hash.number(command.len() as u64);
            command.iter().for_each(|argument| hash.text(argument));
        }
        let env = language.environment(&[]);
        hash.number(env.len() as u64);
        for (name, value) in &env {
            hash.text(name);
            hash.text(value);
        }
        hash.number(language.artifacts.len() as u64);
        language.artifacts.iter().for_each(|glob| hash.text(glob));
        hash.limits(&language.compile_limits);
        hash.number(files.len() as u64);
        for file in files {
            hash.text(file.path.as_str());
            hash.number(u64::from(file.executable));
            hash.bytes(&file.data);
        }
        ArtifactKey(hash.0.finalize().into())
    }

    /// Returns the key as 64 hexadecimal digits, a safe file name.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Hash over length-prefixed fields. The prefixes ensure that different lists of fields never produce the same hash
/// input.
struct Hash(Sha256);

impl Hash {
    fn number(&mut self, n: u64) {
        self.0.update(n.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn limits(&mut self, limits: &Limits) {
        // All fields are listed, so that a new limit causes a compile error here until the key includes it.
        let Limits {
            cpu_time,
            wall_time,
            idle_time,
            instructions,
            memory,
            address_space,
            processes,
            open_files,
            file_size,
            disk,
            inodes,
            output,
            stack,
        } = limits;
        for time in [cpu_time, wall_time, idle_time] {
            self.number(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
        for size in [memory, file_size, disk, output, stack] {
            self.number(size.get());
        }
        // These limits can never be zero, so zero represents an absent limit.
        let instructions = instructions.map_or(0, Instructions::get);
        let address_space = address_space.map_or(0, Bytes::get);
        for count in [u64::from(*processes), u64::from(*open_files), *inodes, instructions, address_space] {
            self.number(count);
        }
    }
}
