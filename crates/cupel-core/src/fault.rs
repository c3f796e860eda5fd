//! Validation errors of requests: what is wrong, and where.

/// One validation error of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFault {
    /// Zero-based index of the submission in the batch. `None`: the error concerns the whole request.
    pub index: Option<usize>,
    /// Position in the submission, as a JSON pointer (RFC 6901), for example `/language`, `/language/version` (the text
    /// after `@`), `/files/0/path`, `/compiler_args/0`, `/args/3`, `/env/NAME`, `/stdin`, `/tests/1/name`,
    /// `/limits/cpu_time_ms`, `/limits/memory_bytes`, `/run_at`, `/webhook`. The name of a limit ends with its unit, as
    /// in the API: `_ms` for times, `_bytes` for sizes.
    pub pointer: String,
    /// Kind of the validation error, for programs.
    pub kind: InputFaultKind,
    /// Human-readable description of the error and of the expected value.
    pub detail: String,
}

macro_rules! kinds {
    ($($Kind:ident $code:literal $meaning:literal;)*) => {
        /// Kind of a validation error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "`meaning` describes each kind, for readers of the code and of the documentation")]
        pub enum InputFaultKind { $($Kind,)* }

        impl InputFaultKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [InputFaultKind] = &[$(InputFaultKind::$Kind,)*];

            /// Stable name for programs.
            pub const fn code(self) -> &'static str {
                match self { $(InputFaultKind::$Kind => $code,)* }
            }

            /// What is wrong.
            pub const fn meaning(self) -> &'static str {
                match self { $(InputFaultKind::$Kind => $meaning,)* }
            }
        }
    };
}

kinds! {
    UnknownLanguage "unknown-language" "No language has this id or alias.";
    LanguageUnavailable "language-unavailable" "The language is known, but cannot be used here.";
    Missing "missing" "A value is required.";
    TooLarge "too-large" "The value has too many bytes or characters.";
    TooMany "too-many" "There are too many of them.";
    BadPath "bad-path" "This is not a permitted file path.";
    BadArgument "bad-argument" "An argument is not permitted.";
    BadEnv "bad-env" "The name or the value of an environment variable is not permitted.";
    BadTest "bad-test" "The test is invalid, or cannot be combined with another field.";
    BadInput "bad-input" "The standard input is not permitted.";
    LimitInvalid "limit-invalid" "The limit is below its minimum, or contradicts another limit.";
    LimitAboveMaximum "limit-above-maximum" "The limit is above the maximum of the language.";
    RunAtTooFar "run-at-too-far" "The time is too far in the future.";
    BadWebhook "bad-webhook" "This is not a URL that the server may call.";
    BadUsername "bad-username" "A user name has 3 to 32 characters from `A-Z a-z 0-9 _ . -`.";
    ReservedUsername "reserved-username" "The user name is reserved for accounts of Cupel or for deleted accounts.";
    BadEmail "bad-email" "This is not an e-mail address with at most 254 characters.";
    BadPassword "bad-password" "A password has 8 to 256 characters, none of them NUL.";
    PasswordIsName "password-is-name" "The password is the user name or the e-mail address.";
    Taken "taken" "Another account, problem or contest has this value.";
    BadJoinCode "bad-join-code" "The join code does not exist, has expired or is used up.";
    BadName "bad-name" "A name has 1 to 100 characters, none of them a control character.";
    BadScope "bad-scope" "You may not give a key this scope.";
    BadExpiry "bad-expiry" "The time has passed.";
}

/// Maximum number of validation errors reported individually per request. If there are more, one additional error says
/// so.
pub const FAULTS_MAX: usize = 100;
