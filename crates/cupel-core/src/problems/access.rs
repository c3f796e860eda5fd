//! Who may see a problem and who may change it.

use cupel_problem::Visibility;
use cupel_types::UserId;

use super::ProblemRecord;
use crate::Viewer;

cupel_types::named! {
    /// Access of a user who is neither the problem's owner nor an administrator.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Part, as_str, from_name {
        /// May see it while it is private.
        Reader = "reader",
        /// May see and change it.
        Author = "author",
    }
}

/// The viewer of a problem: a user or an anonymous client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seer {
    /// Not authenticated.
    Anonymous,
    /// A user.
    User(Viewer),
}

impl Seer {
    /// The user, unless the viewer is anonymous.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Seer::Anonymous => None,
            Seer::User(viewer) => Some(viewer.user),
        }
    }

    /// Whether this viewer may see and change everything.
    pub fn is_admin(&self) -> bool {
        matches!(self, Seer::User(Viewer { is_admin: true, .. }))
    }

    /// Whether the problem exists for this viewer, whose part in it is `part`.
    pub fn may_see(&self, problem: &ProblemRecord, part: Option<Part>) -> bool {
        match problem.visibility {
            Visibility::Public => true,
            Visibility::Private => part.is_some() || self.may_change(problem, part),
            Visibility::Draft => self.may_change(problem, part),
        }
    }

    /// Whether this viewer may change it.
    pub fn may_change(&self, problem: &ProblemRecord, part: Option<Part>) -> bool {
        let owns = self.user().is_some() && problem.owner == self.user();
        self.is_admin() || owns || part == Some(Part::Author)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Statistics;
    use super::*;
    use cupel_types::{ContentHash, ProblemId};
    use jiff::Timestamp;
    use uuid::Uuid;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn access_follows_from_visibility_and_part() {
        let somebody = Seer::User(Viewer { user: user(1), is_admin: false });
        let admin = Seer::User(Viewer { user: user(1), is_admin: true });
        let stranger = (somebody, None, user(2));
        let (reader, author) = ((somebody, Some(Part::Reader), user(2)), (somebody, Some(Part::Author), user(2)));
        let owner = (somebody, None, user(1));
        use Visibility::{Draft, Private, Public};
        // The viewer; whether they see a draft, private and public problem; and whether they may change it.
        for ((seer, part, owner), sees, changes) in [
            ((Seer::Anonymous, None, user(2)), [false, false, true], false),
            (stranger, [false, false, true], false),
            (reader, [false, true, true], false),
            (author, [true, true, true], true),
            (owner, [true, true, true], true),
            ((admin, None, user(2)), [true, true, true], true),
        ] {
            for (visibility, sees) in [Draft, Private, Public].into_iter().zip(sees) {
                let problem = ProblemRecord {
                    id: ProblemId::from_uuid(Uuid::nil()),
                    slug: "a".parse().unwrap(),
                    title: String::new(),
                    difficulty: None,
                    tags: Vec::new(),
                    owner: Some(owner),
                    visibility,
                    package: ContentHash::from_bytes([0; 32]),
                    version: 1,
                    is_verified: None,
                    time_limit: None,
                    limit_start: None,
                    statistics: Statistics::default(),
                    created_at: Timestamp::UNIX_EPOCH,
                    updated_at: Timestamp::UNIX_EPOCH,
                };
                assert_eq!(seer.may_see(&problem, part), sees, "{seer:?} {part:?} {visibility:?}");
                assert_eq!(seer.may_change(&problem, part), changes, "{seer:?} {part:?} {visibility:?}");
                let shipped = ProblemRecord { owner: None, ..problem };
                assert!(!Seer::Anonymous.may_change(&shipped, None), "what has no owner is not the anonymous'");
            }
        }
    }
}
