//! Snippets: programs that users share by a link. A snippet never changes.
//!
//! A snippet's id is the first half of the SHA-256 of its canonical form, so the same program always has the same link,
//! regardless of the user who shares it. Every client that knows the link may read the snippet. Snippets are listed
//! only to the users who shared them.
//!
//! Invariants: the store keeps one copy for each user who shared the program. So a user's snippets can be counted and
//! removed with the account, and the link works until the last copy is removed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cupel_types::{Bytes, LanguageId, LimitsRequest, UserId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Core, InputFault, InputFaultKind, NewProgram, NewSource, NewSubmission, RateExceeded, RateLimit, StoreError, check,
};

/// First bytes of the canonical form; another form needs another version.
const CANONICAL_FORM: &[u8] = b"cupel-snippet-1";

/// First bytes of the canonical form with patterns or a title. Programs with neither keep the first form, and so their
/// links.
const CANONICAL_FORM_2: &[u8] = b"cupel-snippet-2";

/// First bytes of the canonical form of a program for a terminal. Its other parts are those of the second form.
const CANONICAL_FORM_3: &[u8] = b"cupel-snippet-3";

/// Maximum length of a snippet's title, in characters.
const TITLE_MAX: usize = 100;

/// A shared program, as its sender wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The language.
    pub language: LanguageId,
    /// The main source.
    pub source: String,
    /// Additional files: paths and contents.
    pub files: Vec<(String, String)>,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// Standard input.
    pub stdin: String,
    /// Requested CPU time, a whole number of milliseconds; `None`: the language's default.
    pub cpu_time: Option<Duration>,
    /// Requested memory; `None`: the language's default.
    pub memory: Option<Bytes>,
    /// Patterns of the files that are kept after the execution.
    pub artifacts: Vec<String>,
    /// The title: 1 to 100 characters, without control characters, and without white space at its ends.
    pub title: Option<String>,
    /// Whether the site runs the program in a terminal.
    pub terminal: bool,
}

/// Id of a snippet: 128 bits of a hash of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SnippetId(Uuid);

impl SnippetId {
    /// An id from the store.
    pub const fn from_uuid(id: Uuid) -> SnippetId {
        SnippetId(id)
    }

    /// The id in the form in which stores keep it.
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }

    /// The id of a program. Each part is preceded by its length, so two programs never have the same canonical form.
    fn of(snippet: &Snippet) -> SnippetId {
        let Snippet { language, source, files, args, stdin, cpu_time, memory, artifacts, title, terminal } = snippet;
        let form = match (terminal, !artifacts.is_empty() || title.is_some()) {
            (true, _) => CANONICAL_FORM_3,
            (false, true) => CANONICAL_FORM_2,
            (false, false) => CANONICAL_FORM,
        };
        let mut hash = Sha256::new();
        let text = |hash: &mut Sha256, text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        hash.update(form);
        text(&mut hash, language.as_str());
        text(&mut hash, source);
        hash.update((files.len() as u64).to_be_bytes());
        for (path, content) in files {
            text(&mut hash, path);
            text(&mut hash, content);
        }
        hash.update((args.len() as u64).to_be_bytes());
        for arg in args {
            text(&mut hash, arg);
        }
        text(&mut hash, stdin);
        // A requested limit is at least 1, so 0 represents the default.
        let cpu_time_ms = cpu_time.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        hash.update(cpu_time_ms.to_be_bytes());
        hash.update(memory.map_or(0, Bytes::get).to_be_bytes());
        if form != CANONICAL_FORM {
            hash.update((artifacts.len() as u64).to_be_bytes());
            for pattern in artifacts {
                text(&mut hash, pattern);
            }
            // A title is never empty, so an empty one represents none.
            text(&mut hash, title.as_deref().unwrap_or_default());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        SnippetId(Uuid::from_bytes(half))
    }
}

impl std::fmt::Display for SnippetId {
    /// The 22 characters in a link.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

/// A text that is no id of a snippet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a snippet's id has 22 characters from `A-Z`, `a-z`, `0-9`, `-` and `_`")]
pub struct NotASnippetId;

impl std::str::FromStr for SnippetId {
    type Err = NotASnippetId;

    fn from_str(text: &str) -> Result<SnippetId, NotASnippetId> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotASnippetId)?;
        Uuid::from_slice(&bytes).map(SnippetId).map_err(|_| NotASnippetId)
    }
}

/// A snippet with the time at which it was last shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSnippet {
    /// The program.
    pub snippet: Snippet,
    /// Time at which a user last shared the snippet. Its retention starts at this time.
    pub shared_at: Timestamp,
}

/// A snippet in the list of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSnippet {
    /// The id.
    pub id: SnippetId,
    /// The language.
    pub language: LanguageId,
    /// The snippet's title, or else the first non-blank line of the main source, up to [`OwnSnippet::TITLE_MAX`]
    /// characters.
    pub title: String,
    /// When the user last shared it.
    pub shared_at: Timestamp,
}

impl OwnSnippet {
    /// Maximum length of a title, in characters.
    pub const TITLE_MAX: usize = 120;

    /// The entry of a snippet that the user shared.
    pub fn of(id: SnippetId, shared: &SharedSnippet) -> OwnSnippet {
        let SharedSnippet { snippet, shared_at } = shared;
        let line = || snippet.source.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let title = snippet.title.as_deref().unwrap_or_else(line);
        OwnSnippet {
            id,
            language: snippet.language.clone(),
            title: title.chars().take(OwnSnippet::TITLE_MAX).collect(),
            shared_at: *shared_at,
        }
    }
}

/// The user has the maximum number of snippets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySnippets;

/// The port for snippets.
#[async_trait]
pub trait SnippetStore: Send + Sync {
    /// Stores a user's copy of a snippet. If the user has one, only its time changes. Refused if the user has
    /// `per_user_max` other snippets.
    async fn share_snippet(
        &self,
        id: SnippetId,
        owner: UserId,
        shared: SharedSnippet,
        per_user_max: u64,
    ) -> Result<Result<(), TooManySnippets>, StoreError>;

    /// A snippet, with the latest time at which a user shared it.
    async fn snippet(&self, id: SnippetId) -> Result<Option<SharedSnippet>, StoreError>;

    /// A page of a user's snippets, most recently shared first: at most `most`, after the first `skip`. Also returns
    /// the total number.
    async fn own_snippets(&self, owner: UserId, skip: u64, most: u64) -> Result<(Vec<OwnSnippet>, u64), StoreError>;

    /// Removes a user's copy of a snippet. Returns whether there was one.
    async fn remove_snippet(&self, id: SnippetId, owner: UserId) -> Result<bool, StoreError>;
}

/// A program to share, as the client sent it.
#[derive(Clone, Debug, Default)]
pub struct NewSnippet {
    /// Id or alias of the language.
    pub language: String,
    /// The main source.
    pub source: String,
    /// Additional files: paths and contents.
    pub files: Vec<(String, String)>,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// Standard input.
    pub stdin: String,
    /// Requested CPU time.
    pub cpu_time: Option<Duration>,
    /// Requested memory.
    pub memory: Option<Bytes>,
    /// Patterns of the files that are kept after the execution.
    pub artifacts: Vec<String>,
    /// The title. A blank title is none.
    pub title: Option<String>,
    /// Whether the site runs the program in a terminal.
    pub terminal: bool,
}

/// Why a program was not shared. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ShareError {
    #[error("the program is refused")]
    Invalid(Vec<InputFault>),
    #[error("you share {most} programs, which is the maximum")]
    TooMany { most: u64 },
    #[error(transparent)]
    RateExceeded(#[from] RateExceeded),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Core {
    /// Shares a program and returns the id in its link. Only a program that could be submitted is shared.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn share_snippet(
        &self,
        owner: UserId,
        new: NewSnippet,
        rate_limit: &dyn RateLimit,
    ) -> Result<SnippetId, ShareError> {
        let snippet = self.check_snippet(new).map_err(ShareError::Invalid)?;
        rate_limit.charge(1).await?;
        let id = SnippetId::of(&snippet);
        let shared = SharedSnippet { snippet, shared_at: self.now() };
        let most = self.bounds().snippets_per_user_max;
        let stored = self.inner.store.share_snippet(id, owner, shared, most).await?;
        stored.map(|()| id).map_err(|TooManySnippets| ShareError::TooMany { most })
    }

    /// A shared program.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn snippet(&self, id: SnippetId) -> Result<Option<SharedSnippet>, StoreError> {
        self.inner.store.snippet(id).await
    }

    /// A page of the programs that a user shares, most recently shared first: at most `most`, after the first `skip`.
    /// Also returns the total number.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn own_snippets(
        &self,
        owner: UserId,
        skip: u64,
        most: u64,
    ) -> Result<(Vec<OwnSnippet>, u64), StoreError> {
        self.inner.store.own_snippets(owner, skip, most).await
    }

    /// Ends the sharing of a program by this user. Returns whether the user shared it. The link works as long as
    /// another user shares the same program.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn remove_snippet(&self, owner: UserId, id: SnippetId) -> Result<bool, StoreError> {
        self.inner.store.remove_snippet(id, owner).await
    }

    fn check_snippet(&self, new: NewSnippet) -> Result<Snippet, Vec<InputFault>> {
        let fault = |pointer: &str, kind, detail| InputFault { index: None, pointer: pointer.into(), kind, detail };
        let registry = self.registry();
        let main = (String::new(), Arc::from(new.source.as_bytes()));
        let others = new.files.iter().map(|(path, text)| (path.clone(), Arc::from(text.as_bytes())));
        let program = NewProgram {
            source: NewSource { language: new.language.clone(), files: std::iter::once(main).chain(others).collect() },
            args: new.args.clone(),
            stdin: Arc::from(new.stdin.as_bytes()),
            artifacts: new.artifacts.clone(),
            // A snippet can have only these limits.
            limits: LimitsRequest {
                cpu_time: new.cpu_time,
                wall_time: None,
                idle_time: None,
                instructions: None,
                memory: new.memory,
                address_space: None,
                processes: None,
                open_files: None,
                file_size: None,
                disk: None,
                inodes: None,
                output: None,
                stack: None,
            },
            ..NewProgram::default()
        };
        let checked = check(&[NewSubmission::from(program)], &registry, self.bounds(), self.now());
        let mut faults = checked.err().unwrap_or_default();
        if new
            .title
            .as_deref()
            .is_some_and(|title| title.chars().count() > TITLE_MAX || title.contains(char::is_control))
        {
            let detail = format!("a title has at most {TITLE_MAX} characters, and no control characters");
            faults.push(fault("/title", InputFaultKind::BadName, detail));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let title = new.title.as_deref().map(str::trim).filter(|title| !title.is_empty());
        let of_files: usize = new.files.iter().map(|(path, text)| path.len() + text.len()).sum();
        let of_args: usize = new.args.iter().map(String::len).sum();
        let of_artifacts: usize = new.artifacts.iter().map(String::len).sum();
        let of_title = title.map_or(0, str::len);
        let texts = [new.source.len(), of_files, of_args, new.stdin.len(), of_artifacts, of_title];
        let total = Bytes::new(texts.iter().sum::<usize>() as u64);
        let most = self.bounds().snippet_bytes_max;
        if total > most {
            let detail = format!("a shared program has at most {most}; this one has {total}");
            return Err(vec![fault("", InputFaultKind::TooLarge, detail)]);
        }
        // `check` has found the language.
        let language = registry.find(&new.language).map(|language| language.id.clone()).ok_or_else(Vec::new)?;
        let title = title.map(str::to_owned);
        let NewSnippet { language: _, source, files, args, stdin, cpu_time, memory, artifacts, title: _, terminal } =
            new;
        Ok(Snippet { language, source, files, args, stdin, cpu_time, memory, artifacts, title, terminal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snippet() -> Snippet {
        Snippet {
            language: "python".parse().unwrap(),
            source: "ab".into(),
            files: vec![("c".into(), "d".into())],
            args: vec!["e".into()],
            stdin: "f".into(),
            cpu_time: None,
            memory: None,
            artifacts: Vec::new(),
            title: None,
            terminal: false,
        }
    }

    #[test]
    fn the_id_depends_on_every_part_and_on_the_boundaries_between_the_parts() {
        let with = |change: fn(&mut Snippet)| {
            let mut snippet = snippet();
            change(&mut snippet);
            SnippetId::of(&snippet)
        };
        let ids = [
            with(|_| {}),
            with(|s| s.language = "c".parse().unwrap()),
            with(|s| s.source = "a".into()),
            with(|s| s.files[0] = ("cd".into(), String::new())),
            with(|s| s.files.clear()),
            with(|s| s.args.push(String::new())),
            with(|s| s.args.clear()),
            with(|s| s.stdin = "fg".into()),
            with(|s| s.cpu_time = Some(Duration::from_secs(1))),
            with(|s| s.memory = Some(Bytes::new(1000))),
            with(|s| s.artifacts = vec!["g".into()]),
            with(|s| s.artifacts = vec!["g".into(), String::new()]),
            with(|s| s.title = Some("g".into())),
            with(|s| s.title = Some("h".into())),
            with(|s| s.terminal = true),
            with(|s| (s.title, s.terminal) = (Some("h".into()), true)),
        ];
        let different: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert_eq!(ids[0], with(|_| {}));
        // A link that has been sent must keep working: the canonical form never changes.
        assert_eq!(ids[0].to_string(), "tA3CHuql23W3QON3J1J6eg");
        assert_eq!(
            with(|s| (s.artifacts, s.title) = (vec!["*.png".into()], Some("g".into()))).to_string(),
            "ZNY0OTax_rpKRQyMdgZSIQ"
        );
        assert_eq!(with(|s| s.terminal = true).to_string(), "ou2HGcsoctpkm7WHZzUcIA");
    }

    #[test]
    fn an_id_is_parsed_only_in_its_canonical_form() {
        let id = SnippetId::of(&snippet());
        let text = id.to_string();
        assert_eq!(text.len(), 22);
        assert_eq!(text.parse(), Ok(id));
        let other_end = |end: char| format!("{}{end}", &text[..21]);
        let equal = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        assert_eq!(equal.chars().filter(|end| other_end(*end).parse() == Ok(id)).count(), 1);
        for bad in ["", "a", "=", "../../etc/passwd", &text[..21], &format!("{text}=="), &format!("{text}A")] {
            assert_eq!(bad.parse::<SnippetId>(), Err(NotASnippetId), "{bad}");
        }
    }
}
