//! Validation of submissions: reports all validation errors together, each with its position.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use cupel_languages::{Availability, ImageExecutor, Language, Placeholders, Registry};
use cupel_types::{
    ARTIFACT_PATTERNS_MAX, BoxFile, BoxFiles, BoxPath, Bytes, COMMAND_BYTES_MAX, Cases, FETCH_FILES_MAX,
    FETCH_PATHS_BYTES_MAX, Instructions, Limits, LimitsRequest, PathPattern, Program, Solution, Source, SubmissionKind,
    TestCase, ToolOptions, command_bytes, counted,
};
use jiff::{SignedDuration, Timestamp};

use crate::addresses::is_special_host;
use crate::bounds::Bounds;
use crate::cluster::NO_WORKER;
use crate::fault::{FAULTS_MAX, InputFault, InputFaultKind};
use crate::new_submission::{NewProgram, NewSolution, NewSource, NewSubmission, NewSubmissionKind};
use crate::web_url::{is_host, web_authority, web_host};

/// Maximum length of the name of a class to start, in bytes.
const CLASS_NAME_MAX: usize = 256;

/// Validates every submission of a request against the languages and bounds, and returns the requested work of each.
/// Does no I/O.
///
/// # Errors
/// The first [`FAULTS_MAX`] validation errors of all submissions. If there are more, one additional error says so.
pub fn check(
    new: &[NewSubmission],
    registry: &Registry,
    bounds: &Bounds,
    now: Timestamp,
) -> Result<Vec<SubmissionKind>, Vec<InputFault>> {
    if let Some(fault) = too_many(new, bounds) {
        return Err(vec![fault]);
    }
    let mut faults = Vec::new();
    let kinds: Vec<Option<SubmissionKind>> = new
        .iter()
        .enumerate()
        .map(|(index, new)| {
            let has_room = faults.len() <= FAULTS_MAX;
            has_room.then(|| Checker { index, new, bounds, now, faults: &mut faults }.check(registry)).flatten()
        })
        .collect();
    if faults.is_empty() {
        faults.extend(too_large(new, bounds));
    }
    match kinds.into_iter().collect::<Option<Vec<SubmissionKind>>>() {
        Some(kinds) if faults.is_empty() => Ok(kinds),
        _ => Err(faults),
    }
}

/// Validates every submission of a request by itself. A submission that is invalid does not affect the others.
///
/// # Errors
/// The error that concerns the whole request. The inner errors are those of one submission, as in [`check`].
pub(crate) fn check_each(
    new: &[NewSubmission],
    registry: &Registry,
    bounds: &Bounds,
    now: Timestamp,
) -> Result<Vec<Result<SubmissionKind, Vec<InputFault>>>, InputFault> {
    if let Some(fault) = too_many(new, bounds).or_else(|| too_large(new, bounds)) {
        return Err(fault);
    }
    let of_one = |(index, new): (usize, &NewSubmission)| {
        let mut faults = Vec::new();
        let kind = Checker { index, new, bounds, now, faults: &mut faults }.check(registry);
        kind.filter(|_| faults.is_empty()).ok_or(faults)
    };
    Ok(new.iter().enumerate().map(of_one).collect())
}

/// The error if the request has too many submissions.
fn too_many(new: &[NewSubmission], bounds: &Bounds) -> Option<InputFault> {
    (new.len() > bounds.batch_max).then(|| InputFault {
        index: None,
        pointer: String::new(),
        kind: InputFaultKind::TooMany,
        detail: format!("a batch has at most {}; this one has {}", counted(bounds.batch_max, "submission"), new.len()),
    })
}

/// The error if the request's submissions are together too large.
fn too_large(new: &[NewSubmission], bounds: &Bounds) -> Option<InputFault> {
    let total = new.iter().map(bytes_of).fold(Bytes::ZERO, Bytes::saturating_add);
    (total > bounds.batch_bytes_max).then(|| InputFault {
        index: None,
        pointer: String::new(),
        kind: InputFaultKind::TooLarge,
        detail: format!("a request carries at most {}; this one carries {total}", bounds.batch_bytes_max),
    })
}

fn bytes_of(new: &NewSubmission) -> Bytes {
    let of_source =
        |source: &NewSource| -> usize { source.files.iter().map(|(path, data)| path.len() + data.len()).sum() };
    let bytes = match &new.kind {
        NewSubmissionKind::Program(program) => {
            let NewProgram {
                source,
                executables: _,
                tools,
                args,
                env,
                stdin,
                tests,
                stderr_to_stdout: _,
                fetch: _,
                artifacts: _,
                limits: _,
                live: _,
            } = program;
            let tests: usize = tests.iter().map(|test| test.name.len() + test_bytes(test)).sum();
            of_source(source) + tests + stdin.len() + tools_bytes(tools) + args_bytes(args) + env_bytes(env)
        }
        NewSubmissionKind::Problem(NewSolution { source, of: _, cases }) => {
            of_source(source) + custom_input(cases).len()
        }
        NewSubmissionKind::Verify(_) => 0,
    };
    Bytes::new(bytes as u64)
}

/// The sender's custom input for a solution, if there is one.
fn custom_input(cases: &Cases) -> &[u8] {
    match cases {
        Cases::Input(input) => input,
        Cases::All | Cases::Samples => &[],
    }
}

/// Size of the arguments as the kernel counts it: each string ends with a NUL.
fn args_bytes(args: &[String]) -> usize {
    args.iter().map(|arg| arg.len() + 1).sum()
}

/// Size of all arguments of the tools.
fn tools_bytes(tools: &ToolOptions) -> usize {
    let ToolOptions { compiler_args, linker_args, interpreter_args, main_class, main_only: _ } = tools;
    args_bytes(compiler_args) + args_bytes(linker_args) + args_bytes(interpreter_args) + main_class.len() + 1
}

/// `NAME=value` and a NUL.
fn env_bytes(env: &[(String, String)]) -> usize {
    env.iter().map(|(name, value)| name.len() + value.len() + 2).sum()
}

/// Checks a path that a client sent. Besides the rules of [`BoxPath`], which count bytes, a path with non-ASCII
/// characters has a maximum number of characters, because a pattern in the OpenAPI document counts characters.
fn sent_path(text: &str) -> Result<BoxPath, String> {
    const COMPONENT_MAX: usize = 63;
    const PATH_MAX: usize = 256;
    let path = BoxPath::new(text).map_err(|error| error.to_string())?;
    let is_longer = |text: &str, max| !text.is_ascii() && text.chars().count() > max;
    if text.split('/').any(|component| is_longer(component, COMPONENT_MAX)) {
        return Err(format!("a name with characters outside ASCII has at most {COMPONENT_MAX} characters"));
    }
    if is_longer(text, PATH_MAX) {
        return Err(format!("a path with characters outside ASCII has at most {PATH_MAX} characters"));
    }
    Ok(path)
}

/// Whether a file has an extension of the language.
fn is_source(language: &Language, path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    language.extensions.iter().any(|known| Some(known.as_str()) == extension)
}

fn test_bytes(test: &TestCase) -> usize {
    test.stdin.len() + test.expected.as_ref().map_or(0, |e| e.len())
}

struct Checker<'a> {
    index: usize,
    new: &'a NewSubmission,
    bounds: &'a Bounds,
    now: Timestamp,
    faults: &'a mut Vec<InputFault>,
}

impl Checker<'_> {
    fn fault(&mut self, pointer: impl Into<String>, kind: InputFaultKind, detail: impl Into<String>) {
        let (pointer, detail) = match self.faults.len() {
            0..FAULTS_MAX => (pointer.into(), detail.into()),
            FAULTS_MAX => (String::new(), format!("there are more errors; these are the first {FAULTS_MAX}")),
            _ => return,
        };
        self.faults.push(InputFault { index: Some(self.index), pointer, kind, detail });
    }

    fn check(mut self, registry: &Registry) -> Option<SubmissionKind> {
        let new = self.new;
        let kind = match &new.kind {
            NewSubmissionKind::Program(program) => self.program(program, registry).map(SubmissionKind::Program),
            NewSubmissionKind::Problem(solution) => self.solution(solution, registry).map(SubmissionKind::Problem),
            NewSubmissionKind::Verify(version) => Some(SubmissionKind::Verify(version.get())),
        };
        self.run_at();
        self.webhook();
        kind
    }

    fn program(&mut self, program: &NewProgram, registry: &Registry) -> Option<Program> {
        let NewProgram {
            source,
            executables,
            tools,
            args,
            env,
            stdin,
            tests,
            stderr_to_stdout,
            fetch,
            artifacts,
            limits,
            live,
        } = program;
        let faults_before = self.faults.len();
        let language = self.language(&source.language, registry);
        let mut files = self.files(source, language);
        for file in &mut files {
            file.executable = executables.iter().any(|path| path == file.path.as_str());
        }
        let files = BoxFiles::new(files);
        self.tools(tools);
        self.args("/args", args);
        self.env(env);
        self.args_and_env_together(args, env);
        if let Some(language) = language.filter(|_| self.faults.len() == faults_before) {
            self.commands(program, &files, language);
        }
        self.too_large("/stdin", "standard input", stdin.len(), self.bounds.stdin_bytes_max);
        if live.is_some() && !(stdin.is_empty() && tests.is_empty()) {
            let pointer = if stdin.is_empty() { "/tests" } else { "/stdin" };
            let detail = "an interactive program gets its standard input while it runs, and has no tests";
            self.fault(pointer, InputFaultKind::BadInput, detail);
        }
        let fetch = self.fetch(fetch, !tests.is_empty());
        let artifacts = self.artifacts(artifacts, !tests.is_empty());
        let tests = self.tests(tests, stdin);
        if let Some(language) = language {
            self.limits(*limits, language);
        }
        let source = Source { language: language?.id.clone(), files };
        let (tools, args) = (tools.clone(), args.clone());
        let (env, stdin) = (env.clone(), stdin.clone());
        Some(Program {
            source,
            tools,
            args,
            env,
            stdin,
            tests,
            stderr_to_stdout: *stderr_to_stdout,
            fetch,
            artifacts,
            live: *live,
        })
    }

    fn solution(&mut self, solution: &NewSolution, registry: &Registry) -> Option<Solution> {
        let NewSolution { source, of, cases } = solution;
        let language = self.language(&source.language, registry);
        let files = self.files(source, language);
        self.too_large("/stdin", "standard input", custom_input(cases).len(), self.bounds.stdin_bytes_max);
        let source = Source { language: language?.id.clone(), files: BoxFiles::new(files) };
        Some(Solution { source, of: of.get(), cases: cases.clone() })
    }

    fn language<'r>(&mut self, asked: &str, registry: &'r Registry) -> Option<&'r Language> {
        let Some(language) = registry.find(asked) else {
            if asked.is_empty() {
                self.fault("/language", InputFaultKind::Missing, "`language` must not be empty");
            } else {
                let detail = registry.unknown(asked, "`GET /api/v1/languages`");
                let is_known = asked.split_once('@').is_some_and(|(name, _)| registry.find(name).is_some());
                let pointer = if is_known { "/language/version" } else { "/language" };
                self.fault(pointer, InputFaultKind::UnknownLanguage, detail);
            }
            return None;
        };
        // A worker with the language may start later, or a worker may be pulling its image. Neither is a fault of the
        // request; `submit.rs` refuses the submission for another reason.
        if let Availability::Unavailable { reason } = &language.availability
            && reason != NO_WORKER
        {
            let detail = format!("`{}` cannot be used here: {reason}", language.id);
            self.fault("/language", InputFaultKind::LanguageUnavailable, detail);
        }
        Some(language)
    }

    fn files(&mut self, source: &NewSource, language: Option<&Language>) -> Vec<BoxFile> {
        if source.files.is_empty() {
            self.fault("/files", InputFaultKind::Missing, "there is no source");
        }
        if source.files.len() > self.bounds.files_max {
            let detail =
                format!("at most {}; there are {}", counted(self.bounds.files_max, "file"), source.files.len());
            self.fault("/files", InputFaultKind::TooMany, detail);
            return Vec::new();
        }
        let mut files: Vec<BoxFile> = Vec::with_capacity(source.files.len());
        // Path to index, to find both duplicates and files whose path is a directory of another file.
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (i, (path, data)) in source.files.iter().enumerate() {
            if i == 0 && data.is_empty() {
                self.fault("/files/0", InputFaultKind::Missing, "the main source is empty");
            }
            if i == 0 || language.is_some_and(|language| is_source(language, path)) {
                self.too_large(&format!("/files/{i}"), "the file", data.len(), self.bounds.source_bytes_max);
            }
            let path = match (path.as_str(), language) {
                ("", Some(language)) if i == 0 => language.source.clone(),
                ("", None) if i == 0 => continue, // the unknown language is reported already
                (text, _) => match sent_path(text) {
                    Ok(path) => path,
                    Err(detail) => {
                        self.fault(format!("/files/{i}/path"), InputFaultKind::BadPath, detail);
                        continue;
                    }
                },
            };
            if let Some(first) = places.insert(path.as_str().to_owned(), i) {
                // A main source without a path is not counted as a file, so the numbers of the other files are one
                // lower.
                let has_unnamed = source.files.first().is_some_and(|(path, _)| path.is_empty());
                let detail = match first.checked_sub(usize::from(has_unnamed)) {
                    Some(first) => format!("`{path}` is already the path of file {first}"),
                    None => format!("`{path}` is already the path of the main source"),
                };
                self.fault(format!("/files/{i}/path"), InputFaultKind::BadPath, detail);
            }
            files.push(BoxFile { path, data: data.clone(), executable: false });
        }
        for (path, i) in &places {
            for (end, _) in path.match_indices('/') {
                if places.contains_key(&path[..end]) {
                    let detail = format!("`{}` is a file, so it cannot contain other files", &path[..end]);
                    self.fault(format!("/files/{i}/path"), InputFaultKind::BadPath, detail);
                }
            }
        }
        let total: usize = source.files.iter().map(|(_, data)| data.len()).sum();
        self.too_large("/files", "all files together", total, self.bounds.files_bytes_max);
        files
    }

    fn args(&mut self, pointer: &str, args: &[String]) {
        if args.len() > self.bounds.args_max {
            let detail = format!("at most {}; there are {}", counted(self.bounds.args_max, "argument"), args.len());
            self.fault(pointer, InputFaultKind::TooMany, detail);
            return;
        }
        for (i, arg) in args.iter().enumerate() {
            if arg.contains('\0') {
                let detail = "an argument cannot contain NUL";
                self.fault(format!("{pointer}/{i}"), InputFaultKind::BadArgument, detail);
            }
        }
    }

    fn tools(&mut self, tools: &ToolOptions) {
        let ToolOptions { compiler_args, linker_args, interpreter_args, main_class, main_only: _ } = tools;
        let lists =
            [("/compiler_args", compiler_args), ("/linker_args", linker_args), ("/interpreter_args", interpreter_args)];
        for (pointer, args) in lists {
            self.args(pointer, args);
            self.too_large(pointer, "all arguments together", args_bytes(args), self.bounds.args_env_bytes_max);
        }
        // The name becomes an argument of the virtual machine, which must not parse it as an option.
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
        if !main_class.chars().all(is_name) || main_class.len() > CLASS_NAME_MAX {
            let detail = format!("expected the name of a class, with at most {CLASS_NAME_MAX} bytes");
            self.fault("/main_class", InputFaultKind::BadArgument, detail);
        }
    }

    fn env(&mut self, env: &[(String, String)]) {
        if env.len() > self.bounds.env_max {
            let detail = format!("at most {}; there are {}", counted(self.bounds.env_max, "variable"), env.len());
            self.fault("/env", InputFaultKind::TooMany, detail);
            return;
        }
        let mut seen = HashSet::new();
        for (name, value) in env {
            let pointer = format!("/env/{}", name.replace('~', "~0").replace('/', "~1"));
            let starts_well = name.bytes().next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_');
            if !starts_well || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
                self.fault(&pointer, InputFaultKind::BadEnv, "a variable's name is [A-Za-z_][A-Za-z0-9_]*");
            }
            if value.contains('\0') {
                self.fault(&pointer, InputFaultKind::BadEnv, "a variable's value cannot contain NUL");
            }
            if !seen.insert(name) {
                self.fault(&pointer, InputFaultKind::BadEnv, "the variable is given twice");
            }
        }
    }

    fn args_and_env_together(&mut self, args: &[String], env: &[(String, String)]) {
        let (args, env) = (args_bytes(args), env_bytes(env));
        let pointer = if args >= env { "/args" } else { "/env" };
        self.too_large(pointer, "arguments and environment together", args + env, self.bounds.args_env_bytes_max);
    }

    /// Checks that no command of the program is too long for the sandbox. The paths of sources and the arguments are
    /// parts of the commands.
    fn commands(&mut self, program: &NewProgram, files: &BoxFiles, language: &Language) {
        let (tools, args) = (&program.tools, &program.args);
        let bytes = |files: &BoxFiles| {
            let named = files.iter().take(if tools.main_only { 1 } else { usize::MAX }).cloned();
            let values = Placeholders::for_files_of(language, &BoxFiles::new(named.collect()), language.limits.memory);
            let values = values?.with_tools(tools);
            let env = language.environment(&[]);
            let compile = language.compile_commands(&values).iter().map(|argv| command_bytes(argv, &env)).max();
            // The class to start is known only after the compilation.
            let mut start = language.execute_command(&values.starting(Some(String::new())));
            start.extend_from_slice(args);
            Some((compile.unwrap_or_default(), command_bytes(&start, &language.environment(&program.env))))
        };
        let is_over = |(compile, start): &(Bytes, Bytes)| compile.max(start) > &COMMAND_BYTES_MAX;
        // The worker may rename sources, which changes the length of their paths.
        let of_renamed = || bytes(&language.files_named_by_type(files)).filter(is_over);
        let Some((compile, start)) = bytes(files).filter(is_over).and_then(|_| of_renamed()) else { return };
        let largest = |parts: [(&'static str, usize); 3]| {
            parts.into_iter().max_by_key(|(_, bytes)| *bytes).map_or("", |(pointer, _)| pointer)
        };
        let paths = files.iter().map(|file| file.path.as_str().len()).sum();
        let of_compiler = [
            ("/files", paths),
            ("/compiler_args", args_bytes(&tools.compiler_args)),
            ("/linker_args", args_bytes(&tools.linker_args)),
        ];
        let of_start = [
            ("/args", args_bytes(args)),
            ("/env", env_bytes(&program.env)),
            ("/interpreter_args", args_bytes(&tools.interpreter_args)),
        ];
        for (bytes, parts, what) in [
            (compile, of_compiler, "the compile command, with the paths of the sources and all arguments,"),
            (start, of_start, "the command that starts the program, with its arguments and environment,"),
        ] {
            let bytes = usize::try_from(bytes.get()).unwrap_or(usize::MAX);
            self.too_large(largest(parts), what, bytes, COMMAND_BYTES_MAX);
        }
    }

    fn fetch(&mut self, paths: &[String], has_tests: bool) -> Vec<BoxPath> {
        if paths.len() > FETCH_FILES_MAX {
            let detail = format!("at most {FETCH_FILES_MAX} files are read back; there are {}", paths.len());
            self.fault("/fetch_files", InputFaultKind::TooMany, detail);
            return Vec::new();
        }
        if has_tests && !paths.is_empty() {
            self.fault("/fetch_files", InputFaultKind::BadTest, "`fetch_files` cannot be combined with tests");
        }
        let total = paths.iter().map(String::len).sum();
        let most = Bytes::new(FETCH_PATHS_BYTES_MAX as u64);
        self.too_large("/fetch_files", "all paths together", total, most);
        let mut fetch = Vec::with_capacity(paths.len());
        for (i, path) in paths.iter().enumerate() {
            match sent_path(path) {
                Ok(path) => fetch.push(path),
                Err(detail) => self.fault(format!("/fetch_files/{i}"), InputFaultKind::BadPath, detail),
            }
        }
        fetch
    }

    fn artifacts(&mut self, patterns: &[String], has_tests: bool) -> Vec<PathPattern> {
        if patterns.len() > ARTIFACT_PATTERNS_MAX {
            let detail = format!("at most {ARTIFACT_PATTERNS_MAX} patterns; there are {}", patterns.len());
            self.fault("/artifacts", InputFaultKind::TooMany, detail);
            return Vec::new();
        }
        if has_tests && !patterns.is_empty() {
            self.fault("/artifacts", InputFaultKind::BadTest, "`artifacts` cannot be combined with tests");
        }
        let mut checked = Vec::with_capacity(patterns.len());
        for (i, pattern) in patterns.iter().enumerate() {
            match PathPattern::new(pattern) {
                Ok(pattern) => checked.push(pattern),
                Err(error) => {
                    self.fault(format!("/artifacts/{i}"), InputFaultKind::BadPath, error.to_string());
                }
            }
        }
        checked
    }

    fn tests(&mut self, sent: &[TestCase], stdin: &[u8]) -> Vec<TestCase> {
        if sent.len() > self.bounds.tests_max {
            let detail = format!("at most {}; there are {}", counted(self.bounds.tests_max, "test"), sent.len());
            self.fault("/tests", InputFaultKind::TooMany, detail);
            return Vec::new();
        }
        if !sent.is_empty() && !stdin.is_empty() {
            self.fault("/stdin", InputFaultKind::BadTest, "with tests, standard input is part of each test");
        }
        let total: usize = sent.iter().map(test_bytes).sum();
        self.too_large("/tests", "all tests together", total, self.bounds.tests_bytes_max);
        let mut names = HashSet::new();
        let mut tests = Vec::with_capacity(sent.len());
        for (i, test) in sent.iter().enumerate() {
            let name = if test.name.is_empty() { (i + 1).to_string() } else { test.name.clone() };
            let pointer = format!("/tests/{i}/name");
            if name.chars().count() > 100 || name.chars().any(char::is_control) {
                self.fault(
                    &pointer,
                    InputFaultKind::BadTest,
                    "a test's name has at most 100 characters, none of them control characters",
                );
            }
            if !names.insert(name.clone()) {
                self.fault(&pointer, InputFaultKind::BadTest, "another test has this name");
            }
            self.too_large(
                &format!("/tests/{i}/stdin"),
                "standard input",
                test.stdin.len(),
                self.bounds.stdin_bytes_max,
            );
            tests.push(TestCase { name, ..test.clone() });
        }
        tests
    }

    fn limits(&mut self, asked: LimitsRequest, language: &Language) {
        let LimitsRequest {
            cpu_time,
            wall_time,
            idle_time,
            instructions,
            memory,
            address_space,
            processes,
            open_files,
            file_size,
            disk,
            inodes,
            output,
            stack,
        } = asked;
        let Limits {
            cpu_time: max_cpu_time,
            wall_time: max_wall_time,
            idle_time: max_idle_time,
            instructions: _,
            memory: max_memory,
            address_space: _,
            processes: max_processes,
            open_files: max_open_files,
            file_size: max_file_size,
            disk: max_disk,
            inodes: max_inodes,
            output: max_output,
            stack: max_stack,
        } = language.limits_max;
        self.time("cpu_time_ms", cpu_time, max_cpu_time);
        self.time("wall_time_ms", wall_time, max_wall_time);
        self.time("idle_time_ms", idle_time, max_idle_time);
        let count = |n: u64| n.to_string();
        let instructions = instructions.map(Instructions::get);
        self.limit("instructions", instructions, u64::MAX, count);
        let uncounted = match language.executor {
            Some(ImageExecutor::Docker) => {
                Some("programs of this language run in Docker Engine, where instructions are not counted")
            }
            _ if self.bounds.counts_instructions => None,
            _ => Some("instructions cannot be counted on this machine; `cupel doctor` shows the reason"),
        };
        if let Some(reason) = uncounted.filter(|_| instructions.is_some_and(|n| n > 0)) {
            let detail = format!("instructions cannot be limited: {reason}");
            self.fault("/limits/instructions", InputFaultKind::LimitInvalid, detail);
        }
        let bytes = |n: u64| Bytes::new(n).to_string();
        self.at_least("memory_bytes", memory.map(Bytes::get), Limits::MEMORY_MIN.get(), bytes);
        self.at_least("address_space_bytes", address_space.map(Bytes::get), Limits::MEMORY_MIN.get(), bytes);
        self.at_least("open_files", open_files.map(u64::from), Limits::OPEN_FILES_MIN.into(), count);
        self.at_least("stack_bytes", stack.map(Bytes::get), Limits::STACK_MIN.get(), bytes);
        self.limit("memory_bytes", memory.map(Bytes::get), max_memory.get(), bytes);
        self.limit("address_space_bytes", address_space.map(Bytes::get), u64::MAX, bytes);
        self.limit("processes", processes.map(u64::from), max_processes.into(), count);
        self.limit("open_files", open_files.map(u64::from), max_open_files.into(), count);
        self.limit("file_size_bytes", file_size.map(Bytes::get), max_file_size.get(), bytes);
        self.limit("disk_bytes", disk.map(Bytes::get), max_disk.get(), bytes);
        self.limit("inodes", inodes, max_inodes, count);
        self.limit("output_bytes", output.map(Bytes::get), max_output.get(), bytes);
        self.limit("stack_bytes", stack.map(Bytes::get), max_stack.get(), bytes);
    }

    fn time(&mut self, name: &str, asked: Option<Duration>, max: Duration) {
        let whole = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        self.limit(name, asked.map(whole), whole(max), |us| format!("{} ms", us / 1000));
    }

    fn limit(&mut self, name: &str, asked: Option<u64>, max: u64, show: impl Fn(u64) -> String) {
        let Some(asked) = asked else { return };
        let pointer = format!("/limits/{name}");
        if asked == 0 {
            self.fault(
                pointer,
                InputFaultKind::LimitInvalid,
                format!("a limit is at least 1; the maximum here is {}", show(max)),
            );
        } else if asked > max {
            self.fault(
                pointer,
                InputFaultKind::LimitAboveMaximum,
                format!("the maximum for this language is {}", show(max)),
            );
        }
    }

    /// Checks that a limit is not below the smallest value with which a program can start. `limit` reports zero.
    fn at_least(&mut self, name: &str, asked: Option<u64>, least: u64, show: impl Fn(u64) -> String) {
        if asked.is_some_and(|asked| 0 < asked && asked < least) {
            let detail = format!("with less than {} no program starts", show(least));
            self.fault(format!("/limits/{name}"), InputFaultKind::LimitInvalid, detail);
        }
    }

    fn run_at(&mut self) {
        let Some(run_at) = self.new.run_at else { return };
        let ahead_max = SignedDuration::try_from(self.bounds.run_at_ahead_max).unwrap_or(SignedDuration::MAX);
        if run_at.duration_since(self.now) > ahead_max {
            let days = self.bounds.run_at_ahead_max.as_secs() / 86_400;
            self.fault("/run_at", InputFaultKind::RunAtTooFar, format!("`run_at` must be at most {days} days ahead"));
        }
    }

    fn webhook(&mut self) {
        let Some(url) = &self.new.webhook else { return };
        let well_formed =
            url.len() <= 2048 && url.chars().all(|c| c.is_ascii_graphic()) && web_authority(url).is_some_and(is_host);
        if !well_formed {
            let detail =
                "expected an http or https URL with a host and without a user name, of at most 2048 ASCII characters";
            self.fault("/webhook", InputFaultKind::BadWebhook, detail);
        } else if !self.bounds.webhooks_private && web_host(url).is_some_and(is_special_host) {
            let detail = "the address is private or reserved: webhooks are sent only to public addresses";
            self.fault("/webhook", InputFaultKind::BadWebhook, detail);
        }
    }

    fn too_large(&mut self, pointer: &str, what: &str, len: usize, max: Bytes) {
        let len = Bytes::new(len as u64);
        if len > max {
            self.fault(pointer, InputFaultKind::TooLarge, format!("{what} must have at most {max}, not {len}"));
        }
    }
}
