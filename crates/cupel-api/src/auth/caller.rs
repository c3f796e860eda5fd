//! The extractor: `Caller<RunsWrite>` in a handler's signature is all that is needed to let in whoever
//! may do that, and nobody else.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use cupel_core::Viewer;
use cupel_core::accounts::{Accounts, Role, Scope};
use cupel_types::UserId;

use super::identity::{Identity, IdentityError, Via};
use crate::app::Shared;
use crate::edge::Notes;
use crate::limits::Ration;
use crate::problem::{Problem, ProblemKind};
use crate::state::TierRates;

/// What a handler needs of its caller.
pub(crate) trait Need: Send + Sync + 'static {
    /// The scope an API key must have. Access tokens have every scope of their user.
    const SCOPE: Scope;
    /// The role the user must have, whatever the scopes.
    const ADMIN: bool;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident: $scope:ident, admin: $admin:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Need for $name {
            const SCOPE: Scope = Scope::$scope;
            const ADMIN: bool = $admin;
        }
    )*};
}

needs! {
    /// Looks at submissions.
    RunsRead: RunsRead, admin: false;
    /// Submits and cancels.
    RunsWrite: RunsWrite, admin: false;
    /// Changes the account.
    Account: Account, admin: false;
    /// Administers.
    Admin: Admin, admin: true;
}

/// Somebody who may do what `N` says. Extracting one costs one of the user's reads.
pub(crate) struct Caller<N: Need> {
    pub(crate) user: UserId,
    pub(crate) viewer: Viewer,
    pub(crate) rates: TierRates,
    pub(crate) identity: Arc<Identity>,
    need: PhantomData<N>,
}

impl<N: Need> FromRequestParts<Shared> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Caller<N>, Problem> {
        let notes = parts.extensions.get::<Notes>().cloned();
        let identity = match identify(parts, app).await {
            Ok(identity) => identity,
            Err(Refusal::NoCredential(problem) | Refusal::Failed(problem)) => return Err(problem),
            Err(Refusal::BadCredential(problem)) => {
                if let Some(notes) = &notes {
                    app.limits.bad_token(notes.client().address)?;
                }
                return Err(problem);
            }
        };
        let user = identity.user.id;
        if let Some(notes) = &notes {
            notes.set_user(user);
        }
        let rates = app.rates(&identity.user.tier.0);
        let (note, paid) = app.limits.take(user, Ration::Reads, &rates, 1);
        if let Some(notes) = &notes {
            notes.set_rate(note);
        }
        paid?;
        has_scope(&identity, N::SCOPE)?;
        if N::ADMIN && identity.user.role != Role::Admin {
            return Err(Problem::new(ProblemKind::Forbidden, "This is for administrators."));
        }
        let viewer =
            Viewer { user, is_admin: identity.user.role == Role::Admin && has_scope(&identity, Scope::Admin).is_ok() };
        Ok(Caller { user, viewer, rates, identity, need: PhantomData })
    }
}

fn has_scope(identity: &Identity, scope: Scope) -> Result<(), Problem> {
    match &identity.via {
        Via::Session(_) => Ok(()),
        Via::Key { scopes, .. } if scopes.contains(&scope) => Ok(()),
        Via::Key { .. } => {
            let name = scope.as_str();
            let mut problem =
                Problem::new(ProblemKind::MissingScope, format!("The API key does not have the scope `{name}`."));
            if let Ok(value) =
                HeaderValue::try_from(format!("Bearer realm=\"cupel\", error=\"insufficient_scope\", scope=\"{name}\""))
            {
                problem = problem.with_header(header::WWW_AUTHENTICATE, value);
            }
            Err(problem)
        }
    }
}

enum Refusal {
    NoCredential(Problem),
    BadCredential(Problem),
    Failed(Problem),
}

async fn identify(parts: &Parts, app: &Shared) -> Result<Arc<Identity>, Refusal> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(Refusal::NoCredential(Problem::new(
            ProblemKind::Unauthorized,
            "Send `Authorization: Bearer` with an access token or an API key.",
        )));
    };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let Some((scheme, credential)) = text.and_then(|t| t.split_once(' ')) else {
        return Err(bad("The `Authorization` header is malformed."));
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(bad("Only the scheme `Bearer` is accepted."));
    }
    let credential = credential.trim();
    let identity = if Accounts::looks_like_key(credential) {
        app.identities.of_key(&app.accounts, credential).await
    } else {
        let named = app.tokens.read(credential, app.core.now()).map_err(bad)?;
        app.identities.of_token(&app.accounts, named).await
    };
    identity.map_err(|error| match error {
        IdentityError::Refused(why) => bad(why),
        IdentityError::Failed(problem) => Refusal::Failed(problem),
    })
}

/// Source of the challenge: RFC 6750, section 3.
fn bad(why: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    let challenge = HeaderValue::from_static("Bearer realm=\"cupel\", error=\"invalid_token\"");
    Refusal::BadCredential(
        Problem::new(ProblemKind::Unauthorized, why).with_header(header::WWW_AUTHENTICATE, challenge),
    )
}
