//! Import of many accounts from a CSV file, each with a one-time link instead of a password. The result is a CSV file
//! as well.
//!
//! The first line names the columns: `username`, and optionally `email`, `role` and `tier`, in upper or lower case. The
//! separator is `;` if the first line contains a semicolon, otherwise `,`. A spreadsheet program writes one or the
//! other, depending on the language of the system. Every line is checked before the first account is created. A name or
//! address that is taken is reported in its line and does not affect the other lines. If an account with the same name
//! and address exists, is enabled and has no password yet, it gets a new link, so an import may be repeated.

use std::time::Duration;

use cupel_types::UserId;

use super::service::{fault_of_username, plausible_email};
use super::sessions::NO_PASSWORD;
use super::{Accounts, NewUser, PasswordLink, Role, Tier, User};
use crate::{StoreError, UserTaken};

/// Maximum number of people per import.
pub const IMPORT_MAX: usize = 5000;

/// Number of accounts written at the same time.
const AT_ONCE: usize = 50;

/// A person to import.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Person {
    /// One-based line number in the file; line 1 names the columns.
    pub line: u64,
    pub username: String,
    /// The e-mail address; empty if the person has none.
    pub email: String,
    pub role: Role,
    pub tier: Tier,
}

/// An error in a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct LineFault {
    /// One-based number of the line; 0 if the error concerns no single line.
    pub line: u64,
    /// Description of the error.
    pub detail: String,
}

/// Result for a person.
pub enum Imported {
    /// The account was created; the link sets its password.
    Created(PasswordLink),
    /// An earlier import created the account, and the account has no password yet. The link replaces the earlier link.
    Exists(PasswordLink),
    /// The name or address is taken.
    Taken(UserTaken),
}

/// Reads the people of a CSV file. `tiers`: the configured tiers.
///
/// # Errors
/// The faults of all lines; a line may have several. If the first line is wrong, only its fault is reported. Lines
/// after the first [`IMPORT_MAX`] people are not checked.
pub fn read_people(csv: &[u8], tiers: &[&str]) -> Result<Vec<Person>, Vec<LineFault>> {
    let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
    // The CSV reader's line numbers are one too low after CRLF line endings, so the CR of each is removed first.
    let is_cr_of_crlf = |at: usize| csv[at..].starts_with(b"\r\n");
    let csv: Vec<u8> = (0..csv.len()).filter(|at| !is_cr_of_crlf(*at)).map(|at| csv[at]).collect();
    // Column names contain no semicolon, so a semicolon in the first line is the separator.
    let has_semicolon = csv.split(|c| *c == b'\n').next().is_some_and(|first| first.contains(&b';'));
    let separator = if has_semicolon { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).trim(csv::Trim::All).from_reader(csv.as_slice());
    let fault = |line: u64, detail: String| LineFault { line, detail };
    let columns = reader.headers().map_err(|error| vec![fault(1, unreadable(&error))])?;
    let columns: Vec<String> = columns.iter().map(str::to_ascii_lowercase).collect();
    let known = ["username", "email", "role", "tier"];
    if let Some(unknown) = columns.iter().find(|name| !known.contains(&name.as_str())) {
        let unknown: String = unknown.chars().take(64).collect();
        let detail = format!("there is no column `{unknown}`; the columns are username, email, role and tier");
        return Err(vec![fault(1, detail)]);
    }
    if !columns.iter().any(|name| name == "username") {
        return Err(vec![fault(1, "the first line must name the columns, at least `username`".into())]);
    }
    let place = |name: &str| columns.iter().position(|column| column == name);
    let (username, email, role, tier) = (place("username"), place("email"), place("role"), place("tier"));
    let (mut people, mut faults) = (Vec::new(), Vec::new());
    let mut seen = std::collections::HashSet::new();
    let mut lines = 0;
    for record in reader.records() {
        if lines >= IMPORT_MAX {
            faults.push(fault(0, format!("an import has at most {IMPORT_MAX} people")));
            break;
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                lines += 1;
                faults.push(fault(error.position().map_or(0, csv::Position::line), unreadable(&error)));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let field = |place: Option<usize>| place.and_then(|place| record.get(place)).unwrap_or("");
        let role = match field(role) {
            "" => Some(Role::User),
            name => Role::granted(name),
        };
        let tier = match field(tier) {
            "" => Tier::default(),
            name => Tier(name.to_owned()),
        };
        let (username, email) = (field(username), field(email));
        let mut wrong: Vec<String> = fault_of_username(username).map(|fault| fault.detail).into_iter().collect();
        if !email.is_empty() && !plausible_email(email) {
            wrong.push("an e-mail address is NAME@DOMAIN with at most 254 characters, or nothing".into());
        }
        if role.is_none() {
            wrong.push("a role is user, author or admin".into());
        }
        if !tiers.contains(&tier.0.as_str()) {
            wrong.push(format!("the tiers are {}", tiers.join(", ")));
        }
        // Records the name and the address, even if the name was seen before.
        let texts = [username, email].into_iter().filter(|text| !text.is_empty());
        if texts.filter(|text| !seen.insert(text.to_lowercase())).count() > 0 {
            wrong.push("an earlier line has the same name or address".into());
        }
        lines += 1;
        match (wrong.is_empty(), role) {
            (true, Some(role)) => {
                people.push(Person { line, username: username.to_owned(), email: email.to_owned(), role, tier })
            }
            (..) => faults.extend(wrong.into_iter().map(|detail| fault(line, detail))),
        }
    }
    if people.is_empty() && faults.is_empty() {
        faults.push(fault(1, "the file has no users".into()));
    }
    if faults.is_empty() { Ok(people) } else { Err(faults) }
}

/// Time in the format of the API: RFC 3339, UTC, milliseconds.
fn milliseconds(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Description of the syntax error.
fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the line is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} fields; the first line names {expected_len} columns")
        }
        _ => "the line is not CSV".to_owned(),
    }
}

/// Result of an import as CSV: `username,email,status,link,expires_at`, with `status` `created`, `exists` or `taken`. A
/// link is `address` followed by its token.
pub fn write_links(people: &[(Person, Imported)], address: &str) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(["username", "email", "status", "link", "expires_at"]);
    for (person, imported) in people {
        let (status, link, expires_at) = match imported {
            Imported::Created(link) => ("created", format!("{address}{}", link.token), milliseconds(link.expires_at)),
            Imported::Exists(link) => ("exists", format!("{address}{}", link.token), milliseconds(link.expires_at)),
            Imported::Taken(_) => ("taken", String::new(), String::new()),
        };
        let _ = writer.write_record([&person.username, &person.email, status, &link, &expires_at]);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

impl Accounts {
    /// Creates an account for each of these people, with a link that is valid for `lifetime`. A person with an account
    /// from an earlier import and without a password gets a new link; the older link becomes invalid.
    ///
    /// # Errors
    /// If the store cannot write; some accounts may have been created.
    pub async fn import(&self, people: Vec<Person>, lifetime: Duration) -> Result<Vec<(Person, Imported)>, StoreError> {
        let mut done = Vec::with_capacity(people.len());
        let mut people = people.into_iter();
        loop {
            // Concurrent writes share one disk sync.
            let some: Vec<_> = people.by_ref().take(AT_ONCE).map(|person| self.import_one(person, lifetime)).collect();
            if some.is_empty() {
                return Ok(done);
            }
            for one in futures_util::future::join_all(some).await {
                done.push(one?);
            }
        }
    }

    async fn import_one(&self, person: Person, lifetime: Duration) -> Result<(Person, Imported), StoreError> {
        let now = self.now();
        let user = User {
            id: UserId::from_uuid(self.inner.ids.next(now)),
            username: person.username.clone(),
            email: person.email.clone(),
            role: person.role,
            tier: person.tier.clone(),
            created_at: now,
            disabled_at: None,
            in_leaderboards: true,
        };
        let (mut id, mut exists) = (user.id, false);
        let new = NewUser { user, password_hash: NO_PASSWORD.to_owned(), webhook_secret: crate::ids::secret() };
        if let Err(taken) = self.inner.store.insert_user(new).await? {
            let earlier = self.inner.store.user_by_login(&person.username).await?;
            let is_same = |(user, hash): &(User, String)| {
                hash == NO_PASSWORD && user.email.to_lowercase() == person.email.to_lowercase()
            };
            match earlier.filter(is_same) {
                Some((earlier, _)) if earlier.disabled_at.is_none() => (id, exists) = (earlier.id, true),
                _ => return Ok((person, Imported::Taken(taken))),
            }
        }
        match self.make_link(id, lifetime).await? {
            Some(link) if exists => Ok((person, Imported::Exists(link))),
            Some(link) => Ok((person, Imported::Created(link))),
            // The account was deleted in the meantime.
            None => Ok((person, Imported::Taken(UserTaken::Username))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIERS: [&str; 2] = ["basic", "pro"];

    #[test]
    fn the_columns_may_be_in_any_order() {
        let csv = "\u{feff}email,username,tier\r\nada@example.com,ada,pro\n , bob ,\n";
        let people = read_people(csv.as_bytes(), &TIERS).unwrap();
        let rows: Vec<_> = people.iter().map(|p| (p.line, &*p.username, &*p.email, &*p.tier.0, p.role)).collect();
        assert_eq!(rows, [(2, "ada", "ada@example.com", "pro", Role::User), (3, "bob", "", "basic", Role::User)]);
    }

    #[test]
    fn a_file_that_a_spreadsheet_wrote_may_have_semicolons_and_capitals() {
        let csv = "\u{feff}Username;EMAIL\r\nada;ada@example.com\r\nbob;\r\n";
        let people = read_people(csv.as_bytes(), &TIERS).unwrap();
        let seen: Vec<_> = people.iter().map(|p| (p.line, &*p.username, &*p.email)).collect();
        assert_eq!(seen, [(2, "ada", "ada@example.com"), (3, "bob", "")]);
    }

    #[test]
    fn a_file_with_faults_yields_all_faults_and_no_people() {
        let csv = "username,email,role,tier\nok1,,,\na b,,,\nok2,nowhere,,\nok3,,root,\nok4,,,gold\nOK1,,,\nx,y\n";
        let faults = read_people(csv.as_bytes(), &TIERS).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8], "{faults:?}");
        let faults = read_people(b"username,email,role,tier\na b,nowhere,root,gold\n", &TIERS).unwrap_err();
        let begins = ["a user name has", "an e-mail address is", "a role is", "the tiers are basic, pro"];
        assert_eq!(faults.len(), begins.len(), "{faults:?}");
        assert!(faults.iter().zip(begins).all(|(fault, begin)| fault.line == 2 && fault.detail.starts_with(begin)));
        for (csv, expected) in [
            ("", "name the columns"),
            ("name\nada", "no column `name`"),
            ("email\na@b.example", "name the columns"),
            ("username\n", "no users"),
        ] {
            let faults = read_people(csv.as_bytes(), &TIERS).unwrap_err();
            assert!(faults[0].detail.contains(expected), "{csv:?}: {faults:?}");
        }
        let many = format!("username\n{}", (0..6000).map(|n| format!("user{n}\n")).collect::<String>());
        assert!(read_people(many.as_bytes(), &TIERS).unwrap_err()[0].detail.contains("at most 5000"));
    }
}
