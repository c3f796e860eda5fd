//! `cupel contest`: manages contests and their results in the store, with the same rules as the API. A server may
//! run at the same time.

pub(super) mod args;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use cupel_core::contests::Phase;
use cupel_core::problems::ProblemKey;
use cupel_problem::Slug;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use self::args::{Contest, ContestCommand, ContestFormat, NewContest};
use super::accounts::{OpenStore, Uses, in_store};
use super::{CommandResult, Exit, Failure, OrExit as _};
use crate::terminal::{Table, harmless};

/// Entries per page.
const PAGE: usize = 100;
/// Maximum number of times that the standings are read until their pages fit together.
const STANDINGS_READS_MAX: u32 = 10;
/// Pause before the standings are read again.
const STANDINGS_PAUSE: Duration = Duration::from_secs(1);
/// Maximum size of a response.
const ANSWER_BYTES_MAX: usize = 256 << 20;

pub(super) fn contest(args: &Contest) -> CommandResult {
    in_store(&args.settings, Uses::Api, async |place| {
        let desk = ApiSession::open(place, &args.by).await?;
        let done = match &args.command {
            ContestCommand::Create(new) => desk.create(new).await,
            ContestCommand::Add { slug, problem, user } => desk.add(place, slug, problem, user).await,
            ContestCommand::JoinCode { slug, renew } => desk.join_code(slug, *renew).await,
            ContestCommand::Standings { slug, unfrozen, format } => desk.standings(slug, *unfrozen, *format).await,
            ContestCommand::Submissions { slug, user, problem, verdict, format } => {
                let filters = [("username", user), ("problem", problem), ("verdict", verdict)];
                desk.submissions(slug, filters, *format).await
            }
            ContestCommand::Unfreeze { slug } => desk.unfreeze(slug).await,
            ContestCommand::Export { slug } => desk.export(slug).await,
        };
        desk.close().await;
        done
    })
}

/// The API with the session of one user.
struct ApiSession {
    api: axum::Router,
    token: String,
}

impl ApiSession {
    async fn open(place: &OpenStore, name: &str) -> Result<ApiSession, Failure> {
        let (api, token) = place.api_as(name).await?;
        Ok(ApiSession { api, token })
    }

    /// Ends the session that was opened for this command. A failure is only printed, because it does not change the
    /// command's result; the session then ends when it expires.
    async fn close(self) {
        if let Err(failure) = self.call(Method::POST, "auth/logout", None, "application/json").await {
            errln!("warning: the session that this command opened could not be ended: {:#}", failure.error);
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>, accept: &str) -> Result<Vec<u8>, Failure> {
        let sent = body.clone().unwrap_or_default();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))?;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)));
        let answer = self.api.clone().oneshot(request).await?;
        let status = answer.status();
        let body =
            axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.context("cannot read the answer")?;
        if status.is_success() {
            return Ok(body.into());
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason was given");
        let faults = problem["errors"].as_array().into_iter().flatten();
        let mut message = detail.to_owned();
        for fault in faults {
            let (field, why) =
                (fault["pointer"].as_str().unwrap_or_default(), fault["detail"].as_str().unwrap_or_default());
            message = if why == detail { format!("{}: {why}", option_of(field, &sent)) } else { message };
        }
        let exit = match status {
            StatusCode::NOT_FOUND => Exit::NotFound,
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Exit::Auth,
            _ if status.is_client_error() => Exit::Usage,
            _ => Exit::System,
        };
        Err(Failure { exit, error: anyhow!("{message}") })
    }

    async fn json(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let answer = self.call(method, path, body, "application/json").await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&answer).context("the answer is not JSON")?)
    }

    /// Reads all entries of a paged list.
    async fn all(&self, path: &str, field: &str) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        for page in 1.. {
            let and = if path.contains('?') { '&' } else { '?' };
            let mut answer = self.json(Method::GET, &format!("{path}{and}page={page}&limit={PAGE}"), None).await?;
            let Value::Array(entries) = answer[field].take() else { break };
            let is_last = entries.len() < PAGE;
            all.extend(entries);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    async fn create(&self, new: &NewContest) -> CommandResult {
        let mut body = json!({
            "slug": new.slug, "title": new.title, "description": new.description, "style": new.style.as_str(),
            "starts_at": new.starts_at, "length_seconds": new.length.as_secs(), "public": new.public,
            "problems": new.problem,
        });
        if let Some(minutes) = new.penalty_minutes {
            body["penalty_minutes"] = minutes.into();
        }
        if let Some(freeze) = new.freeze {
            body["freeze_seconds"] = freeze.as_secs().into();
        }
        let made = self.json(Method::POST, "contests", Some(body)).await?;
        let text = |field: &str| made[field].as_str().unwrap_or_default().to_owned();
        outln!("contest {} created: {} to {}", new.slug, text("starts_at"), text("ends_at"));
        if !new.public {
            outln!("join code: {}", text("join_code"));
        }
        Ok(Exit::Ok)
    }

    async fn add(&self, place: &OpenStore, slug: &str, problems: &[String], users: &[String]) -> CommandResult {
        let contest = self.json(Method::GET, &format!("contests/{slug}"), None).await?;
        self.refuse_wrong_names(place, slug, problems, users).await?;
        if !problems.is_empty() {
            let known = contest["problems"].as_array().into_iter().flatten().filter_map(|one| one["slug"].as_str());
            let all: Vec<&str> = known.chain(problems.iter().map(String::as_str)).collect();
            self.json(Method::PATCH, &format!("contests/{slug}"), Some(json!({ "problems": all }))).await?;
            outln!("contest {slug} has {} problems", all.len());
        }
        for name in users {
            let desk = ApiSession::open(place, name).await?;
            let body = json!({ "kind": "official", "join_code": contest["join_code"] });
            let joined = desk.json(Method::POST, &format!("contests/{slug}/participation"), Some(body)).await;
            desk.close().await;
            joined.map_err(|failure| Failure { error: failure.error.context(format!("user {name}")), ..failure })?;
            outln!("user {name} takes part");
        }
        Ok(Exit::Ok)
    }

    /// Checks all problems and users that are to be added to a contest, before anything is changed.
    async fn refuse_wrong_names(
        &self,
        place: &OpenStore,
        contest: &str,
        problems: &[String],
        users: &[String],
    ) -> Result<(), Failure> {
        let (mut missing, mut unfit) = (Vec::new(), Vec::new());
        let store = &place.store.0;
        for problem in problems {
            let slug = problem.parse::<Slug>().or_exit(Exit::Usage)?;
            if store.problem(ProblemKey::Slug(slug), None).await?.is_none() {
                missing.push(format!("there is no problem `{problem}`"));
            }
        }
        let slug = contest.parse::<Slug>().or_exit(Exit::Usage)?;
        let contest = store.contest(&slug).await?.context("the contest was deleted just now")?;
        let mut named = HashSet::new();
        let is_over = contest.phase(place.store.1.now()) == Phase::Over;
        for name in users {
            match place.find_user(name).await? {
                None => missing.push(format!("there is no user `{name}`")),
                Some(user) if user.disabled_at.is_some() => {
                    unfit.push(format!("user `{name}` is disabled; `cupel user enable` enables the account again"));
                }
                Some(user) if !named.insert(user.id) => unfit.push(format!("user `{name}` is named twice")),
                Some(user) if user.id == contest.owner => {
                    unfit.push(format!("user `{name}` arranges the contest, so they cannot take part"));
                }
                Some(_) if is_over => {
                    unfit.push(format!("the contest is over, so user `{name}` can only take part virtually"));
                }
                Some(user) if store.participant(contest.id, user.id).await?.is_some() => {
                    unfit.push(format!("user `{name}` takes part already"));
                }
                Some(_) => {}
            }
        }
        let exit = if unfit.is_empty() { Exit::NotFound } else { Exit::Usage };
        let faults = [missing, unfit].concat();
        if faults.is_empty() {
            return Ok(());
        }
        Err(anyhow!("nothing was changed: {}", faults.join("; "))).or_exit(exit)
    }

    async fn join_code(&self, slug: &str, renew: bool) -> CommandResult {
        let path = format!("contests/{slug}");
        if renew {
            self.json(Method::PATCH, &path, Some(json!({ "new_join_code": true }))).await?;
        }
        let contest = self.json(Method::GET, &path, None).await?;
        let Some(code) = contest["join_code"].as_str() else {
            let error = match contest["may_change"] == json!(true) {
                true => anyhow!("contest `{slug}` is public: all users may take part without a code"),
                false => {
                    anyhow!("only the owner of contest `{slug}` and administrators see its code: name one with --by")
                }
            };
            let exit = if contest["may_change"] == json!(true) { Exit::NotFound } else { Exit::Auth };
            return Err(error).or_exit(exit);
        };
        outln!("{code}");
        Ok(Exit::Ok)
    }

    async fn standings(&self, slug: &str, unfrozen: bool, format: ContestFormat) -> CommandResult {
        let path = format!("contests/{slug}/standings?unfrozen={unfrozen}");
        match format {
            ContestFormat::Csv => {
                let csv = self.call(Method::GET, &path, None, "text/csv").await?;
                out!("{}", String::from_utf8_lossy(&csv));
            }
            ContestFormat::Json => outln!("{}", self.all_standings(&path).await?),
            ContestFormat::Table => {
                let standings = self.all_standings(&path).await?;
                table_of(&standings).print();
                if standings["frozen"] == json!(true) {
                    outln!("results are frozen: --unfrozen shows the organizers all of them");
                }
            }
        }
        Ok(Exit::Ok)
    }

    /// Prints the submissions of a contest. `filters`: query parameters.
    async fn submissions(
        &self,
        slug: &str,
        filters: [(&str, &Option<String>); 3],
        format: ContestFormat,
    ) -> CommandResult {
        let given = filters.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let query: Vec<String> =
            given.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))).collect();
        let path = format!("contests/{slug}/submissions?{}", query.join("&"));
        match format {
            ContestFormat::Csv => {
                let csv = self.call(Method::GET, &path, None, "text/csv").await?;
                out!("{}", String::from_utf8_lossy(&csv));
            }
            ContestFormat::Json => {
                outln!("{}", json!({ "submissions": self.all(&path, "submissions").await? }));
            }
            ContestFormat::Table => {
                let mut table = Table::new(&["SUBMISSION", "USER", "PROBLEM", "LANGUAGE", "VERDICT", "SUBMITTED"]);
                for one in self.all(&path, "submissions").await? {
                    let fields = ["submission_id", "username", "problem", "language", "verdict", "submitted_at"];
                    table.row(fields.map(|field| plain(&one[field])).to_vec());
                }
                table.print();
            }
        }
        Ok(Exit::Ok)
    }

    /// Reads the standings with all rows, without paging. A row that changes its place between two pages may be read
    /// twice or not at all, so the rows are then read again.
    async fn all_standings(&self, path: &str) -> Result<Value, Failure> {
        for reads in 0..STANDINGS_READS_MAX {
            if reads > 0 {
                tokio::time::sleep(STANDINGS_PAUSE).await;
            }
            let mut standings = self.json(Method::GET, &format!("{path}&limit=1"), None).await?;
            let rows = self.all(path, "rows").await?;
            if !are_complete(&rows, standings["pagination"]["total"].as_u64().unwrap_or(0)) {
                continue;
            }
            standings["rows"] = rows.into();
            if let Some(fields) = standings.as_object_mut() {
                fields.remove("pagination");
                fields.remove("own");
            }
            return Ok(standings);
        }
        Err(anyhow!("the standings changed each time while they were read: try again, or use `cupel contest standings --format csv`"))
            .or_exit(Exit::System)
    }

    /// Lifts the freeze of the standings.
    async fn unfreeze(&self, slug: &str) -> CommandResult {
        self.json(Method::PATCH, &format!("contests/{slug}"), Some(json!({ "unfrozen": true }))).await?;
        outln!("the standings of {slug} are no longer frozen");
        Ok(Exit::Ok)
    }

    /// Prints all data that the contest's organizers can see, as one JSON object.
    async fn export(&self, slug: &str) -> CommandResult {
        let contest = self.json(Method::GET, &format!("contests/{slug}"), None).await?;
        let mut all = Map::new();
        if contest["may_change"] != json!(true) {
            return Err(anyhow!("only the owner of contest `{slug}` and administrators export it: name one with --by"))
                .or_exit(Exit::Auth);
        }
        all.insert("contest".to_owned(), contest);
        let standings = self.all_standings(&format!("contests/{slug}/standings?unfrozen=true")).await?;
        all.insert("standings".to_owned(), standings);
        let clarifications = self.all(&format!("contests/{slug}/clarifications"), "clarifications").await?;
        all.insert("clarifications".to_owned(), clarifications.into());
        outln!("{}", Value::Object(all));
        Ok(Exit::Ok)
    }
}

/// Whether these rows of the standings are those of `total` different users.
fn are_complete(rows: &[Value], total: u64) -> bool {
    let names: HashSet<&str> = rows.iter().filter_map(|row| row["username"].as_str()).collect();
    rows.len() as u64 == total && names.len() == rows.len()
}

/// The text of a problem's cell, as on ICPC scoreboards: `+2` is solved after two rejected tries, `-2` has two rejected
/// tries, `2?1` has two rejected tries and one without a result. With IOI scoring, the score; `40?1` has one more try
/// without a result.
fn cell_text(cell: &Value, is_icpc: bool) -> String {
    let number = |field: &str| cell[field].as_u64().unwrap_or(0);
    let is_solved = !cell["solved_at_seconds"].is_null();
    match (number("tries"), number("pending")) {
        (0, 0) => String::new(),
        (0 | 1, _) if is_icpc && is_solved => "+".to_owned(),
        (tries, _) if is_icpc && is_solved => format!("+{}", tries - 1),
        (tries, 0) if is_icpc => format!("-{tries}"),
        (tries, pending) if is_icpc => format!("{tries}?{pending}"),
        (_, 0) => plain(&cell["score"]),
        (0, pending) => format!("?{pending}"),
        (_, pending) => format!("{}?{pending}", plain(&cell["score"])),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

/// Returns the option that sets a field of the request, given by its JSON pointer.
fn option_of(pointer: &str, request: &Value) -> String {
    match pointer.trim_start_matches('/') {
        "length_seconds" => "--length".to_owned(),
        "freeze_seconds" => "--freeze".to_owned(),
        field if field.starts_with("problems/") => {
            format!("--problem {}", request.pointer(pointer).and_then(Value::as_str).unwrap_or_default())
        }
        "problems" => "--problem".to_owned(),
        "slug" => "slug".to_owned(),
        field => format!("--{}", field.replace('_', "-")),
    }
}

/// The standings as a table. If there are virtual participants, a column has the kind of each participation.
fn table_of(standings: &Value) -> Table {
    let letters: Vec<&str> = standings["problems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let rows = standings["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_icpc = standings["rows"][0]["score"].is_null();
    let has_kinds = rows.iter().any(|row| row["kind"] != json!("official"));
    let mut head = vec!["RANK", "USER"];
    head.extend(has_kinds.then_some("KIND"));
    head.extend(["SOLVED", if is_icpc { "PENALTY" } else { "SCORE" }]);
    head.extend(letters);
    let mut table = Table::new(&head);
    for row in rows {
        let sum = if is_icpc { &row["penalty_minutes"] } else { &row["score"] };
        let mut cells = vec![plain(&row["rank"]), plain(&row["username"])];
        cells.extend(has_kinds.then(|| plain(&row["kind"])));
        cells.extend([plain(&row["solved"]), plain(sum)]);
        cells.extend(row["problems"].as_array().into_iter().flatten().map(|cell| cell_text(cell, is_icpc)));
        table.row(cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_field_is_named_as_the_option_that_sets_it() {
        let request = json!({ "problems": ["night-bus", "nosuch"] });
        for (pointer, option) in [
            ("/starts_at", "--starts-at"),
            ("/length_seconds", "--length"),
            ("/penalty_minutes", "--penalty-minutes"),
            ("/problems/1", "--problem nosuch"),
            ("/slug", "slug"),
        ] {
            assert_eq!(option_of(pointer, &request), option);
        }
    }

    #[test]
    fn a_solved_problem_shows_the_number_of_rejected_tries_before_it() {
        let cell = |tries: u32, pending: u32, solved_at: Option<u32>| {
            cell_text(&json!({ "tries": tries, "pending": pending, "solved_at_seconds": solved_at, "score": 40 }), true)
        };
        let texts = [cell(0, 0, None), cell(1, 0, Some(60)), cell(3, 0, Some(60)), cell(2, 0, None), cell(2, 1, None)];
        assert_eq!(texts, ["", "+", "+2", "-2", "2?1"]);
        let score = json!({ "tries": 2, "pending": 0, "solved_at_seconds": null, "score": 40 });
        assert_eq!(cell_text(&score, false), "40");
    }

    #[test]
    fn a_try_without_a_result_does_not_hide_the_score() {
        let cell = |tries: u32, score: Option<u32>| {
            let cell = json!({ "tries": tries, "pending": 1, "solved_at_seconds": score.map(|_| 60), "score": score });
            cell_text(&cell, false)
        };
        assert_eq!([cell(0, None), cell(1, Some(100)), cell(2, Some(0))], ["?1", "100?1", "0?1"]);
    }

    /// Regression: a virtual participant looked like the winner.
    #[test]
    fn a_table_with_virtual_participants_names_the_kinds() {
        let row = |rank: u32, name: &str, kind: &str| {
            let problems = json!([{ "tries": 1, "pending": 0, "solved_at_seconds": 60, "score": null }]);
            json!({ "rank": rank, "username": name, "kind": kind, "solved": 1, "penalty_minutes": 1, "problems": problems })
        };
        let table = |rows: &[Value]| {
            let text = table_of(&json!({ "problems": ["A"], "rows": rows })).render();
            anstream::adapter::strip_str(&text).to_string()
        };
        let ada = row(1, "ada", "official");
        let bob = row(1, "bob", "virtual");
        assert_eq!(
            table(std::slice::from_ref(&ada)),
            "RANK  USER  SOLVED  PENALTY  A\n1     ada   1       1        +\n"
        );
        assert_eq!(
            table(&[bob, ada]),
            "RANK  USER  KIND      SOLVED  PENALTY  A\n\
             1     bob   virtual   1       1        +\n\
             1     ada   official  1       1        +\n"
        );
    }

    #[test]
    fn rows_that_were_read_while_one_changed_its_place_are_not_complete() {
        let rows = |names: &[&str]| names.iter().map(|name| json!({ "username": name })).collect::<Vec<_>>();
        assert!(are_complete(&rows(&["ada", "bob", "eve"]), 3));
        assert!(!are_complete(&rows(&["ada", "bob", "bob"]), 3), "a row is there twice, and another one is missing");
        assert!(!are_complete(&rows(&["ada", "bob"]), 3), "a user has joined");
    }
}
