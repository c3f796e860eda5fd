//! Extractors that identify the caller. `Caller` admits only the callers that the dialect's access table allows.
//! `Visitor` is for operations that need no authentication but show more to some users.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use cupel_core::AuthenticatedUser;
use cupel_core::accounts::{Access, AccessEnded, Accounts, CredentialId, Role, Scope, TicketUse};
use cupel_core::{Principal, StoreError};
use cupel_types::UserId;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::app::Shared;
use crate::auth::{
    DISABLED, Identity, IdentityError, Presented, Via, Who, bearer, check_same_origin, is_page_of_another, user_of_page,
};
use crate::error::{ApiError, ErrorKind};
use crate::notes::Notes;
use crate::rate_limit::{Guess, RateClass};
use crate::state::TierRates;

/// For a guest who calls an operation that needs an account.
const NEEDS_ACCOUNT: &str = "This needs an account. Register or sign in.";

/// User whom the dialect's access table allows to call this operation. Extraction charges one read to the user; clients
/// that the dialect serves without a key have no rate.
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The user as a viewer of submissions.
    pub viewer: AuthenticatedUser,
    /// Rates of the user's tier.
    pub rates: TierRates,
    /// The account and the authentication method.
    pub identity: Arc<Identity>,
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Caller, ApiError> {
        let who = who_may(parts)?;
        let caller = authenticated_caller(parts, app).await?;
        if let Some(scope) = who.scope() {
            has_scope(&caller.identity, scope)?;
        }
        let role = caller.identity.user.role;
        if who.includes(role) {
            return Ok(caller);
        }
        Err(forbidden(who, role))
    }
}

impl Caller {
    /// The caller as a viewer of problems. A guest sees what clients without an account see.
    pub fn principal(&self) -> Principal {
        match self.identity.user.role {
            Role::Guest => Principal::Anonymous,
            Role::User | Role::Author | Role::Admin => Principal::User(self.viewer),
        }
    }

    /// The caller as the user of a connection that stays open.
    pub fn holder(&self) -> Holder {
        Holder {
            user: self.user,
            role: self.identity.user.role,
            viewer: self.viewer,
            rates: Arc::new(Mutex::new(self.rates)),
            credential: self.identity.via.credential(),
            may_read_runs: has_scope(&self.identity, Scope::RunsRead).is_ok(),
        }
    }

    /// Refuses an API key without this scope, for an operation that needs more than its entry in the access table.
    pub fn requires(&self, scope: Scope) -> Result<(), ApiError> {
        has_scope(&self.identity, scope)
    }
}

/// Client of an operation that needs no authentication; identified if it sends credentials. Extraction charges one read
/// to the user or to the address. The session cookie of an ended session counts as no credential, because a browser
/// keeps sending it. The answer to a page that still shows the user says so (`VISITOR_HEADER`).
pub struct Anybody(pub Option<Caller>);

impl FromRequestParts<Shared> for Anybody {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Anybody, ApiError> {
        if who_may(parts)? != Who::Everybody {
            return Err(not_in_table());
        }
        match presented(parts) {
            Presented::Missing(_) => {}
            Presented::Cookie(_) => match authenticated_caller(parts, app).await {
                Err(error) if error.kind() == ErrorKind::Unauthorized => {}
                identified => return identified.map(|caller| Anybody(Some(caller))),
            },
            Presented::Malformed(_) | Presented::Text(_) => {
                return Ok(Anybody(Some(authenticated_caller(parts, app).await?)));
            }
        }
        if let Some(notes) = parts.extensions.get::<Notes>() {
            if user_of_page(&parts.headers).is_some() {
                notes.set_user_unknown();
            }
            app.limits.anonymous_read(notes.client().address, app.settings.anonymous_reads).await?;
        }
        Ok(Anybody(None))
    }
}

/// [`Anybody`] as a viewer of problems.
pub struct Visitor(pub Principal);

impl FromRequestParts<Shared> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Visitor, ApiError> {
        let Anybody(caller) = Anybody::from_request_parts(parts, app).await?;
        Ok(Visitor(caller.map_or(Principal::Anonymous, |caller| caller.principal())))
    }
}

/// Client of an event stream or of a live connection: a caller or, if the request has a ticket and no credential other
/// than a cookie, the holder of the ticket.
pub enum Follower {
    /// A caller.
    Caller(Box<Caller>),
    /// The holder of a ticket.
    Ticket {
        /// The ticket.
        text: String,
        /// Access rule of the requested operation.
        who: Who,
        /// Notes of the request.
        notes: Option<Notes>,
    },
}

/// Prefix of a ticket in a query string. A ticket consists of letters, digits, `-` and `_`, which need no escaping.
const TICKET_PARAMETER: &str = "ticket=";

impl FromRequestParts<Shared> for Follower {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Follower, ApiError> {
        // A ticket takes precedence over a cookie, because the browser adds the cookie automatically.
        if matches!(presented(parts), Presented::Missing(_) | Presented::Cookie(_)) {
            let query = parts.uri.query().unwrap_or_default();
            let ticket = query.split('&').find_map(|pair| pair.strip_prefix(TICKET_PARAMETER));
            if let Some(text) = ticket {
                let notes = parts.extensions.get::<Notes>().cloned();
                return Ok(Follower::Ticket { text: text.to_owned(), who: who_may(parts)?, notes });
            }
        }
        Caller::from_request_parts(parts, app).await.map(|caller| Follower::Caller(Box::new(caller)))
    }
}

impl Follower {
    /// Returns the user, the viewer whose permissions apply when the client reads submissions, and the user's rates.
    /// With a ticket, this charges one read to the user; the ticket stays valid until [`Follower::enter`].
    pub async fn holder(&self, app: &Shared, opens: TicketUse) -> Result<Holder, ApiError> {
        let (text, who, notes) = match self {
            Follower::Caller(caller) => return Ok(caller.holder()),
            Follower::Ticket { text, who, notes } => (text, who, notes),
        };
        let guess = charge_ticket(app, notes.as_ref()).await?;
        let found = app.accounts.holder_of_ticket(text, opens).await;
        let Some((user, viewer, credential)) = decided(guess, found).await? else { return Err(bad_ticket()) };
        check_guest(app, user.role)?;
        if !who.includes(user.role) {
            return Err(forbidden(*who, user.role));
        }
        let rates = app.rates(&user.tier.0);
        let (note, paid) = app.limits.take(user.id, RateClass::Reads, &rates, 1).await;
        if let Some(notes) = notes {
            notes.set_user(user.id);
            notes.set_rate(note);
        }
        paid?;
        // The client that requested the ticket had the scope.
        let rates = Arc::new(Mutex::new(rates));
        Ok(Holder { user: user.id, role: user.role, viewer, rates, credential, may_read_runs: true })
    }

    /// Consumes the ticket. Call it after all other checks have passed.
    pub async fn enter(self, app: &Shared, opens: TicketUse) -> Result<(), ApiError> {
        let Follower::Ticket { text, who: _, notes } = self else { return Ok(()) };
        let guess = charge_ticket(app, notes.as_ref()).await?;
        let used = app.accounts.use_ticket(&text, opens).await.map(|used| used.then_some(()));
        decided(guess, used).await?.ok_or_else(bad_ticket)
    }
}

/// The user behind a [`Follower`], or of another connection that stays open.
#[derive(Clone)]
pub struct Holder {
    /// The user.
    pub user: UserId,
    /// The user's role.
    pub role: Role,
    /// The user as a viewer of submissions.
    pub viewer: AuthenticatedUser,
    /// Rates of the user's tier, as of the last check of the access.
    rates: Arc<Mutex<TierRates>>,
    /// The credential with which the client, or the client that requested the ticket, was authenticated.
    pub credential: CredentialId,
    /// Whether the credential has the scope [`Scope::RunsRead`].
    pub may_read_runs: bool,
}

impl Holder {
    /// Refuses an API key that may not read runs.
    ///
    /// # Errors
    /// [`ErrorKind::MissingScope`].
    pub fn check_reads_runs(&self) -> Result<(), ApiError> {
        if self.may_read_runs { Ok(()) } else { Err(missing_scope(Scope::RunsRead)) }
    }

    /// Rates of the user's tier. The checks of the access notice that the user has another tier.
    pub fn rates(&self) -> TierRates {
        *self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the client may no longer use its connection, and returns the reason. The server checks that once per
    /// [`access_check`](crate::Settings::access_check). The store may take long to answer, so a connection that sends
    /// and receives meanwhile polls this future beside its other work.
    pub async fn until_access_ends(&self, app: &Shared) -> AccessEnded {
        let period = app.settings.access_check;
        let mut checks = interval_at(Instant::now() + period, period);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            checks.tick().await;
            if let Some(why) = self.access_ended(app).await {
                return why;
            }
        }
    }

    /// Why the client may no longer use its connection. If the store fails, the connection continues.
    pub async fn access_ended(&self, app: &Shared) -> Option<AccessEnded> {
        match app.accounts.access(&self.viewer, self.credential).await {
            Ok(Access::Continues(tier)) => {
                *self.rates.lock().unwrap_or_else(PoisonError::into_inner) = app.rates(&tier.0);
                None
            }
            Ok(Access::Ended(why)) => Some(why),
            Err(error) => {
                tracing::debug!(%error, "cannot check the access of a connection");
                None
            }
        }
    }
}

/// Charges one token to the client's address.
async fn charge_ticket<'a>(app: &'a Shared, notes: Option<&Notes>) -> Result<Option<Guess<'a>>, ApiError> {
    match notes {
        Some(notes) => app.limits.token(notes.client().address).await.map(Some),
        None => Ok(None),
    }
}

/// Refunds the guess, unless the ticket is invalid (`None`).
async fn decided<T>(guess: Option<Guess<'_>>, found: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    if let Some(guess) = guess
        && !matches!(found, Ok(None))
    {
        guess.refund().await;
    }
    found
}

fn bad_ticket() -> ApiError {
    let detail = "The ticket was used, has expired, or is for another purpose. Get another ticket.";
    ApiError::new(ErrorKind::Unauthorized, detail)
}

/// Access rule of the requested operation.
fn who_may(parts: &Parts) -> Result<Who, ApiError> {
    let route = parts.extensions.get::<MatchedPath>();
    let dialect = parts.extensions.get::<Notes>().and_then(Notes::dialect);
    let who = route.zip(dialect).and_then(|(route, dialect)| dialect.who(&parts.method, route.as_str()));
    who.ok_or_else(not_in_table)
}

/// The request's credential, where the dialect of the request expects it.
fn presented(parts: &Parts) -> Presented<'_> {
    match parts.extensions.get::<Notes>().and_then(Notes::dialect) {
        Some(dialect) => dialect.credential(parts),
        None => bearer(&parts.headers),
    }
}

/// Error for a defect of the server: the operation's entry in the table is missing, or does not match the extractor.
/// The server refuses every request for such an operation.
fn not_in_table() -> ApiError {
    tracing::error!("this route is missing from the access table, or its extractor does not match the table");
    ApiError::new(ErrorKind::Internal, "The server failed to answer this request. It is not your mistake.")
}

/// Returns the owner of the credentials, and charges one read.
async fn authenticated_caller(parts: &Parts, app: &Shared) -> Result<Caller, ApiError> {
    let notes = parts.extensions.get::<Notes>();
    let identity = match identify(parts, app).await {
        Ok(identity) => identity,
        Err(Refusal::NoCredential(error) | Refusal::Failed(error)) => return Err(error),
        Err(Refusal::BadCredential(error)) => {
            // A browser automatically sends the cookie of an ended session again. That must not block its address.
            let is_cookie = matches!(presented(parts), Presented::Cookie(_));
            if let Some(notes) = notes.filter(|_| !is_cookie) {
                app.limits.bad_token(notes.client().address).await?;
            }
            return Err(error);
        }
    };
    check_guest(app, identity.user.role)?;
    let user = identity.user.id;
    let rates = app.rates(&identity.user.tier.0);
    if let Some(notes) = notes {
        notes.set_user(user);
    }
    match identity.via {
        // The operator has permitted these clients, many of which may have the same address. Their account's share of
        // the queue, of the open responses and of the memory bounds them.
        Via::Keyless => {}
        Via::Session(_) | Via::Key { .. } => {
            let (note, paid) = app.limits.take(user, RateClass::Reads, &rates, 1).await;
            if let Some(notes) = notes {
                notes.set_rate(note);
            }
            paid?;
        }
    }
    let viewer = AuthenticatedUser {
        user,
        is_admin: identity.user.role == Role::Admin && has_scope(&identity, Scope::Admin).is_ok(),
        is_author: identity.user.role.is_author() && has_scope(&identity, Scope::ProblemsWrite).is_ok(),
    };
    Ok(Caller { user, viewer, rates, identity })
}

/// Refuses guests if the server no longer has any.
fn check_guest(app: &Shared, role: Role) -> Result<(), ApiError> {
    if role == Role::Guest && !app.settings.guests_allowed {
        return Err(unauthorized(NEEDS_ACCOUNT));
    }
    Ok(())
}

/// Error for a user whose role is not in the access rule.
fn forbidden(who: Who, role: Role) -> ApiError {
    let detail = match (who, role) {
        (_, Role::Guest) => NEEDS_ACCOUNT,
        (Who::Admin, _) => "This is for administrators.",
        _ => "This is for authors. An administrator can make you an author.",
    };
    ApiError::new(ErrorKind::Forbidden, detail)
}

fn has_scope(identity: &Identity, scope: Scope) -> Result<(), ApiError> {
    match &identity.via {
        Via::Session(_) => Ok(()),
        Via::Key { scopes, .. } if scopes.contains(&scope) => Ok(()),
        Via::Keyless if matches!(scope, Scope::RunsRead | Scope::RunsWrite) => Ok(()),
        Via::Keyless => Err(ApiError::new(ErrorKind::Unauthorized, "This needs a token or an API key.")),
        Via::Key { .. } => Err(missing_scope(scope)),
    }
}

/// Error for an API key without this scope.
fn missing_scope(scope: Scope) -> ApiError {
    let name = scope.as_str();
    let error = ApiError::new(ErrorKind::MissingScope, format!("The API key does not have the scope `{name}`."));
    let challenge = format!("Bearer realm=\"cupel\", error=\"insufficient_scope\", scope=\"{name}\"");
    match HeaderValue::try_from(challenge) {
        Ok(value) => error.with_header(header::WWW_AUTHENTICATE, value),
        Err(_) => error,
    }
}

enum Refusal {
    NoCredential(ApiError),
    BadCredential(ApiError),
    Failed(ApiError),
}

async fn identify(parts: &Parts, app: &Shared) -> Result<Arc<Identity>, Refusal> {
    let identity = match credential_or_none(parts) {
        Presented::Malformed(why) => return Err(invalid_credentials(why)),
        Presented::Missing(why) => match keyless(parts) {
            Some(user) => app.identities.of_keyless(&app.accounts, user).await,
            None => return Err(Refusal::NoCredential(ApiError::new(ErrorKind::Unauthorized, why))),
        },
        Presented::Cookie(text) => {
            check_same_origin(&parts.method, &parts.headers, &app.settings)
                .map_err(|why| Refusal::NoCredential(ApiError::new(ErrorKind::CrossSite, why)))?;
            let named = app.tokens.read_cookie(text, app.core.now()).map_err(invalid_credentials)?;
            if is_page_of_another(&parts.headers, named.user) {
                return Err(Refusal::NoCredential(page_of_another()));
            }
            app.identities.of_token(&app.accounts, named).await
        }
        Presented::Text(key) if Accounts::looks_like_key(key) => app.identities.of_key(&app.accounts, key).await,
        Presented::Text(token) => {
            let named = app.tokens.read(token, app.core.now()).map_err(invalid_credentials)?;
            app.identities.of_token(&app.accounts, named).await
        }
    };
    identity.map_err(|error| match error {
        IdentityError::Refused(why) => invalid_credentials(why),
        IdentityError::Failed(error) => Refusal::Failed(error),
    })
}

/// The credential. A client that needs no key may send the key of another server. Such a key is ignored, as by the
/// original services, which check no keys in this case.
fn credential_or_none(parts: &Parts) -> Presented<'_> {
    let is_foreign = |credential: &Presented<'_>| match credential {
        Presented::Malformed(_) => true,
        // An access token has three parts (RFC 7519, section 3.1).
        Presented::Text(text) => !Accounts::looks_like_key(text) && text.split('.').count() != 3,
        Presented::Missing(_) | Presented::Cookie(_) => false,
    };
    let credential = presented(parts);
    if is_foreign(&credential) && keyless(parts).is_some() {
        return Presented::Missing("Send an API key.");
    }
    credential
}

/// User to whom this client's requests without a credential are attributed, if the dialect allows them.
fn keyless(parts: &Parts) -> Option<UserId> {
    let notes = parts.extensions.get::<Notes>()?;
    notes.dialect()?.keyless(notes.client())
}

/// Error for a page that belongs to another user than the session.
pub fn page_of_another() -> ApiError {
    let why = "Another account has signed in with this browser. Sign in again, or reload the page.";
    ApiError::new(ErrorKind::Unauthorized, why)
}

fn invalid_credentials(why: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::BadCredential(unauthorized(why))
}

/// Error for a request whose user was disabled or deleted after the credential was checked. It is the error for the
/// credential of a disabled user.
pub fn user_disabled() -> ApiError {
    unauthorized(DISABLED)
}

/// Error for invalid credentials. Source of the challenge: RFC 6750, section 3.
pub fn unauthorized(why: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    let challenge = HeaderValue::from_static("Bearer realm=\"cupel\", error=\"invalid_token\"");
    ApiError::new(ErrorKind::Unauthorized, why).with_header(header::WWW_AUTHENTICATE, challenge)
}
