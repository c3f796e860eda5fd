//! The port for data that is too large for the store and that every node must reach: packages, compiled artefacts, and
//! large sources, inputs and outputs.
//!
//! A blob is either complete or absent, and never changes: its key identifies its content. The blob store is not
//! trusted: each reader verifies the bytes against a hash that it already has.

use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;
use std::time::Duration;

use cupel_types::ContentHash;
use uuid::Uuid;

/// Blob storage.
///
/// All calls block until the transfer is complete, so call them on a thread that may block.
pub trait Blobs: Send + Sync {
    /// Stores everything that `source` yields, in chunks. The blob becomes visible only when all of it is durable;
    /// after a failed transfer it does not exist. An existing blob is kept or replaced; in both cases it is complete.
    fn put(&self, key: &BlobKey, source: &mut dyn Read) -> Result<(), BlobsError>;

    /// Writes a blob to `into`, in chunks, and returns its length in bytes. If the call fails, part of the blob may
    /// have been written.
    ///
    /// # Errors
    /// [`BlobsError::Missing`], [`BlobsError::TooLarge`] if the blob has more than `bytes_max` bytes,
    /// [`BlobsError::Target`] if `into` fails, [`BlobsError::Store`] if the blob store fails.
    fn get(&self, key: &BlobKey, into: &mut dyn Write, bytes_max: u64) -> Result<u64, BlobsError>;

    /// Whether the blob exists.
    ///
    /// # Errors
    /// If the blob store cannot answer.
    fn has(&self, key: &BlobKey) -> Result<bool, BlobsError>;

    /// Removes a blob, if it exists.
    ///
    /// # Errors
    /// If the blob store fails.
    fn remove(&self, key: &BlobKey) -> Result<(), BlobsError>;

    /// All blobs of a kind, in no particular order. Names that Cupel does not produce are skipped.
    ///
    /// # Errors
    /// If the blob store cannot answer.
    fn list(&self, kind: BlobKind) -> Result<Vec<BlobInfo>, BlobsError>;
}

/// Key of a blob: its kind and identity, which determine its location. Its text form is safe in a path and in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobKey {
    /// A copy of a package.
    Package {
        /// The package's hash, which differs from the hash of the blob's bytes.
        hash: ContentHash,
        /// Id of the copy. Every import makes its own copy: see `problems/packages.rs`.
        copy: Uuid,
    },
    /// Artefacts of a compilation.
    Artifacts(ContentHash),
    /// Sources and inputs of a submission, or outputs of a run, identified by the hash of the bytes.
    Data(ContentHash),
}

/// Which blobs to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobKind {
    /// All packages.
    Packages,
    /// The copies of one package.
    CopiesOf(ContentHash),
    /// Artefacts of all compilations.
    Artifacts,
    /// Artefacts whose hash begins with this byte: one of 256 parts of all artefacts, of about the same size.
    ArtifactsUnder(u8),
    /// All data of submissions and runs.
    Data,
}

impl BlobKind {
    /// Whether a blob is of this kind.
    pub fn has(&self, key: &BlobKey) -> bool {
        match (self, key) {
            (BlobKind::Packages, BlobKey::Package { .. })
            | (BlobKind::Artifacts, BlobKey::Artifacts(_))
            | (BlobKind::Data, BlobKey::Data(_)) => true,
            (BlobKind::CopiesOf(wanted), BlobKey::Package { hash, .. }) => wanted == hash,
            (BlobKind::ArtifactsUnder(byte), BlobKey::Artifacts(hash)) => *byte == hash.as_bytes()[0],
            _ => false,
        }
    }
}

/// The common prefix of all keys of the kind: a directory, without a trailing slash.
impl fmt::Display for BlobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobKind::Packages => f.write_str("packages"),
            BlobKind::CopiesOf(hash) => write!(f, "packages/{hash}"),
            BlobKind::Artifacts => f.write_str("artifacts"),
            BlobKind::ArtifactsUnder(byte) => write!(f, "artifacts/{byte:02x}"),
            BlobKind::Data => f.write_str("data"),
        }
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobKey::Package { hash, copy } => write!(f, "packages/{hash}/{copy}"),
            // There may be very many artefacts and data, so they are split into directories by the first byte of the
            // hash.
            BlobKey::Artifacts(hash) => write!(f, "artifacts/{:02x}/{hash}", hash.as_bytes()[0]),
            BlobKey::Data(hash) => write!(f, "data/{:02x}/{hash}", hash.as_bytes()[0]),
        }
    }
}

/// The text is not a blob key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a blob key")]
pub struct NoBlobKey;

impl FromStr for BlobKey {
    type Err = NoBlobKey;

    /// Accepts exactly what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<BlobKey, NoBlobKey> {
        let parts: Vec<&str> = text.split('/').collect();
        let key = match parts[..] {
            ["packages", hash, copy] => {
                let (hash, copy) = (hash.parse().map_err(|_| NoBlobKey)?, copy.parse().map_err(|_| NoBlobKey)?);
                BlobKey::Package { hash, copy }
            }
            ["artifacts", _, hash] => BlobKey::Artifacts(hash.parse().map_err(|_| NoBlobKey)?),
            ["data", _, hash] => BlobKey::Data(hash.parse().map_err(|_| NoBlobKey)?),
            _ => return Err(NoBlobKey),
        };
        if key.to_string() == text { Ok(key) } else { Err(NoBlobKey) }
    }
}

/// A blob in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// The key.
    pub key: BlobKey,
    /// The length in bytes.
    pub bytes: u64,
    /// Time since the blob was stored. The ages of all blobs in a store are measured with the same clock.
    pub age: Duration,
}

/// A blob cannot be stored, read, listed or removed.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// The blob does not exist.
    #[error("the blob store has no {0}")]
    Missing(BlobKey),
    /// The blob has more bytes than allowed.
    #[error("{key} has more than {bytes_max} bytes")]
    TooLarge {
        /// The key.
        key: BlobKey,
        /// The maximum.
        bytes_max: u64,
    },
    /// The blob store failed or is unreachable.
    #[error("the blob store cannot {action} {what}")]
    Store {
        /// The failed action, such as `put`.
        action: &'static str,
        /// The object of the action.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The data to be stored cannot be read.
    #[error("cannot read the data to store")]
    Source(#[source] std::io::Error),
    /// The fetched data cannot be written.
    #[error("cannot write the data from the blob store")]
    Target(#[source] std::io::Error),
}

/// Removes the blobs of a kind that are older than `age`, until `stopped` returns `true`; returns their number. Blocks,
/// and holds the whole list in memory, so a kind with very many blobs is cleaned up in parts.
///
/// # Errors
/// If the blob store cannot list or remove the blobs; some may have been removed already.
pub fn remove_older(
    blobs: &dyn Blobs,
    kind: BlobKind,
    age: Duration,
    stopped: &dyn Fn() -> bool,
) -> Result<u64, BlobsError> {
    let mut removed = 0;
    let listed = blobs.list(kind)?;
    for blob in listed.iter().filter(|blob| blob.age > age) {
        if stopped() {
            break;
        }
        blobs.remove(&blob.key)?;
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_of_a_key_parses_as_a_key() {
        let hash = ContentHash::from_bytes(std::array::from_fn(|i| (i * 7) as u8));
        let keys = [BlobKey::Package { hash, copy: Uuid::from_u128(7) }, BlobKey::Artifacts(hash), BlobKey::Data(hash)];
        for key in keys {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        let other = ContentHash::from_bytes([1; 32]);
        for kind in [
            BlobKind::Packages,
            BlobKind::CopiesOf(hash),
            BlobKind::CopiesOf(other),
            BlobKind::Artifacts,
            BlobKind::ArtifactsUnder(0),
            BlobKind::ArtifactsUnder(0xa0),
            BlobKind::Data,
        ] {
            for key in keys {
                assert_eq!(kind.has(&key), key.to_string().starts_with(&format!("{kind}/")), "{kind} {key}");
            }
        }
        let (package, artifacts) = (keys[0].to_string(), keys[1].to_string());
        for bad in [
            "",
            "packages",
            &package.to_uppercase(),
            &package.replace('-', ""),
            &format!("{package}/x"),
            &format!("/{package}"),
            &artifacts.replacen("/00/", "/01/", 1),
            "packages/../../x",
        ] {
            assert_eq!(bad.parse::<BlobKey>(), Err(NoBlobKey), "{bad:?}");
        }
    }
}
