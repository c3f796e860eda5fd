//! Services: how they answer requests, and the rule that a compile service gives the same results as the compiler's
//! command line.
//!
//! The cases of the conformance tables (`services/*.cases`) are compiled in cells both ways. The service must give the
//! same exit code, the same messages and byte-identical files, or decline. The tables decide whether a language file
//! has a `[service]`.
//!
//! Most of this test's time is that of the command line. So the digests of its results are recorded (`*.results`). If
//! the service's result has the recorded digest, the command line does not compile the case again. A digest includes
//! the compiler's version, the command and the case. `UPDATE_SNAPSHOTS=1` compiles every case both ways, and records
//! the digests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cupel_languages::{Answer, HostProbe, Language, Placeholders, Registry, question};
use cupel_sandbox::{
    CellKind, CellRoot, CollectLimits, Command, Mount, RequestLimits, Sandbox, SandboxConfig, ServiceCell,
    ServiceCommand, ServiceError, Slot, Stdin,
};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, ContentHash, Limits, Outcome};
use libtest_mimic::Trial;
use sha2::{Digest, Sha256};

use crate::kit::{World, eventually, file};
use crate::machine::{patient, slowness};
use crate::{Shared, rules, trial};

/// Language, cases and recorded digests.
const TABLES: &[(&str, &str, &str)] = &[
    ("java", include_str!("services/java.cases"), include_str!("services/java.results")),
    ("typescript", include_str!("services/typescript.cases"), include_str!("services/typescript.results")),
];

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    let mut trials = rules(
        world,
        "services",
        &[
            ("a_service_answers_consecutive_requests", a_service_answers_consecutive_requests),
            ("a_large_request_and_a_large_reply_pass", a_large_request_and_a_large_reply_pass),
            ("a_failed_request_spoils_the_service", a_failed_request_spoils_the_service),
            ("a_service_over_its_memory_limit_names_that_limit", a_service_over_its_memory_limit_names_that_limit),
            ("a_service_is_behind_the_walls", a_service_is_behind_the_walls),
            ("a_dropped_service_leaves_no_process", a_dropped_service_leaves_no_process),
        ],
    );
    trials.extend(TABLES.iter().map(|(id, table, recorded)| {
        trial(world, format!("services::conformance_of_{id}"), move |_| {
            Conformance::of(id).check(&cases(table), recorded)
        })
    }));
    trials
}

/// A service that runs each request as a shell script and replies with its output, preceded by the length.
const SHELL: &str = r#"
exec 4>&1
while head=$(head -c 4 | od -An -tu1) && set -- $head && [ $# = 4 ]; do
    length=$(( ($1 << 24) + ($2 << 16) + ($3 << 8) + $4 ))
    head -c $length > /tmp/request
    sh /tmp/request > /tmp/reply 2>&1
    length=$(stat -c %s /tmp/reply)
    printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $((length >> 24 & 255)) $((length >> 16 & 255)) $((length >> 8 & 255)) $((length & 255)))"
    cat /tmp/reply
done
"#;

fn request_limits() -> RequestLimits {
    RequestLimits { wall_time: patient(Duration::from_secs(60)), reply: Bytes::mib(64) }
}

fn shell(world: &World, limits: Limits) -> ServiceCell {
    let command = ServiceCommand {
        argv: ["sh", "service.sh"].map(str::to_owned).to_vec(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        files: BoxFiles::new(vec![file("service.sh", SHELL.as_bytes(), false)]),
        limits,
    };
    world.sandbox.service(&command).expect("the service starts")
}

fn long() -> Limits {
    let hour = Duration::from_secs(3600);
    Limits { cpu_time: hour, wall_time: hour, idle_time: hour, ..Limits::default() }
}

fn ask(service: &mut ServiceCell, request: &str) -> Result<String, ServiceError> {
    let reply = service.request(request.as_bytes(), &request_limits(), &mut || false)?;
    Ok(String::from_utf8(reply).expect("a shell prints text"))
}

fn a_service_answers_consecutive_requests(world: &World) {
    let mut service = shell(world, long());
    for n in 0..20 {
        assert_eq!(
            ask(&mut service, &format!("echo {n}; echo $((n + {n})) >> kept; wc -l < kept")).unwrap(),
            format!("{n}\n{}\n", n + 1)
        );
    }
    assert_eq!(ask(&mut service, "").unwrap(), "");
}

fn a_large_request_and_a_large_reply_pass(world: &World) {
    let mut service = shell(world, long());
    let request = format!("head -c 3000000 /dev/zero\n# {}", "x".repeat(4 << 20));
    assert_eq!(ask(&mut service, &request).unwrap().len(), 3_000_000);
}

fn a_failed_request_spoils_the_service(world: &World) {
    let limits = RequestLimits { reply: Bytes::kib(1), ..request_limits() };
    let short = RequestLimits { wall_time: patient(Duration::from_millis(300)), ..limits };
    let wrong = |request: &str, limits: &RequestLimits, cancel: bool| {
        let mut service = shell(world, long());
        assert_eq!(ask(&mut service, "echo ready").unwrap(), "ready\n");
        let error = service.request(request.as_bytes(), limits, &mut || cancel).expect_err("the request fails");
        let after = ask(&mut service, "echo again");
        assert!(matches!(after, Err(ServiceError::Spoiled)), "{request}: {after:?}");
        error
    };
    assert!(matches!(wrong("sleep 100", &short, false), ServiceError::TooSlow));
    assert!(matches!(wrong("sleep 100", &limits, true), ServiceError::Cancelled));
    assert!(matches!(wrong("head -c 2000 /dev/zero", &limits, false), ServiceError::TooLong));
    assert!(matches!(wrong("kill -9 $PPID", &limits, false), ServiceError::Ended { limit: None }));
    assert!(matches!(wrong("printf '\\0\\0\\0\\1ab' >&4; sleep 1", &limits, false), ServiceError::Unasked));
}

fn a_service_over_its_memory_limit_names_that_limit(world: &World) {
    let mut service = shell(world, Limits { memory: Bytes::mib(64), disk: Bytes::mib(32), ..long() });
    // With version 1, the kernel kills one process of the group, and the lane kills the others shortly after. If the
    // first process was a child of the service, the service may have time for a last reply.
    let too_much = "x=$(head -c 200000000 /dev/zero | tr '\\0' x)";
    let mut asked =
        (0..100).map(|_| ask(&mut service, too_much)).filter(|reply| reply.as_deref().ok() != Some("Killed\n"));
    let error = asked
        .next()
        .expect("the limit is enforced within 100 requests")
        .expect_err("the request exceeds the memory limit");
    assert_eq!(error.to_string(), "the service has ended: it exceeded its memory limit");
}

fn a_service_is_behind_the_walls(world: &World) {
    let mut service = shell(world, long());
    let status = ask(
        &mut service,
        "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp|Uid):' /proc/self/status; ls /proc | grep -c '^[0-9]'",
    )
    .unwrap();
    for wall in
        ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "Uid:\t1000"]
    {
        assert!(status.contains(wall), "{wall}: {status}");
    }
    let secret = &world.fixtures.secret;
    let told = ask(&mut service, &format!("cat '{secret}'; exec 3<>/dev/tcp/127.0.0.1/22; ls /home")).unwrap();
    assert!(!told.contains("what the judge knows"), "{told}");
}

fn a_dropped_service_leaves_no_process(world: &World) {
    let mark = format!("100{}", std::process::id());
    let mut service = shell(world, long());
    assert_eq!(ask(&mut service, &format!("sleep {mark} & echo started")).unwrap(), "started\n");
    let alive = || {
        let processes = std::fs::read_dir("/proc").expect("/proc can be read").flatten();
        let is_it = |path: std::path::PathBuf| {
            std::fs::read(path.join("cmdline")).is_ok_and(|line| line.ends_with(format!("sleep\0{mark}\0").as_bytes()))
        };
        processes.map(|entry| entry.path()).any(is_it)
    };
    // The shell may print "started" before the child has executed `sleep`.
    eventually("the child executes `sleep`", alive);
    drop(service);
    // The launcher handles the next request only after it has ended the service.
    drop(shell(world, long()));
    assert!(!alive());
}

/// A case of a table: its name and its files, the main source first.
type Case = (String, BoxFiles);

/// A case in the table's format.
struct Entry<'t> {
    name: &'t str,
    flags: Vec<&'t str>,
    files: Vec<(&'t str, Vec<String>)>,
}

/// Parses a table; the head of `java.cases` describes the format.
fn cases(table: &str) -> Vec<Case> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for line in table.lines() {
        if let Some(head) = line.strip_prefix("=== ") {
            let mut words = head.split(' ');
            let name = words.next().unwrap_or_default();
            entries.push(Entry { name, flags: words.collect(), files: Vec::new() });
        } else if let Some(Entry { files, .. }) = entries.last_mut() {
            match (line.strip_prefix("--- "), line.strip_prefix('*').and_then(|rest| rest.split_once(' '))) {
                (Some(path), _) => files.push((path, Vec::new())),
                (None, Some((count, text))) if count.parse::<u32>().is_ok() => {
                    let lines = (0..count.parse().unwrap_or(0)).map(|n: u32| text.replace('#', &n.to_string()));
                    files.last_mut().expect("the lines follow the name of a file").1.extend(lines);
                }
                _ => files.last_mut().expect("the lines follow the name of a file").1.push(line.to_owned()),
            }
        }
    }
    entries.into_iter().map(Entry::into_case).collect()
}

impl Entry<'_> {
    fn into_case(self) -> Case {
        let end = if self.flags.contains(&"crlf") { "\r\n" } else { "\n" };
        let contents = |lines: Vec<String>| {
            let mut text: String = lines.into_iter().flat_map(|line| [line, end.to_owned()]).collect();
            if self.flags.contains(&"no-eol") {
                text.truncate(text.len() - end.len());
            }
            if self.flags.contains(&"bom") { format!("\u{feff}{text}") } else { text }
        };
        let files = self.files.into_iter().map(|(path, lines)| file(path, contents(lines).as_bytes(), false)).collect();
        (self.name.to_owned(), BoxFiles::new(files))
    }
}

/// The result of a compilation.
#[derive(PartialEq, Eq)]
struct Compiled {
    exit_code: i32,
    said: Vec<u8>,
    files: BTreeMap<BoxPath, BoxFile>,
}

/// Time limits multiplied by this machine's slowness.
fn as_patient(limits: Limits) -> Limits {
    Limits {
        cpu_time: patient(limits.cpu_time),
        wall_time: patient(limits.wall_time),
        idle_time: patient(limits.idle_time),
        ..limits
    }
}

/// On a slow machine, where a compiler takes a minute, only every 20th case is compiled. All cases would take hours,
/// and the comparison of the two compilers does not depend on the machine.
const SAMPLE_ONE_IN: usize = 20;

/// Both ways to compile one language: command line and service.
struct Conformance {
    language: Language,
    sandbox: Sandbox,
    slot: Slot,
}

impl Conformance {
    fn of(id: &str) -> Conformance {
        let all = Registry::load(None).expect("the shipped languages are valid");
        let mut alone = Registry::new(vec![all.find(id).expect("a shipped language").clone()]).expect("one language");
        alone.probe(&HostProbe::with_time_max(patient(Duration::from_secs(120))));
        let language = alone.iter().next().expect("one language").clone();
        assert!(language.is_available(), "{id} is not installed: {:?}", language.availability);
        let mounts = language.mounts.iter().map(|mount| Mount::from(std::path::PathBuf::from(mount))).collect();
        let sandbox =
            Sandbox::start(SandboxConfig { mounts, slots: 1, ..SandboxConfig::default() }).expect("the sandbox starts");
        let slot = sandbox.slot(0);
        Conformance { language, sandbox, slot }
    }

    fn service(&self) -> ServiceCell {
        let service = self.language.service.as_ref().expect("the language has a service");
        let hour = Duration::from_secs(3600);
        let limits = Limits {
            cpu_time: hour,
            wall_time: hour,
            idle_time: hour,
            memory: service.memory,
            processes: service.processes,
            ..self.language.compile_limits
        };
        let env = self.language.environment(&[]);
        let command = ServiceCommand { argv: service.command(), env, files: service.files(), limits };
        self.sandbox.service(&command).expect("the service starts")
    }

    fn argv(&self, files: &BoxFiles) -> Vec<String> {
        let values = Placeholders::for_files(files, self.language.compile_limits.memory)
            .expect("the files contain a main source");
        self.language.compile_commands(&values).remove(0)
    }

    fn cold(&mut self, files: &BoxFiles) -> Compiled {
        let command = Command {
            root: CellRoot::System,
            argv: self.argv(files),
            env: self.language.environment(&[]),
            files: vec![files.clone()],
            counted_files: Bytes::ZERO,
            stdin: Stdin::Bytes([].into()),
            limits: as_patient(self.language.compile_limits),
            kind: CellKind::Compile,
            warm: None,
            stderr_to_stdout: false,
            result: false,
            collect: Some(CollectLimits {
                files: 1000,
                bytes: self.language.compile_limits.disk,
                after_failure: false,
            }),
            outbox: None,
            fetch: Vec::new(),
            find: None,
            watch: false,
        };
        let mut said = Vec::new();
        let report = self.slot.run(&command, &mut said).expect("the compiler runs");
        let Outcome::Exited(exit_code) = report.outcome else { panic!("{:?}", report.outcome) };
        let files = report.files.iter().map(|file| (file.path.clone(), file.clone())).collect();
        Compiled { exit_code, said, files }
    }

    /// The digest of a result, as in `services/*.results`.
    fn digest(&self, files: &BoxFiles, result: &Compiled) -> String {
        let mut digest = Sha256::new();
        // Without lengths, two different results could have the same digest.
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        };
        add(self.language.installed_version().expect("the compiler names its version").as_bytes());
        self.argv(files).iter().for_each(|word| add(word.as_bytes()));
        add(&result.exit_code.to_le_bytes());
        add(&result.said);
        for file in files.iter().chain(result.files.values()) {
            add(file.path.as_str().as_bytes());
            add(&file.data);
            add(&[u8::from(file.executable)]);
        }
        ContentHash::from_bytes(digest.finalize().into()).to_string()
    }

    /// Returns `None` if the service declined or ended; callers treat both alike.
    fn warm(&self, service: &mut ServiceCell, files: &BoxFiles) -> Option<Compiled> {
        let reply = service.request(&question(&self.argv(files), files), &request_limits(), &mut || false);
        let reply = match reply {
            Ok(reply) => reply,
            Err(_) => {
                *service = self.service();
                return None;
            }
        };
        match Answer::read(&reply, files).expect("a well-formed answer") {
            Answer::Compiled { exit_code, output, files, .. } => {
                // A failed compile step returns no files.
                let kept =
                    files.iter().filter(|_| exit_code == 0).map(|file| (file.path.clone(), file.clone())).collect();
                Some(Compiled { exit_code, said: output.to_vec(), files: kept })
            }
            Answer::Declined => None,
        }
    }

    /// Compiles every case with the service and, unless the result is recorded, with the command line. The service
    /// compiles each case twice, because a case must not affect the next one.
    fn check(&mut self, cases: &[Case], recorded: &str) {
        assert!(cases.len() >= 80, "{} cases", cases.len());
        let is_update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
        let recorded: BTreeSet<&str> = recorded.lines().filter(|_| !is_update).collect();
        let one_in = if slowness() > 1 { SAMPLE_ONE_IN } else { 1 };
        let tried: Vec<&Case> = cases.iter().step_by(one_in).collect();
        let mut service = self.service();
        let (mut declined, mut wrong, mut compiled_cold) = (Vec::new(), Vec::new(), Vec::new());
        for (name, files) in &tried {
            let mut cold = None;
            for _ in 0..2 {
                let Some(warm) = self.warm(&mut service, files) else {
                    declined.push(name.as_str());
                    break;
                };
                if recorded.contains(format!("{name} {}", self.digest(files, &warm)).as_str()) {
                    continue;
                }
                let cold = cold.get_or_insert_with(|| self.cold(files));
                if warm != *cold {
                    wrong.push(format!(
                        "{name}: exit {} and {}, files {:?} and {:?}\n--- warm\n{}\n--- cold\n{}",
                        warm.exit_code,
                        cold.exit_code,
                        warm.files.keys().collect::<Vec<_>>(),
                        cold.files.keys().collect::<Vec<_>>(),
                        String::from_utf8_lossy(&warm.said),
                        String::from_utf8_lossy(&cold.said),
                    ));
                    break;
                }
            }
            compiled_cold.extend(cold.map(|cold| format!("{name} {}\n", self.digest(files, &cold))));
        }
        let count = format!("{} of {} cases", tried.len(), cases.len());
        println!(
            "{}: {count}, {} declined: {declined:?}; {} also compiled by the command line",
            self.language.id,
            declined.len(),
            compiled_cold.len()
        );
        assert!(wrong.is_empty(), "{} differ, {count}:\n{}", wrong.len(), wrong.join("\n\n"));
        assert!(declined.len() * 10 <= tried.len(), "{declined:?}, {count}");
        if is_update {
            let path = format!("{}/tests/it/services/{}.results", env!("CARGO_MANIFEST_DIR"), self.language.id);
            std::fs::write(path, compiled_cold.concat()).expect("the results can be written");
        }
    }
}
