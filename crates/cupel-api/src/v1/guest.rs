//! `/auth/guest`: a temporary account with which a visitor runs programs in a browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use cupel_core::accounts::Role;
use cupel_http::app::Shared;
use cupel_http::auth::{
    Identity, IdentityError, Named, Presented, Via, check_same_origin, is_page_of_another, session_cookie,
};
use cupel_http::caller::{Anybody, page_of_another};
use cupel_http::client::network_of;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::notes::Notes;
use cupel_types::UserId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::session::{SessionState, session_cookie_of, with_cookie};

/// Become a guest, in a browser.
///
/// A guest is a temporary account without name and password. It may run programs, on the samples of a problem too, and
/// read and cancel its own runs; everything else needs an account. Its runs use the rates of the tier `guest`. They
/// cannot use `webhook`, `run_at` or `tests`, and have at most 1 MiB of sources and input. All guests from one address
/// (IPv6: one /64 network) have one share of the queue and of the slots together, and at most 50 waiting runs. The
/// guest ends after 24 hours, or earlier with its session, for example because the visitor signs in. Soon afterwards,
/// it is deleted with its runs.
///
/// Sets the session cookie, under the conditions of `POST /session`. If somebody is signed in already, or the visitor
/// is a guest already, nothing changes.
#[utoipa::path(
    post, path = "/auth/guest", tag = "auth", operation_id = "open_guest",
    params(("X-Cupel-Site" = String, Header, description = "Any value")),
    responses(
        (status = 201, description = "The visitor is a new guest", body = SessionState, headers(("Set-Cookie" = String, description = "The session"))),
        (status = 200, description = "The existing session is kept", body = SessionState),
        (status = 403, description = "The server has no guests, or the request does not come from a page of this server", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many guests from your IP address", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn open(
    State(app): State<Shared>,
    Anybody(caller): Anybody,
    Extension(notes): Extension<Notes>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    check_same_origin(&Method::POST, &headers, &app.settings)
        .map_err(|why| ApiError::new(ErrorKind::CrossSite, why))?;
    let current = match caller {
        Some(caller) => Some(caller.identity),
        // The browser's session is kept, even if the page belongs to another user.
        None => identity_of_cookie(&app, &headers).await?,
    };
    let current = current.filter(|identity| identity.user.role != Role::Guest || app.settings.guests_allowed);
    if let Some(identity) = current {
        return Ok(SessionState::of(&app, Some(&identity.user)).into_response());
    }
    if !app.settings.guests_allowed {
        let detail = "Running programs needs an account on this server. Register or sign in.";
        return Err(ApiError::new(ErrorKind::Forbidden, detail));
    }
    app.limits.guest(notes.client().address).await?;
    let share = share_of(&app.settings.jwt_secret.0, notes.client().address);
    let guest = app.accounts.open_guest(share).await?;
    notes.set_user(guest.user.id);
    let named = Named { user: guest.user.id, session: guest.session };
    let cookie = session_cookie_of(&app, &notes, named, guest.expires_at)?;
    Ok(with_cookie(cookie, (StatusCode::CREATED, SessionState::of(&app, Some(&guest.user)))))
}

/// The user to whom the memory for a visitor's large responses is charged: the share of the guests of this address.
pub(super) fn share_of_visitor(app: &Shared, address: IpAddr) -> UserId {
    UserId::of_guest(Uuid::nil(), share_of(&app.settings.jwt_secret.0, address))
}

/// The number of the share that the guests of an address have together. It does not disclose the address.
fn share_of(secret: &[u8], address: IpAddr) -> u32 {
    let hash = Sha256::new().chain_update(secret).chain_update(network_of(address).to_string()).finalize();
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// Refuses a page that belongs to another user than the session of the cookie.
pub(super) async fn check_page(app: &Shared, headers: &HeaderMap) -> Result<(), ApiError> {
    match identity_of_cookie(app, headers).await? {
        Some(identity) if is_page_of_another(headers, identity.user.id) => Err(page_of_another()),
        _ => Ok(()),
    }
}

/// Ends the guest session of the browser that sent these headers, if it has one. If that fails, the request continues,
/// and the session expires by itself.
pub(super) async fn end(app: &Shared, headers: &HeaderMap) {
    let ended = async {
        let Some(identity) = identity_of_cookie(app, headers).await? else { return Ok(()) };
        if let (Role::Guest, Via::Session(session)) = (identity.user.role, &identity.via) {
            app.accounts.logout(*session).await?;
            app.identities.forget_session(*session);
        }
        Ok::<(), ApiError>(())
    };
    if let Err(error) = ended.await {
        tracing::warn!(error = error.detail(), "cannot end a guest's session; it expires by itself");
    }
}

/// The user of the session cookie, also if a page of another user sent the request. `None`: there is no cookie, or its
/// session has ended.
async fn identity_of_cookie(app: &Shared, headers: &HeaderMap) -> Result<Option<Arc<Identity>>, ApiError> {
    let Some(Presented::Cookie(text)) = session_cookie(headers) else { return Ok(None) };
    let Ok(named) = app.tokens.read_cookie(text, app.core.now()) else { return Ok(None) };
    match app.identities.of_token(&app.accounts, named).await {
        Ok(identity) => Ok(Some(identity)),
        Err(IdentityError::Refused(_)) => Ok(None),
        Err(IdentityError::Failed(error)) => Err(error),
    }
}
