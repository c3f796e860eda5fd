//! Access rules: which users may see and change a problem.
//!
//! *Invariant:* a use case that is only for some users takes a value that only the check of its rule creates:
//! [`SeenProblem`](super::SeenProblem), [`Attempted`](super::Attempted), [`ProblemToChange`], [`VersionToSolve`],
//! [`VersionToVerify`] or [`VisibleSubmissions`]. Its fields are private, so no caller can omit the check.

use std::ops::Deref;

use cupel_problem::Visibility;
use cupel_types::ProblemVersion;

use super::{ProblemRecord, SubmissionFilter};
use crate::disclosure::Disclosure;
use crate::{AuthenticatedUser, Principal};

/// A problem that a user may change; see [`Core::to_change`](crate::Core::to_change).
#[derive(Clone, Debug)]
pub struct ProblemToChange {
    pub(super) problem: ProblemRecord,
    /// The user who may change it.
    pub(super) by: AuthenticatedUser,
}

impl ProblemToChange {
    /// How much of the results of the problem's submissions the user may see.
    pub fn disclosure(&self) -> Disclosure {
        Disclosure::AUTHORS
    }
}

impl Deref for ProblemToChange {
    type Target = ProblemRecord;

    fn deref(&self) -> &ProblemRecord {
        &self.problem
    }
}

/// A version of a problem whose solutions are accepted from a user who may see the problem; see
/// [`SeenProblem::to_solve`](super::SeenProblem::to_solve).
#[derive(Clone, Copy, Debug)]
pub struct VersionToSolve(pub(super) ProblemVersion);

impl VersionToSolve {
    pub(crate) fn get(self) -> ProblemVersion {
        self.0
    }
}

/// A version of a problem whose verification is accepted from a user who may change the problem; see
/// [`Core::to_verify`](crate::Core::to_verify).
#[derive(Clone, Copy, Debug)]
pub struct VersionToVerify(pub(super) ProblemVersion);

impl VersionToVerify {
    pub(crate) fn get(self) -> ProblemVersion {
        self.0
    }
}

/// Submissions to a problem that a user may list; see [`SeenProblem::submissions`](super::SeenProblem::submissions).
#[derive(Clone, Debug)]
pub struct VisibleSubmissions(pub(super) SubmissionFilter);

impl VisibleSubmissions {
    /// Only authors may list the submissions of all users. A list of one user's submissions shows what this user may
    /// see.
    pub(super) fn disclosure(&self) -> Disclosure {
        Disclosure::of(self.0.owner.is_none())
    }
}

cupel_types::named! {
    /// Access of a user who is neither the problem's owner nor an administrator.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Part, as_str, from_name {
        /// May see the problem while it is private.
        Reader = "reader",
        /// May see and change the problem.
        Author = "author",
    }
}

impl Principal {
    /// Whether this principal, whose access to the problem is `part`, may see the problem outside contests. A contest
    /// also shows its private problems to its participants (`Core::problem`).
    pub fn may_see(&self, problem: &ProblemRecord, part: Option<Part>) -> bool {
        match problem.visibility {
            Visibility::Public => true,
            Visibility::Private => part.is_some() || self.may_change(problem, part),
            Visibility::Draft => self.may_change(problem, part),
        }
    }

    /// Whether this principal, whose access to the problem is `part`, may change the problem. Such a principal also sees
    /// all of its data and all submissions that count.
    pub fn may_change(&self, problem: &ProblemRecord, part: Option<Part>) -> bool {
        let owns = self.user().is_some() && problem.owner == self.user();
        self.is_admin() || (self.is_author() && (owns || part == Some(Part::Author)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Statistics;
    use super::*;
    use crate::AuthenticatedUser;
    use cupel_types::{ContentHash, ProblemId, UserId};
    use jiff::Timestamp;
    use uuid::Uuid;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn access_follows_from_visibility_and_part() {
        let somebody = Principal::User(AuthenticatedUser { is_author: true, ..AuthenticatedUser::of(user(1)) });
        let former = Principal::User(AuthenticatedUser::of(user(1)));
        let admin = Principal::User(AuthenticatedUser { is_admin: true, ..AuthenticatedUser::of(user(1)) });
        let stranger = (somebody, None, user(2));
        let (reader, author) = ((somebody, Some(Part::Reader), user(2)), (somebody, Some(Part::Author), user(2)));
        let owner = (somebody, None, user(1));
        use Visibility::{Draft, Private, Public};
        // Each row has the viewer, whether the viewer can see a draft, a private and a public problem, and whether the
        // viewer may change it.
        for ((principal, part, owner), sees, changes) in [
            ((Principal::Anonymous, None, user(2)), [false, false, true], false),
            (stranger, [false, false, true], false),
            (reader, [false, true, true], false),
            (author, [true, true, true], true),
            (owner, [true, true, true], true),
            // Users who are not authors, or not any more.
            ((former, None, user(1)), [false, false, true], false),
            ((former, Some(Part::Author), user(2)), [false, true, true], false),
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
                    lower_is_better: false,
                    statistics: Statistics::default(),
                    created_at: Timestamp::UNIX_EPOCH,
                    updated_at: Timestamp::UNIX_EPOCH,
                };
                assert_eq!(principal.may_see(&problem, part), sees, "{principal:?} {part:?} {visibility:?}");
                assert_eq!(principal.may_change(&problem, part), changes, "{principal:?} {part:?} {visibility:?}");
                let shipped = ProblemRecord { owner: None, ..problem };
                assert!(!Principal::Anonymous.may_change(&shipped, None), "anonymous clients own no problem");
            }
        }
    }
}
