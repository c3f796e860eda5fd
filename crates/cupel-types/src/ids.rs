//! One type per kind of id, so that a run id cannot be passed as a user id.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::ImageName;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an existing id (core generates them, as UUIDv7).
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The underlying UUID.
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
    /// A user.
    UserId;
    /// A submission.
    SubmissionId;
    /// A problem. The id stays the same when the problem's name or version changes.
    ProblemId;
    /// A contest. The id stays the same when the contest's name changes.
    ContestId;
    /// A clarification request in a contest.
    ClarificationId;
    /// One judging of one submission; a rejudge creates a new run.
    RunId;
    /// The fencing token of one attempt at one run.
    LeaseId;
    /// A worker process.
    WorkerId;
    /// A process that uses a store, in any role.
    NodeId;
    /// An API key (the public part; the secret is stored only as a hash).
    ApiKeyId;
    /// A refresh token family: one login on one device.
    SessionId;
    /// A code that people register with.
    JoinCodeId;
    /// A single-use ticket that opens an event stream.
    TicketId;
    /// One webhook delivery in the outbox.
    WebhookId;
}

impl UserId {
    /// Owner of objects that belong to no user, such as the programs of problems.
    pub const NOBODY: UserId = UserId(Uuid::nil());

    /// Number of the last bytes of a guest's id that have the number of its share.
    const SHARE_BYTES: usize = 4;

    /// The id of a guest: `new` with the number of a share of the queue. The guests with this number have one share of
    /// the queue and of the slots together. The id has version 8 of RFC 9562, which leaves its content to us.
    pub fn of_guest(new: Uuid, share: u32) -> UserId {
        let mut bytes = new.into_bytes();
        bytes[16 - UserId::SHARE_BYTES..].copy_from_slice(&share.to_be_bytes());
        UserId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Whether this is the id of a guest.
    pub fn is_guest(self) -> bool {
        self.0.get_version_num() == 8
    }

    /// Whose share of the queue and of the slots this user's runs take: the user's own or, for a guest, that of all
    /// guests with the same number.
    #[must_use]
    pub fn share(self) -> UserId {
        if !self.is_guest() {
            return self;
        }
        let mut bytes = [0; 16];
        let number = 16 - UserId::SHARE_BYTES..;
        bytes[number.clone()].copy_from_slice(&self.0.as_bytes()[number]);
        UserId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// Stable id of a language: the stem of its file in `languages/`, such as `python` or `cpp`. A language whose toolchain
/// is in a container image that a request names has the id of the language, `@`, and the image's name:
/// `python@course/ml:2`.
///
/// The part before `@` is 1 to 32 of the characters `a-z`, `0-9`, `-`, `_`, `+`, `.`; the first is a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageId(Arc<str>);

/// Error for a text that is not a valid [`LanguageId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a language id is 1 to 32 characters from a-z 0-9 - _ + . and starts with a letter or digit")]
pub struct LanguageIdError;

impl LanguageId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of this language in a container image.
    #[must_use]
    pub fn in_image(&self, image: &ImageName) -> LanguageId {
        LanguageId(format!("{}@{image}", self.without_image()).into())
    }

    /// The part before the image, or the whole id.
    pub fn without_image(&self) -> &str {
        self.0.split_once('@').map_or(&self.0, |(language, _)| language)
    }

    /// The image, if the id names one.
    pub fn image(&self) -> Option<ImageName> {
        self.0.split_once('@').and_then(|(_, image)| image.parse().ok())
    }
}

impl FromStr for LanguageId {
    type Err = LanguageIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (language, image) = text.split_once('@').map_or((text, None), |(language, image)| (language, Some(image)));
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_+.".contains(&c);
        let starts_well = language.bytes().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let is_complete = |image: &str| image.parse::<ImageName>().is_ok_and(|name| name.as_str() == image);
        if starts_well && language.len() <= 32 && language.bytes().all(allowed) && image.is_none_or(is_complete) {
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
    fn guests_with_one_number_have_one_share_and_other_users_their_own() {
        let id = |n: u128| Uuid::from_u128(0x0199_a4e2_c5d0_7f3e_8a51_0000_0000_0000 + n);
        let [one, two] = [id(1 << 40), id(2 << 40)].map(|new| UserId::of_guest(new, 7));
        assert_ne!(one, two);
        assert_eq!(one.share(), two.share());
        assert_eq!(one.share().share(), one.share());
        assert_ne!(one.share(), UserId::of_guest(id(1 << 40), 8).share());
        let user = UserId::from_uuid(id(1 << 40));
        assert_eq!((user.share(), user.is_guest(), one.is_guest()), (user, false, true));
    }

    #[test]
    fn language_ids_are_plain_names() {
        for good in ["python", "c", "cpp", "c++17", "f90", "0x"] {
            assert_eq!(good.parse::<LanguageId>().unwrap().as_str(), good);
        }
        for bad in
            ["", "Python", "-x", ".", "../etc", "a/b", "a b", "é", &"x".repeat(33), "a@", "a@b", "@b:1", "a@../b:1"]
        {
            assert!(bad.parse::<LanguageId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_language_id_may_name_an_image() {
        let python: LanguageId = "python".parse().unwrap();
        let image: ImageName = "course/ml:2".parse().unwrap();
        let id = python.in_image(&image);
        assert_eq!((id.as_str(), id.without_image(), id.image()), ("python@course/ml:2", "python", Some(image)));
        assert_eq!(id.as_str().parse(), Ok(id));
        assert_eq!((python.without_image(), python.image()), ("python", None));
    }
}
