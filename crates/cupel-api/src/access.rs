//! Access table of the native API: the callers that may use each operation. The extractors enforce the table, the
//! OpenAPI document includes it, and a test calls every operation as every kind of caller.
//!
//! Invariant: if an operation is missing from the table, every request to it is refused, and a test fails.

use axum::http::Method;
use cupel_core::accounts::Scope;
use cupel_http::auth::Who::{self, Admin, Author, Everybody, Guest, Owner, User};

const READ: Scope = Scope::RunsRead;
const WRITE: Scope = Scope::RunsWrite;
const PROBLEMS: Scope = Scope::ProblemsWrite;

/// Every documented operation below `/api/v1`.
const OPERATIONS: &[(Method, &str, Who)] = &[
    (Method::POST, "/execute", Guest(WRITE)),
    (Method::GET, "/execute", Guest(READ)),
    (Method::POST, "/execute/batch", User(WRITE)),
    (Method::GET, "/execute/{submission_id}", Guest(READ)),
    (Method::DELETE, "/execute/{submission_id}", Guest(WRITE)),
    (Method::GET, "/execute/{submission_id}/events", Guest(READ)),
    (Method::GET, "/live", Guest(WRITE)),
    (Method::POST, "/tickets", Guest(READ)),
    (Method::POST, "/snippets", User(WRITE)),
    (Method::GET, "/snippets", User(READ)),
    (Method::GET, "/snippets/{snippet_id}", Everybody),
    (Method::DELETE, "/snippets/{snippet_id}", User(WRITE)),
    (Method::GET, "/drafts/{language_id}", User(READ)),
    (Method::PUT, "/drafts/{language_id}", User(WRITE)),
    (Method::DELETE, "/drafts/{language_id}", User(WRITE)),
    (Method::GET, "/drafts/{language_id}/revisions", User(READ)),
    (Method::GET, "/drafts/{language_id}/revisions/{revision}", User(READ)),
    (Method::GET, "/submissions", User(READ)),
    (Method::GET, "/submissions/{submission_id}", Guest(READ)),
    (Method::GET, "/submissions/{submission_id}/runs", User(READ)),
    (Method::GET, "/submissions/{submission_id}/artifacts/{path}", Guest(READ)),
    (Method::POST, "/submissions/{submission_id}/rejudge", Owner(PROBLEMS)),
    (Method::GET, "/webhooks/deliveries", User(READ)),
    (Method::POST, "/webhooks/deliveries/{delivery_id}/redeliver", User(WRITE)),
    (Method::GET, "/languages", Everybody),
    (Method::GET, "/languages/{language_id}", Everybody),
    (Method::GET, "/problems", Everybody),
    (Method::POST, "/problems", Author(PROBLEMS)),
    (Method::GET, "/problems/{slug}", Everybody),
    (Method::PATCH, "/problems/{slug}", Owner(PROBLEMS)),
    (Method::DELETE, "/problems/{slug}", Owner(PROBLEMS)),
    (Method::GET, "/problems/{slug}/editorial", Everybody),
    (Method::GET, "/problems/{slug}/files/{file}", Everybody),
    (Method::POST, "/problems/{slug}/run", Guest(WRITE)),
    (Method::POST, "/problems/{slug}/submissions", User(WRITE)),
    (Method::GET, "/problems/{slug}/submissions", User(READ)),
    (Method::POST, "/problems/{slug}/rejudge", Owner(PROBLEMS)),
    (Method::GET, "/problems/{slug}/rejudge", Owner(PROBLEMS)),
    (Method::POST, "/problems/{slug}/verify", Owner(PROBLEMS)),
    (Method::POST, "/problems/{slug}/versions/{version}/verify", Owner(PROBLEMS)),
    (Method::GET, "/problems/{slug}/package", Owner(PROBLEMS)),
    (Method::PUT, "/problems/{slug}/package", Owner(PROBLEMS)),
    (Method::GET, "/problems/{slug}/versions", Owner(PROBLEMS)),
    (Method::GET, "/problems/{slug}/leaderboard", Everybody),
    (Method::GET, "/problems/{slug}/distribution", Everybody),
    (Method::GET, "/leaderboard", Everybody),
    (Method::GET, "/users/me/progress", User(READ)),
    (Method::GET, "/users/me/activity", User(READ)),
    (Method::GET, "/users/me/usage", User(READ)),
    (Method::GET, "/contests", Everybody),
    (Method::POST, "/contests", Author(PROBLEMS)),
    (Method::GET, "/contests/{slug}", Everybody),
    (Method::PATCH, "/contests/{slug}", Owner(PROBLEMS)),
    (Method::DELETE, "/contests/{slug}", Owner(PROBLEMS)),
    (Method::POST, "/contests/{slug}/participation", User(WRITE)),
    (Method::DELETE, "/contests/{slug}/participation", User(WRITE)),
    (Method::GET, "/contests/{slug}/standings", Everybody),
    (Method::GET, "/contests/{slug}/progress", Owner(PROBLEMS)),
    (Method::GET, "/contests/{slug}/submissions", Owner(PROBLEMS)),
    (Method::GET, "/contests/{slug}/clarifications", Everybody),
    (Method::POST, "/contests/{slug}/clarifications", User(WRITE)),
    (Method::PATCH, "/contests/{slug}/clarifications/{clarification_id}", Owner(PROBLEMS)),
    (Method::POST, "/contests/{slug}/announcements", Owner(PROBLEMS)),
    (Method::POST, "/auth/register", Everybody),
    (Method::POST, "/auth/guest", Everybody),
    (Method::POST, "/auth/login", Everybody),
    (Method::POST, "/auth/refresh", Everybody),
    (Method::POST, "/session", Everybody),
    (Method::GET, "/session", Everybody),
    (Method::DELETE, "/session", Everybody),
    (Method::POST, "/auth/logout", User(Scope::Account)),
    (Method::GET, "/auth/me", User(READ)),
    (Method::PATCH, "/auth/me", User(Scope::Account)),
    (Method::POST, "/auth/password", User(Scope::Account)),
    (Method::POST, "/auth/password/link", Everybody),
    (Method::POST, "/auth/password/reset", Everybody),
    (Method::GET, "/auth/sessions", User(Scope::Account)),
    (Method::DELETE, "/auth/sessions/{session_id}", User(Scope::Account)),
    (Method::POST, "/auth/delete-account", User(Scope::Account)),
    (Method::GET, "/auth/webhook-secret", User(Scope::Account)),
    (Method::POST, "/auth/keys", User(Scope::Account)),
    (Method::GET, "/auth/keys", User(Scope::Account)),
    (Method::DELETE, "/auth/keys/{key_id}", User(Scope::Account)),
    (Method::GET, "/admin/users", Admin),
    (Method::PATCH, "/admin/users/{user_id}", Admin),
    (Method::DELETE, "/admin/users/{user_id}", Admin),
    (Method::POST, "/admin/users/{user_id}/password-link", Admin),
    (Method::POST, "/admin/users/import", Admin),
    (Method::POST, "/admin/registration-codes", Admin),
    (Method::GET, "/admin/registration-codes", Admin),
    (Method::DELETE, "/admin/registration-codes/{code_id}", Admin),
    (Method::GET, "/admin/queue", Admin),
    (Method::GET, "/admin/workers", Admin),
    (Method::GET, "/admin/running", Admin),
    (Method::GET, "/admin/images", Admin),
    (Method::POST, "/admin/images", Admin),
    (Method::DELETE, "/admin/images", Admin),
    (Method::GET, "/admin/images/details", Admin),
    (Method::POST, "/admin/images/verify", Admin),
    (Method::POST, "/admin/images/prune", Admin),
    (Method::GET, "/admin/dead-letters", Admin),
    (Method::GET, "/admin/dead-letters/{submission_id}", Admin),
    (Method::DELETE, "/admin/dead-letters/{submission_id}", Admin),
    (Method::POST, "/admin/dead-letters/{submission_id}/retry", Admin),
];

/// Operations below `/api/v1` that are not in the OpenAPI document, because it cannot describe their protocol.
/// `docs/socketio.md` describes them. A message to `/socket.io/` has the id of a connection instead of a credential.
const UNDOCUMENTED: &[(Method, &str, Who)] =
    &[(Method::GET, "/socket.io/", User(READ)), (Method::POST, "/socket.io/", Everybody)];

/// Method and path of each documented operation in the table. A test compares them with the document. It is beside the
/// document's other tests: a unit test that needs the document would compile all handlers again.
pub fn operations() -> impl Iterator<Item = (&'static Method, String)> {
    OPERATIONS.iter().map(|(method, path, _)| (method, format!("/api/v1{path}")))
}

/// Callers that may use the operation with this route; `None` if the table does not have the operation.
pub(crate) fn who(method: &Method, route: &str) -> Option<Who> {
    let below = route.strip_prefix("/api/v1")?;
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    OPERATIONS
        .iter()
        .chain(UNDOCUMENTED)
        .find(|(known, path, _)| known == method && *path == below)
        .map(|(_, _, who)| *who)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_counts_as_get_and_an_unlisted_operation_is_refused() {
        assert_eq!(who(&Method::HEAD, "/api/v1/problems"), Some(Everybody));
        assert_eq!(who(&Method::DELETE, "/api/v1/problems"), None);
        assert_eq!(who(&Method::GET, "/metrics"), None);
    }
}
