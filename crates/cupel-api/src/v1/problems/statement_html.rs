//! Statements of problems and descriptions of contests in Markdown as HTML, for browsers.
//!
//! *Invariants:* the result has only elements that Markdown itself produces: raw HTML is shown as text. The URL of a
//! link or image has the scheme `http`, `https` or `mailto`, or is relative. The result has at most [`HTML_BYTES_MAX`]
//! bytes. The site does not rely on these invariants alone: it copies only known elements, and its content security
//! policy allows no inline script.

use cupel_http::error::ApiError;
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Maximum size of a text. Parsing takes up to sixty times as much memory. A text written for people stays far below
/// this size.
const MARKDOWN_BYTES_MAX: usize = 256 << 10;

/// Maximum size of the result. HTML is longer than Markdown, but a text written for people stays far below this size.
const HTML_BYTES_MAX: usize = 4 << 20;

const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// Maximum number of requests that render texts at the same time: rendering takes much memory.
static RENDERING: Semaphore = Semaphore::const_new(4);

/// Waits until fewer than the maximum number of requests render texts. The request may render while it holds the
/// permit.
pub(super) async fn turn_to_render() -> Option<SemaphorePermit<'static>> {
    // The semaphore is never closed.
    RENDERING.acquire().await.ok()
}

/// Renders texts on a blocking thread, after [`turn_to_render`].
pub(in crate::v1) async fn render<T: Send + 'static>(
    texts: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let turn = turn_to_render().await;
    let rendered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        texts()
    });
    rendered.await.map_err(|e| ApiError::internal(&e))
}

/// The text as HTML; `None` if the text or the HTML is too long. Mathematics is in elements with the class
/// `math-inline` or `math-display`, as TeX.
pub(in crate::v1) fn html_of(markdown: &str) -> Option<String> {
    if markdown.len() > MARKDOWN_BYTES_MAX {
        return None;
    }
    let options = Options::ENABLE_TABLES | Options::ENABLE_MATH | Options::ENABLE_STRIKETHROUGH;
    let events = Parser::new_ext(markdown, options).map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe(dest_url, link_type), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: safe(dest_url, link_type), title, id })
        }
        // Without the paragraph, raw HTML would become text directly in the body.
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        other => other,
    });
    let mut bounded = Bounded(String::new());
    html::write_html_fmt(&mut bounded, events).ok()?;
    Some(bounded.0)
}

/// The URL if it has a permitted scheme or no scheme; otherwise an empty string.
fn safe(url: CowStr<'_>, kind: LinkType) -> CowStr<'_> {
    // Browsers ignore white space and control characters in a scheme.
    let plain: String = url.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let before = plain.split(['/', '?', '#']).next().unwrap_or_default();
    let is_safe = match before.split_once(':') {
        Some((scheme, _)) => SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)),
        None => true,
    };
    if is_safe || kind == LinkType::Email { url } else { CowStr::Borrowed("") }
}

/// A string that refuses to grow beyond the bound.
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > HTML_BYTES_MAX {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_html_becomes_text_and_script_urls_are_removed() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div onclick='x'>\n\ntext\n\n</div>",
            "<!-- --><style>*{}</style>",
            "[x](javascript:alert(1))",
            "[x](JaVa&#x09;Script:alert(1))",
            "[x](data:text/html,<script>)",
            "![x](javascript:alert(1))",
            "<javascript:alert(1)>",
            "[x]: vbscript:x\n\n[x]",
            "$</span><script>alert(1)</script>$",
            "```\"onclick=\"x\n```",
        ] {
            let html = html_of(hostile).unwrap();
            for sign in
                ["<script", "<img src=x", "<div", "<style", "=\"javascript:", "=\"data:", "=\"vbscript:", "\"onclick"]
            {
                assert!(!html.to_lowercase().contains(sign), "{hostile} became {html}");
            }
        }
    }

    #[test]
    fn markdown_tables_mathematics_and_links_are_rendered() {
        let html =
            html_of("# A\n\nLet $n \\le 5$.\n\n| a |\n|---|\n| 1 |\n\n[b](https://a.example/?x=1:2) ![c](pic.png)")
                .unwrap();
        for part in [
            "<h1>A</h1>",
            "<span class=\"math math-inline\">n \\le 5</span>",
            "<td>1</td>",
            "href=\"https://a.example/?x=1:2\"",
            "<img src=\"pic.png\" alt=\"c\"",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn a_statement_that_would_be_too_long_is_refused() {
        let longest = "\"".repeat(MARKDOWN_BYTES_MAX);
        assert!(html_of(&longest).is_some_and(|html| html.len() <= HTML_BYTES_MAX));
        assert!(html_of(&format!("{longest}x")).is_none());
        let autolinks = "<http://a.b/&&&&&&&&&&&&>".repeat(MARKDOWN_BYTES_MAX / 25);
        assert!(html_of(&autolinks).is_none_or(|html| html.len() <= HTML_BYTES_MAX));
        // Nested as deeply as the text allows.
        let deep = html_of(&">".repeat(100_000));
        assert!(deep.is_none_or(|html| html.len() <= HTML_BYTES_MAX));
    }

    #[tokio::test]
    async fn texts_are_rendered_after_those_of_four_other_requests() {
        let turns = [turn_to_render().await, turn_to_render().await, turn_to_render().await, turn_to_render().await];
        let mut rendering = Box::pin(render(|| html_of("*a*")));
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), &mut rendering).await;
        assert!(waiting.is_err(), "four requests have a turn");
        drop(turns);
        assert_eq!(rendering.await.unwrap().as_deref(), Some("<p><em>a</em></p>\n"));
    }
}
