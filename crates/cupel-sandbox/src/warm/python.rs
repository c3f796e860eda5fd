//! Python: a warm parent, and the child that becomes a program.
//!
//! Three measures make a warm start equal to a cold one. The interpreter is initialised with the command line and
//! environment of a cold one, and the initial states of both are compared (`python_facts.py`). Preloaded modules are
//! hidden (`python_prepare.py`). If a remaining object could notice the difference, the interpreter is finalised at the
//! end of a program; otherwise only the standard streams are flushed. Without finalisation, the kernel need not copy
//! the pages that finalisation would write.
//!
//! Decisions: the seed of `hash(str)` is chosen when the parent starts, so all programs of a lane share the seed, and a
//! new lane has a new seed. The CPU time of the interpreter's start is not charged to programs; its memory is charged
//! as after a cold start.

use std::ffi::{CStr, CString, OsStr};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cupel_types::{Bytes, Limits};
use rustix::process::Resource;

use super::WarmTemplate;
use crate::sys::process::dup_to;
use crate::sys::python::{
    FileEnd, Interpreter, Library, Object, ShownArguments, die_of_interrupt, exit_like_main,
    register_restartable_sequences, replace_environment, set_thread_stack_size, trim_heap, use_up_free_places,
};

/// The program that prints the state of its interpreter.
pub(super) const REHEARSAL: &str = include_str!("python_facts.py");
const PREPARE: &str = include_str!("python_prepare.py");

/// Maximum stack limit of a program that is a copy of the interpreter. The kernel places mappings below the stack limit
/// under which the zygote was executed. The kernel adds a gap that is larger than the random offset. Source:
/// `mmap_base()` in mm/util.c and arch/x86/mm/mmap.c.
const STACK_MAX: Bytes = super::ZYGOTE_STACK;

/// Maximum number of bytes of a source file that are searched for a zip archive. If the file is longer, the interpreter
/// itself checks whether it is an archive.
const SOURCE_READ_MAX: u64 = 256 * 1024;
/// The end-of-directory record that every zip archive contains. Source: APPNOTE.TXT of PKWARE, 4.3.16.
const ARCHIVE_END: &[u8] = b"PK\x05\x06";

/// Prefixes of the variables that the interpreter, the C library and the loader read at their start.
const READ_AT_START: [&str; 9] = ["PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_TUNABLES", "PATH", "HOME", "TZ"];

/// Whether this command has the form `python3 FILE …`, in an environment compatible with that of the parent.
pub(super) fn can_replace(template: &WarmTemplate, argv: &[String], env: &[(String, String)], limits: &Limits) -> bool {
    fn at_start(env: &[(String, String)]) -> Vec<&(String, String)> {
        let mut read: Vec<_> = env.iter().filter(|(n, _)| READ_AT_START.iter().any(|s| n.starts_with(s))).collect();
        read.sort();
        read
    }
    // The lane compares the other limits, for every interpreter (`can_limit_warm`).
    let &Limits {
        stack,
        cpu_time: _,
        wall_time: _,
        idle_time: _,
        instructions: _,
        memory: _,
        address_space: _,
        processes: _,
        open_files: _,
        file_size: _,
        disk: _,
        inodes: _,
        output: _,
    } = limits;
    let [command, file, ..] = argv else { return false };
    template.argv.first() == Some(command)
        && !file.is_empty()
        && !file.starts_with('-')
        && !file.ends_with(".pyc")
        && at_start(env) == at_start(&template.env)
        && stack <= STACK_MAX
}

/// An interpreter in a zygote, and the objects needed to turn a copy of it into a program.
pub(crate) struct WarmPython {
    interpreter: Interpreter,
    minor: i32,
    env: Vec<(CString, CString)>,
    begin: Object,
    threads: Object,
    run_exit_functions: Object,
    hooks: [Object; 2],
    is_quiet: Object,
    unfreeze: Object,
    offers: Object,
    functions: Object,
    shown: Option<ShownArguments>,
}

impl WarmPython {
    /// See [`WarmParent::start`](super::WarmParent::start). Restores the standard streams at the end.
    pub(super) fn start(template: &WarmTemplate, shown: &str) -> Result<WarmPython, String> {
        let argv: Vec<CString> = template.argv.iter().map(|a| c_string(a.as_bytes())).collect::<Result<_, _>>()?;
        let env: Vec<(CString, CString)> = template
            .env
            .iter()
            .map(|(name, value)| Ok((c_string(name.as_bytes())?, c_string(value.as_bytes())?)))
            .collect::<Result<_, String>>()?;
        let (minor, facts) = shown.split_once('\n').ok_or("the rehearsal printed nothing")?;
        let minor: i32 = minor.parse().map_err(|_| "the rehearsal printed no version")?;
        let library = Library::open(&[c_string(format!("libpython3.{minor}.so.1.0").as_bytes())?])?;
        let version = library.version();
        if !facts.starts_with(&format!("('{version}'")) {
            return Err(format!("the library and the executable are different builds; the library is {version}"));
        }
        replace_environment(env.iter().map(|(n, v)| (n.as_c_str(), v.as_c_str())));
        let interpreter = with_pipes_as_streams(|| library.initialize(&argv))??;
        let functions = interpreter.run_apart(&c_string(PREPARE.as_bytes())?)?;
        trim_heap();
        use_up_free_places(&interpreter);
        let find = |name: &CStr| interpreter.get(functions, name);
        Ok(WarmPython {
            minor,
            env,
            begin: find(c"begin")?,
            threads: find(c"threads")?,
            run_exit_functions: find(c"run_exit_functions")?,
            hooks: [find(c"trace")?, find(c"profile")?],
            is_quiet: find(c"is_quiet")?,
            unfreeze: find(c"unfreeze")?,
            offers: find(c"offers")?,
            functions,
            shown: ShownArguments::of_this_process(),
            interpreter,
        })
    }

    /// See [`WarmParent::make_ready`](super::WarmParent::make_ready). The working directory must be `/box`, and
    /// descriptors 0 to 2 must be the program's.
    pub(super) fn make_ready(&self, argv: &[CString], env: &[CString]) -> Result<ReadyProgram<'_>, String> {
        let file = argv.get(1).ok_or("the arguments name no file")?;
        let program = MainFile::look_at(file)?;
        // The interpreter's stream objects were created for pipes; a terminal or a file needs different ones.
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        if [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()].iter().any(|fd| !is_pipe(*fd)) {
            return Err("a standard stream is not a pipe".to_owned());
        }
        let python = &self.interpreter;
        register_restartable_sequences();
        python.after_fork();
        let filename = python.text(program.path.to_bytes())?;
        if program.may_be_an_archive && python.is_importable(filename) {
            return Err("the file is an archive".to_owned());
        }
        // Replace the attributes that exec would have replaced, but that fork has kept.
        let command = argv.first().and_then(|a| a.to_bytes().rsplit(|b| *b == b'/').next());
        let _ = rustix::thread::set_name(&c_string(command.unwrap_or_default())?);
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable);
        if let Some(shown) = &self.shown {
            shown.replace(argv.iter().map(CString::as_c_str), env.iter().map(CString::as_c_str));
        }
        if let Some(stack) = rustix::process::getrlimit(Resource::Stack).current {
            set_thread_stack_size(usize::try_from(stack).unwrap_or(usize::MAX));
        }
        let variables: Vec<(&[u8], &[u8])> = env.iter().filter_map(|v| split_variable(v.to_bytes())).collect();
        let is_same = variables.len() == self.env.len()
            && variables
                .iter()
                .zip(&self.env)
                .all(|((n, v), (name, value))| *n == name.to_bytes() && *v == value.to_bytes());
        let (names, values) = if is_same {
            (python.none(), python.none())
        } else {
            let owned: Vec<(CString, CString)> =
                variables.iter().map(|(n, v)| Ok((c_string(n)?, c_string(v)?))).collect::<Result<_, String>>()?;
            replace_environment(owned.iter().map(|(n, v)| (n.as_c_str(), v.as_c_str())));
            let names = python.list(variables.iter().map(|(n, _)| python.bytes(n)))?;
            (names, python.list(variables.iter().map(|(_, v)| python.bytes(v)))?)
        };
        let arguments = python.list(argv.iter().map(|a| python.text(a.to_bytes())))?;
        let directory = python.text(&program.directory)?;
        python.call(self.begin, &[arguments, names, values, directory, filename])?;
        Ok(ReadyProgram { parent: self, path: program.path })
    }

    /// Ends the process as the interpreter's executable would.
    fn end(&self, end: FileEnd) -> ! {
        let python = &self.interpreter;
        let lost_output = !self.ends_quietly() && {
            // Release the objects held here, because they may keep objects of the program alive.
            python.call_and_ignore(self.unfreeze);
            python.clear(self.offers);
            python.clear(self.functions);
            python.finalize()
        };
        let status = match end {
            _ if lost_output => 120,
            FileEnd::Interrupted => die_of_interrupt(),
            FileEnd::Status(status) | FileEnd::Exit(status) => status,
        };
        exit_like_main(status)
    }

    /// Waits for threads, runs exit functions, and flushes. Returns `false` if a full finalisation of the interpreter
    /// is needed because the program could notice its absence.
    fn ends_quietly(&self) -> bool {
        let python = &self.interpreter;
        // A program that traces calls would see the calls below, so its interpreter is finalised completely.
        if self.hooks.iter().any(|hook| python.call(*hook, &[]).map_or(true, |set| python.is_true(set))) {
            return false;
        }
        match python.call(self.threads, &[]) {
            Ok(none) if none == python.none() => {}
            Ok(wait) if python.is_true(wait) => python.call_and_ignore(wait),
            Ok(_) | Err(_) => return false,
        }
        python.call_and_ignore(self.run_exit_functions);
        python.call(self.is_quiet, &[]).is_ok_and(|quiet| python.is_true(quiet))
    }
}

/// A program whose arguments, environment and `__main__` are set.
pub(crate) struct ReadyProgram<'a> {
    parent: &'a WarmPython,
    path: CString,
}

impl ReadyProgram<'_> {
    /// See [`ReadyProgram::run`](super::ReadyProgram::run).
    pub(super) fn run(self) -> ! {
        match self.parent.interpreter.run_main_file(&self.path, self.parent.minor) {
            Ok(end) => self.parent.end(end),
            // The file has been removed in the meantime. The executable ends with status 2 in this case.
            Err(_) => exit_like_main(2),
        }
    }
}

/// The source file of a program.
struct MainFile {
    /// Absolute path, as the interpreter uses it.
    path: CString,
    /// The value of `sys.path[0]`.
    directory: Vec<u8>,
    /// Whether the interpreter must check if it can import from the file.
    may_be_an_archive: bool,
}

impl MainFile {
    /// Checks that `name` is a regular file with source text.
    fn look_at(name: &CStr) -> Result<MainFile, String> {
        let text_of = |error: io::Error| error.to_string();
        let name = name.to_bytes();
        let path = if name.starts_with(b"/") {
            name.to_vec()
        } else {
            let mut path = rustix::process::getcwd(Vec::new()).map_err(|e| text_of(e.into()))?.into_bytes();
            path.push(b'/');
            path.extend_from_slice(name);
            path
        };
        let as_path = Path::new(OsStr::from_bytes(&path));
        let mut file = std::fs::File::open(as_path).map_err(text_of)?;
        if !file.metadata().map_err(text_of)?.is_file() {
            return Err("the source is not a regular file".to_owned());
        }
        let mut text = Vec::new();
        file.by_ref().take(SOURCE_READ_MAX).read_to_end(&mut text).map_err(text_of)?;
        // Compiled code begins with a magic number that ends in CR and LF. Start every file with such bytes cold.
        if text.get(1..4) == Some(b"\r\r\n") {
            return Err("the source may be compiled code".to_owned());
        }
        let may_be_an_archive =
            text.len() as u64 == SOURCE_READ_MAX || text.windows(ARCHIVE_END.len()).any(|part| part == ARCHIVE_END);
        let real = std::fs::canonicalize(as_path).map_err(text_of)?;
        let directory = real.parent().ok_or("the source has no parent directory")?.as_os_str().as_bytes().to_vec();
        Ok(MainFile { path: c_string(&path)?, directory, may_be_an_archive })
    }
}

fn is_pipe(fd: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(fd)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Fifo)
}

/// Calls `body` with pipes as descriptors 0 to 2 and with `/box` as the working directory, as for a program.
fn with_pipes_as_streams<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    let text_of = |error: rustix::io::Errno| error.to_string();
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let kept = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()].map(|fd| rustix::io::fcntl_dupfd_cloexec(fd, 3));
    let [Ok(stdin), Ok(stdout), Ok(stderr)] = kept else { return Err("the standard streams are not open".to_owned()) };
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(text_of)?;
    let before = rustix::process::getcwd(Vec::new()).map_err(text_of)?;
    put_streams([&reader, &writer, &writer])?;
    let result = rustix::process::chdir("/box").map(|()| body());
    rustix::process::chdir(before.as_c_str()).map_err(text_of)?;
    put_streams([&stdin, &stdout, &stderr])?;
    result.map_err(text_of)
}

fn put_streams(streams: [&OwnedFd; 3]) -> Result<(), String> {
    for (number, stream) in (0..).zip(streams) {
        match dup_to(stream.as_raw_fd(), number) {
            0 => {}
            errno => return Err(io::Error::from_raw_os_error(errno).to_string()),
        }
    }
    Ok(())
}

fn split_variable(variable: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = variable.iter().position(|b| *b == b'=')?;
    Some((&variable[..at], &variable[at + 1..]))
}

fn c_string(bytes: &[u8]) -> Result<CString, String> {
    CString::new(bytes).map_err(|_| "a string contains NUL".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warm::Warm;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn variables(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const BASE: [(&str, &str); 3] = [("PATH", "/usr/bin"), ("HOME", "/tmp"), ("LANG", "C.UTF-8")];

    fn check(argv: &[&str], extra: &[(&str, &str)], stack: Bytes, expected: bool) {
        let template =
            WarmTemplate { kind: Warm::Python, argv: strings(&["python3", "main.py"]), env: variables(&BASE) };
        let env = variables(&[&BASE[..], extra].concat());
        let limits = Limits { stack, ..Limits::default() };
        assert_eq!(can_replace(&template, &strings(argv), &env, &limits), expected, "{argv:?} {extra:?} {stack:?}");
    }

    #[test]
    fn only_a_plain_source_file_is_started_warm() {
        let stack = Limits::default().stack;
        for argv in [&["python3", "main.py"][..], &["python3", "other/prog", "-x", "é"]] {
            check(argv, &[], stack, true);
        }
        for argv in [
            &["python3"][..],
            &["python3", ""],
            &["python3", "-"],
            &["python3", "-c", "pass"],
            &["python3", "-O", "main.py"],
            &["python3", "main.pyc"],
            &["/usr/bin/python3", "main.py"],
            &["pypy3", "main.py"],
        ] {
            check(argv, &[], stack, false);
        }
    }

    #[test]
    fn variables_that_are_read_at_the_start_must_equal_the_templates() {
        let stack = Limits::default().stack;
        for extra in [("MODE", "fast"), ("_", "x"), ("TERM", "dumb")] {
            check(&["python3", "main.py"], &[extra], stack, true);
        }
        for extra in [
            ("PYTHONPATH", "/box"),
            ("PYTHONHASHSEED", "0"),
            ("LC_ALL", "C"),
            ("LANGUAGE", "de"),
            ("LD_PRELOAD", "x.so"),
            ("TZ", "Asia/Kolkata"),
            ("MALLOC_ARENA_MAX", "1"),
            ("GLIBC_TUNABLES", "x"),
            ("PATH", "/box"),
            ("HOME", "/box"),
        ] {
            check(&["python3", "main.py"], &[extra], stack, false);
        }
    }

    #[test]
    fn a_program_with_too_large_a_stack_limit_is_started_cold() {
        check(&["python3", "main.py"], &[], STACK_MAX, true);
        check(&["python3", "main.py"], &[], Bytes::new(STACK_MAX.get() + 1), false);
    }

    #[test]
    fn a_variable_is_split_at_its_first_equals_sign() {
        assert_eq!(split_variable(b"A=b=c"), Some((&b"A"[..], &b"b=c"[..])));
        assert_eq!(split_variable(b"A="), Some((&b"A"[..], &b""[..])));
        assert_eq!(split_variable(b"A"), None);
    }
}
