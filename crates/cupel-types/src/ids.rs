//! One type per kind of id, so that a run's id cannot be passed where a user's is meant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an id that was made elsewhere (the core makes them, as UUIDv7).
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare id.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    )*};
}

uuid_ids! {
    /// Somebody who may submit.
    UserId;
    /// What a user sent.
    SubmissionId;
    /// A problem, whatever its name and version.
    ProblemId;
    /// A contest, whatever its name.
    ContestId;
    /// A question about a contest.
    ClarificationId;
    /// One judging of one submission; a rejudge makes a new run.
    RunId;
    /// The fencing token of one attempt at one run.
    LeaseId;
    /// A worker process.
    WorkerId;
    /// A process that works on a store, whatever it does there.
    NodeId;
    /// An API key (its public part; the secret is only kept hashed).
    ApiKeyId;
    /// A refresh token's family: one login on one device.
    SessionId;
    /// A code with which people register.
    JoinCodeId;
    /// What opens one stream of events, once.
    TicketId;
    /// One webhook delivery in the outbox.
    WebhookId;
}

impl UserId {
    /// Nobody: whose things are no user's, such as the programs of problems.
    pub const NOBODY: UserId = UserId(Uuid::nil());
}

/// The stable name of a language: the stem of its file in `languages/`, such as `python` or `cpp`.
///
/// One to 32 characters out of `a-z`, `0-9`, `-`, `_`, `+`, `.`, the first a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageId(Arc<str>);

/// Why a text cannot be a [`LanguageId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a language id is 1 to 32 characters out of a-z 0-9 - _ + . and starts with a letter or digit")]
pub struct LanguageIdError;

impl LanguageId {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LanguageId {
    type Err = LanguageIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_+.".contains(&c);
        let starts_well = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if starts_well && text.len() <= 32 && text.bytes().all(allowed) {
            Ok(LanguageId(text.into()))
        } else {
            Err(LanguageIdError)
        }
    }
}

impl fmt::Display for LanguageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_ids_are_plain_names() {
        for good in ["python", "c", "cpp", "c++17", "f90", "0x"] {
            assert_eq!(good.parse::<LanguageId>().unwrap().as_str(), good);
        }
        for bad in ["", "Python", "-x", ".", "../etc", "a/b", "a b", "é", &"x".repeat(33)] {
            assert!(bad.parse::<LanguageId>().is_err(), "{bad:?}");
        }
    }
}
