//! Native API, version 1: everything under `/api/v1`. One file per group of routes; the shapes that several of them
//! use are in `request.rs` and `response/`.

mod account;
mod admin;
mod admin_users;
mod answers;
mod artifacts;
mod contests;
mod dead_letters;
mod drafts;
pub(crate) mod events;
pub(crate) mod execute;
pub(crate) mod faults;
mod filters;
mod guest;
mod images;
pub(crate) mod intake;
mod keys;
mod languages;
pub(crate) mod membership;
pub(crate) mod parameters;
pub(crate) mod problems;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod session;
mod snippets;
mod submissions;
mod tickets;
mod usage;
pub(crate) mod webhook_event;
mod webhooks;
mod workers;

use cupel_http::app::Shared;
pub(crate) use filters::PAGE_MAX;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes with their documentation, relative to `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Shared> {
    // What the pages of a site read. Results of programs are sent as they are, because a client that runs thousands of
    // programs a second would wait for the compression of each.
    let read_by_pages = OpenApiRouter::default()
        .routes(routes!(languages::languages))
        .routes(routes!(languages::language))
        .merge(problems::pages())
        .merge(contests::routes())
        .route_layer(cupel_http::compressed::json());
    OpenApiRouter::default()
        .routes(routes!(execute::execute, execute::submissions_by_id))
        .routes(routes!(execute::execute_batch))
        .routes(routes!(execute::submission, execute::cancel))
        .routes(routes!(events::events))
        .routes(routes!(crate::live::live))
        .routes(routes!(tickets::create_ticket))
        .routes(routes!(snippets::share, snippets::own))
        .routes(routes!(snippets::snippet, snippets::remove))
        .routes(routes!(drafts::draft, drafts::save, drafts::remove))
        .routes(routes!(drafts::revisions))
        .routes(routes!(drafts::revision))
        .routes(routes!(submissions::submissions))
        .routes(routes!(artifacts::artifact))
        .routes(routes!(account::register))
        .routes(routes!(guest::open))
        .routes(routes!(account::login))
        .routes(routes!(account::refresh))
        .routes(routes!(account::logout))
        .routes(routes!(session::open, session::session, session::close))
        .routes(routes!(account::me, account::change_me))
        .routes(routes!(account::webhook_secret))
        .routes(routes!(usage::usage))
        .routes(routes!(membership::change_password))
        .routes(routes!(membership::password_link))
        .routes(routes!(membership::reset_password))
        .routes(routes!(membership::sessions))
        .routes(routes!(membership::end_session))
        .routes(routes!(membership::delete_account))
        .routes(routes!(keys::create_key, keys::keys))
        .routes(routes!(keys::revoke_key))
        .routes(routes!(admin::users))
        .routes(routes!(admin::change_user, admin_users::delete_user))
        .routes(routes!(admin_users::create_password_link))
        .routes(routes!(admin_users::import_users))
        .routes(routes!(admin_users::create_code, admin_users::codes))
        .routes(routes!(admin_users::end_code))
        .routes(routes!(admin::queue))
        .routes(routes!(workers::workers))
        .routes(routes!(workers::running))
        .routes(routes!(images::images, images::add_image, images::remove_image))
        .routes(routes!(images::image))
        .routes(routes!(images::verify_image))
        .routes(routes!(images::prune_images))
        .routes(routes!(dead_letters::dead_letters))
        .routes(routes!(dead_letters::dead_letter, dead_letters::purge_dead_letter))
        .routes(routes!(dead_letters::retry_dead_letter))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::redeliver))
        .merge(problems::routes())
        .merge(read_by_pages)
}
