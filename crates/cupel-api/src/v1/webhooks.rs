//! `/webhooks`: the state of webhook deliveries, and redelivery.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use cupel_core::DeliveryRecord;
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_http::notes::Notes;
use cupel_types::WebhookId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::execute::pay_one;
use crate::v1::filters::{PageParams, one, twenty};
use crate::v1::response::page::Pagination;
use crate::v1::response::time::rfc3339;

/// Filter of deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryParams {
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, maximum = 1_000_000_000, default = 1)]
    page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
    /// Whether deliveries of all users are listed. Only for administrators; ignored for other users.
    #[serde(default)]
    all: bool,
}

/// State of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryStatus {
    /// The next attempt is at `next_try_at`.
    Pending,
    /// The receiver responded with 2xx.
    Delivered,
    /// The receiver responded with 410: the delivery is not repeated.
    Gone,
    /// Every attempt failed.
    Failed,
}

/// A delivery: the end of one submission, sent to one receiver.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// The `webhook-id` header of every attempt.
    delivery_id: String,
    submission_id: String,
    /// The submission's owner.
    user_id: String,
    /// The receiver's URL. Of other users' deliveries, administrators see only scheme, host and port.
    url: String,
    status: DeliveryStatus,
    /// Number of attempts since the delivery became due, or since its last redelivery.
    tries: u32,
    /// Status code of the last attempt; `null` if the receiver did not answer, or nothing was sent yet.
    response_status: Option<u16>,
    /// Why the last attempt failed.
    error: Option<String>,
    #[schema(format = DateTime)]
    next_try_at: Option<String>,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
}

impl DeliveryView {
    fn of(record: DeliveryRecord, caller: &Caller) -> DeliveryView {
        let status = match (record.next_at, record.status) {
            (Some(_), _) => DeliveryStatus::Pending,
            (None, Some(410)) => DeliveryStatus::Gone,
            (None, Some(200..=299)) => DeliveryStatus::Delivered,
            (None, _) => DeliveryStatus::Failed,
        };
        let url = if record.owner == caller.user { record.url } else { origin(&record.url).to_owned() };
        DeliveryView {
            delivery_id: record.id.to_string(),
            submission_id: record.submission.to_string(),
            user_id: record.owner.to_string(),
            url,
            status,
            tries: record.tries,
            response_status: record.status,
            error: record.error,
            next_try_at: record.next_at.map(rfc3339),
            ended_at: record.ended_at.map(rfc3339),
        }
    }
}

/// Scheme, host and port of a URL. The other parts may contain secrets.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    &url[..end]
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryPage {
    deliveries: Vec<DeliveryView>,
    pagination: Pagination,
}

/// A delivery that is sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RedeliveryView {
    delivery_id: String,
    /// Always `pending`.
    status: DeliveryStatus,
}

/// List webhook deliveries, those of the newest submissions first.
///
/// A delivery is kept for some days after its end.
#[utoipa::path(
    get, path = "/webhooks/deliveries", tag = "submissions", operation_id = "webhook_deliveries",
    params(DeliveryParams),
    responses((status = 200, description = "A page", body = DeliveryPage)),
)]
pub(crate) async fn deliveries(
    State(app): State<Shared>,
    caller: Caller,
    Params(params): Params<DeliveryParams>,
) -> Result<Json<DeliveryPage>, ApiError> {
    let page = PageParams { page: params.page, limit: params.limit };
    let (records, total) = app.core.deliveries(&caller.viewer, params.all, page.offset()?, page.limit).await?;
    Ok(Json(DeliveryPage {
        deliveries: records.into_iter().map(|record| DeliveryView::of(record, &caller)).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}

/// Send a webhook again.
///
/// The first attempt is immediate. The number of attempts is that of a new delivery. The delivery may have succeeded
/// before. A redelivery is charged as one submission. Administrators may redeliver webhooks of every user.
#[utoipa::path(
    post, path = "/webhooks/deliveries/{delivery_id}/redeliver", tag = "submissions", operation_id = "redeliver_webhook",
    params(("delivery_id" = String, Path, description = "The delivery's id", format = Uuid)),
    responses(
        (status = 202, description = "The delivery is due", body = RedeliveryView),
        (status = 404, description = "The delivery does not exist, or it belongs to another user", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn redeliver(
    State(app): State<Shared>,
    caller: Caller,
    Extension(notes): Extension<Notes>,
    Id(id): Id<WebhookId>,
) -> Result<(StatusCode, Json<RedeliveryView>), ApiError> {
    pay_one(&app, &caller, &notes).await?;
    if !app.core.redeliver(&caller.viewer, id).await? {
        return Err(ApiError::not_found("delivery"));
    }
    Ok((StatusCode::ACCEPTED, Json(RedeliveryView { delivery_id: id.to_string(), status: DeliveryStatus::Pending })))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_excludes_possible_secrets() {
        for url in [
            "https://a.example:8/hook?key=1",
            "https://a.example:8?key=1",
            "https://a.example:8#x",
            "https://a.example:8",
        ] {
            assert_eq!(origin(url), "https://a.example:8");
        }
    }
}
