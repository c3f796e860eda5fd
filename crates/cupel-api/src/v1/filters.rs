//! Query parameters that several lists have: the page, the language and the verdict.

use cupel_http::app::Shared;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_types::{LanguageId, Verdict};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::v1::faults::sentence;

const LIMIT_MAX: u64 = 100;
/// Maximum characters of a searched text.
pub(crate) const TEXT_MAX: usize = 100;
/// Maximum page number: larger than in any real list, and small enough that page times limit fits into the integers of
/// every store.
pub(crate) const PAGE_MAX: u64 = 1_000_000_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    pub(crate) page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: u64,
}

pub(crate) const fn one() -> u64 {
    1
}

pub(crate) const fn twenty() -> u64 {
    20
}

impl PageParams {
    pub(crate) fn offset(&self) -> Result<u64, ApiError> {
        let refuse = |detail: String| Err(ApiError::new(ErrorKind::InvalidParameter, detail));
        if !(1..=LIMIT_MAX).contains(&self.limit) {
            return refuse(format!("`limit` must be from 1 to {LIMIT_MAX}."));
        }
        if !(1..=PAGE_MAX).contains(&self.page) {
            return refuse(format!("`page` must be from 1 to {PAGE_MAX}."));
        }
        Ok((self.page - 1) * self.limit)
    }
}

/// Verdict by its code.
pub(crate) fn verdict_of(code: Option<&str>) -> Result<Option<Verdict>, ApiError> {
    let unknown =
        || ApiError::new(ErrorKind::InvalidParameter, "`verdict` must be a code such as `AC`, `WA` or `TLE`.");
    code.map(|code| Verdict::from_code(code).ok_or_else(unknown)).transpose()
}

/// Language by its id or alias.
pub(crate) fn language_of(app: &Shared, name: Option<&str>) -> Result<Option<LanguageId>, ApiError> {
    let registry = app.core.registry();
    let unknown = |name: &str| {
        let detail = registry.unknown(name, "`GET /api/v1/languages`");
        ApiError::new(ErrorKind::UnknownLanguage, sentence(&detail))
    };
    name.map(|name| registry.find(name).map(|known| known.id.clone()).ok_or_else(|| unknown(name))).transpose()
}
