//! The port to where things lie that are too large for the store and that every node has to reach: packages, what compilers left,
//! and large sources, inputs and outputs.
//!
//! A blob is whole or not there, and never changes: its key says what it is. The blob store is not trusted with what it gives:
//! who gets something holds it against a hash of their own before it is used.

use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;
use std::time::Duration;

use cupel_types::ContentHash;
use uuid::Uuid;

/// Blobs, wherever they are.
///
/// All calls block, for as long as a network and a large file take: ask on a thread where that does no harm.
pub trait Blobs: Send + Sync {
    /// Keeps everything that `source` gives, a piece at a time. Nobody sees any of it before all of it is durable, and nobody ever
    /// does when it breaks off. A blob that is there already stays or is replaced, whole in either case.
    ///
    /// # Errors
    /// [`BlobsError::Source`] when `source` fails, [`BlobsError::Store`] when the blob store does.
    fn put(&self, key: &BlobKey, source: &mut dyn Read) -> Result<(), BlobsError>;

    /// Writes a blob to `into`, a piece at a time: how many bytes it has. Part of it may have been written when this fails.
    ///
    /// # Errors
    /// [`BlobsError::Missing`], [`BlobsError::TooLarge`] where it has more than `bytes_max`, [`BlobsError::Target`] when `into`
    /// fails, [`BlobsError::Store`] when the blob store does.
    fn get(&self, key: &BlobKey, into: &mut dyn Write, bytes_max: u64) -> Result<u64, BlobsError>;

    /// Whether there is such a blob.
    ///
    /// # Errors
    /// When the blob store does not say.
    fn has(&self, key: &BlobKey) -> Result<bool, BlobsError>;

    /// Removes a blob, if it is there.
    ///
    /// # Errors
    /// When the blob store does not do so.
    fn remove(&self, key: &BlobKey) -> Result<(), BlobsError>;

    /// All blobs of a kind, in no order. What has a name that Cupel does not give is passed over.
    ///
    /// # Errors
    /// When the blob store does not say.
    fn list(&self, kind: BlobKind) -> Result<Vec<BlobInfo>, BlobsError>;
}

/// What a blob is, and so where it lies. As text it is safe for a path and for a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobKey {
    /// A copy of a package.
    Package {
        /// The package's hash, which is not that of the blob's bytes.
        hash: ContentHash,
        /// Every import makes a copy of its own: see `problems/packages.rs`.
        copy: Uuid,
    },
    /// What a compilation left.
    Artifacts(ContentHash),
    /// Sources and inputs of a submission, or outputs of a run, by the hash of its bytes.
    Data(ContentHash),
}

/// Which blobs are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobKind {
    /// All packages.
    Packages,
    /// The copies of one package.
    CopiesOf(ContentHash),
    /// All that compilations left.
    Artifacts,
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
            _ => false,
        }
    }
}

/// What all keys of the kind begin with: a directory, without a slash at its end.
impl fmt::Display for BlobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobKind::Packages => f.write_str("packages"),
            BlobKind::CopiesOf(hash) => write!(f, "packages/{hash}"),
            BlobKind::Artifacts => f.write_str("artifacts"),
            BlobKind::Data => f.write_str("data"),
        }
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobKey::Package { hash, copy } => write!(f, "packages/{hash}/{copy}"),
            // There may be very many: by their first digits, as directories like it.
            BlobKey::Artifacts(hash) => write!(f, "artifacts/{:02x}/{hash}", hash.as_bytes()[0]),
            BlobKey::Data(hash) => write!(f, "data/{:02x}/{hash}", hash.as_bytes()[0]),
        }
    }
}

/// The text is no key of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key of a blob")]
pub struct NoBlobKey;

impl FromStr for BlobKey {
    type Err = NoBlobKey;

    /// Takes what [`Display`](fmt::Display) writes, and nothing else.
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
    /// Which.
    pub key: BlobKey,
    /// Its length in bytes.
    pub bytes: u64,
    /// How long ago it was put, by one clock for all blobs of the store.
    pub age: Duration,
}

/// A blob cannot be put, got, listed or removed.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// There is none.
    #[error("the blob store has no {0}")]
    Missing(BlobKey),
    /// It has more bytes than are wanted.
    #[error("{key} has more than {bytes_max} bytes")]
    TooLarge {
        /// Which.
        key: BlobKey,
        /// What was wanted at most.
        bytes_max: u64,
    },
    /// The blob store failed, or cannot be reached.
    #[error("the blob store cannot {action} {what}")]
    Store {
        /// What was being done, such as `put`.
        action: &'static str,
        /// With what.
        what: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was to be put cannot be read.
    #[error("cannot read what is to be kept")]
    Source(#[source] std::io::Error),
    /// What was got cannot be written.
    #[error("cannot write what was got from the blob store")]
    Target(#[source] std::io::Error),
}

/// Removes the blobs of a kind that were put longer ago than `age`: how many.
///
/// # Errors
/// When the blob store cannot list or remove them; some may have gone then.
pub fn remove_older(blobs: &dyn Blobs, kind: BlobKind, age: Duration) -> Result<u64, BlobsError> {
    let mut removed = 0;
    for blob in blobs.list(kind)? {
        if blob.age > age {
            blobs.remove(&blob.key)?;
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_its_text_and_nothing_else_does() {
        let hash = ContentHash::from_bytes(std::array::from_fn(|i| (i * 7) as u8));
        let keys = [BlobKey::Package { hash, copy: Uuid::from_u128(7) }, BlobKey::Artifacts(hash), BlobKey::Data(hash)];
        for key in keys {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for kind in [BlobKind::Packages, BlobKind::CopiesOf(hash), BlobKind::Artifacts, BlobKind::Data] {
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
