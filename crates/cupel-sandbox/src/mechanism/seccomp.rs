//! The system call filter: parses the policy and compiles it to classic BPF.
//!
//! When a filter is installed, the kernel runs it once for every system call number, so the time that the installation
//! takes depends on the filter's length and on its longest path. The compiler groups the numbers into runs with the
//! same action, and builds a binary tree over the runs. The filter has about twice as many instructions as runs, and
//! the length of a path is logarithmic in the number of runs.
//!
//! The filter is installed in two parts, because installing a filter takes time, and a program inherits the first part.
//! A lane's init installs the whole policy except for the few calls that it needs to create cells. A program installs a
//! second filter with the rules for these calls only. A call that either filter refuses is refused.
//! Sources: seccomp(2); the kernel's Documentation/userspace-api/seccomp_filter.rst.

use std::str::FromStr;

use syscalls::Sysno;

use crate::sys::seccomp::Instruction;

const POLICY: &str = include_str!("../policy/default.policy");
const SERVER_POLICY: &str = include_str!("../policy/server.policy");

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xC000_00B7;

const RET_ALLOW: u32 = 0x7FFF_0000;
const RET_ERRNO: u32 = 0x0005_0000;
const RET_KILL_PROCESS: u32 = 0x8000_0000;

const LD_ABS: u16 = 0x20;
const JMP_JA: u16 = 0x05;
const JMP_JEQ: u16 = 0x15;
const JMP_JGE: u16 = 0x35;
const JMP_JSET: u16 = 0x45;
const RET_K: u16 = 0x06;

/// Offsets in `struct seccomp_data`, little endian.
const DATA_NR: u32 = 0;
const DATA_ARCH: u32 = 4;
const DATA_ARGS: u32 = 16;

/// The action for a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Return(u32),
    /// The lower 32 bits of argument `arg` decide.
    If {
        arg: u32,
        test: Test,
        otherwise: u32,
        /// Values with a separate return value, checked first.
        but: Vec<(u32, u32)>,
        /// An argument that allows the call if all its 64 bits are zero: a null pointer. It is checked before all
        /// others.
        or_null: Option<u32>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    OneOf(Vec<u32>),
    NoneOf(Vec<u32>),
    NoBits(u32),
}

/// A policy that cannot be compiled: its line and the reason. Policies are part of Cupel, so this is a bug.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("seccomp policy, line {line}: {what}")]
pub(crate) struct PolicyError {
    line: usize,
    what: String,
}

/// A parsed policy.
#[derive(Debug)]
struct Policy {
    /// Rules, sorted by system call number; each number at most once.
    rules: Vec<(u32, Action)>,
    /// System calls that the init processes of lanes and cells need before a program starts.
    inits: Vec<u32>,
    /// Requests of `ioctl` that are allowed only in cells with a terminal, and to the init processes.
    terminal: Vec<u32>,
}

/// The two filters that together enforce the default policy.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// Installed by a lane's init, and inherited by all processes that it forks.
    pub(crate) inherited: Vec<Instruction>,
    /// Installed for a program just before it is executed.
    pub(crate) own: Vec<Instruction>,
    /// Installed instead of `own` for a program with a terminal.
    pub(crate) own_with_terminal: Vec<Instruction>,
}

/// The filters for every program.
pub(crate) fn default_filters() -> Result<Filters, PolicyError> {
    filters(&parse(POLICY)?)
}

const IOCTL: u32 = Sysno::ioctl as u32;
const ALLOW: Action = Action::Return(RET_ALLOW);
const UNKNOWN: Action = Action::Return(RET_ERRNO | libc::ENOSYS as u32);

fn filters(policy: &Policy) -> Result<Filters, PolicyError> {
    let of =
        |number: u32| policy.rules.iter().find(|(n, _)| *n == number).map_or(UNKNOWN, |(_, action)| action.clone());
    let own_with_terminal: Vec<_> = policy.inits.iter().map(|number| (*number, of(*number))).collect();
    let mut own = own_with_terminal.clone();
    let mut inherited: Vec<_> = policy.rules.iter().filter(|(n, _)| !policy.inits.contains(n)).cloned().collect();
    inherited.extend(policy.inits.iter().map(|number| (*number, ALLOW)));
    inherited.sort_by_key(|(number, _)| *number);
    // A program without a terminal gets only the rule of the policy. All other processes may also use terminal
    // requests.
    if !policy.terminal.is_empty() {
        own.push((IOCTL, of(IOCTL)));
        own.sort_by_key(|(number, _)| *number);
        for (_, action) in inherited.iter_mut().filter(|(number, _)| *number == IOCTL) {
            if let Action::If { test: Test::OneOf(values), .. } = action {
                values.extend(&policy.terminal);
            }
        }
    }
    Ok(Filters {
        inherited: compile(&inherited, &UNKNOWN)?,
        own: compile(&own, &ALLOW)?,
        own_with_terminal: compile(&own_with_terminal, &ALLOW)?,
    })
}

/// A rule of the default policy in the format of container engines, which pass it to libseccomp. A call that matches a
/// rule gets the rule's action. All other calls fail with [`ENGINE_DEFAULT`]. Source: the OCI runtime specification,
/// config-linux, "Seccomp".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineRule {
    /// Names of system calls.
    pub calls: Vec<String>,
    /// The errno with which the call fails; `None` allows it.
    pub errno: Option<u32>,
    /// Conditions on arguments, all of which must hold: the argument's number, a mask, and its value under the mask.
    pub arguments: Vec<(u32, u64, u64)>,
}

/// The errno of calls without a rule.
pub const ENGINE_DEFAULT: u32 = libc::ENOSYS as u32;

/// The rules of the default policy for a container whose first process is Cupel's own. Conditions compare 32 bits, as
/// the kernel does. A call that is refused because of its arguments fails with [`ENGINE_DEFAULT`], because libseccomp
/// has no rule for "any other value". In addition, a program cannot change the limits and the scheduling of process 1.
///
/// # Panics
/// If the policy, which is part of Cupel, cannot be read; a test reads it.
pub fn engine_rules() -> Vec<EngineRule> {
    let policy = parse(POLICY).unwrap_or_else(|error| panic!("{error}"));
    let mut rules = Vec::new();
    for (number, action) in &policy.rules {
        let Some(call) = Sysno::new(*number as usize) else { continue };
        let mut add = |errno, arguments| {
            rules.push(EngineRule { calls: vec![call.name().to_owned()], errno, arguments });
        };
        match action {
            Action::Return(RET_ALLOW) if NAMES_A_PROCESS.contains(&call) => {
                not_equal(1).into_iter().for_each(|(mask, value)| add(None, vec![(0, mask, value)]));
            }
            // Only the priority of a process, not of a group or of all processes of the user.
            Action::Return(RET_ALLOW) if call == Sysno::setpriority => {
                let of_process = (0, LOW, 0);
                not_equal(1).into_iter().for_each(|(mask, value)| add(None, vec![of_process, (1, mask, value)]));
            }
            Action::Return(RET_ALLOW) => add(None, Vec::new()),
            // Any limit may be read. A program may set only its own limits, for which it names process 0.
            Action::If { arg, test: Test::NoneOf(refused), or_null: Some(new), .. } if call == Sysno::prlimit64 => {
                add(None, vec![(*new, u64::MAX, 0)]);
                let settable = (0..LIMITS).filter(|limit| !refused.contains(limit));
                settable.for_each(|limit| add(None, vec![(0, LOW, 0), (*arg, LOW, u64::from(limit))]));
            }
            Action::Return(answer) => add(Some(answer & 0xffff), Vec::new()),
            Action::If { arg, test, but, .. } => {
                let equal = |value: u32| vec![(*arg, LOW, u64::from(value))];
                let is_exception = |value: &u32| but.iter().any(|(exception, _)| exception == value);
                match test {
                    Test::OneOf(values) => {
                        let terminal = policy.terminal.iter().filter(|_| *number == IOCTL);
                        let allowed = values.iter().chain(terminal).filter(|value| !is_exception(value));
                        allowed.for_each(|value| add(None, equal(*value)));
                    }
                    Test::NoneOf(values) if values.len() == 1 && but.is_empty() => {
                        let conditions = not_equal(values[0]);
                        conditions.into_iter().for_each(|(mask, value)| add(None, vec![(*arg, mask, value)]));
                    }
                    Test::NoneOf(values) => {
                        let small = SMALL_VALUES.into_iter().flatten();
                        let allowed = small.filter(|value| !values.contains(value) && !is_exception(value));
                        allowed.for_each(|value| add(None, equal(value)));
                    }
                    Test::NoBits(mask) => add(None, vec![(*arg, u64::from(*mask), 0)]),
                }
                but.iter().for_each(|(value, answer)| add(Some(answer & 0xffff), equal(*value)));
            }
        }
    }
    // A container's first process restricts the program with Landlock.
    let of_agent = [Sysno::landlock_create_ruleset, Sysno::landlock_add_rule, Sysno::landlock_restrict_self];
    of_agent.iter().for_each(|call| {
        rules.push(EngineRule { calls: vec![call.name().to_owned()], errno: None, arguments: Vec::new() });
    });
    // Docker 20.10 answers a call without a rule with EPERM, regardless of the profile. If clone3 fails with EPERM, the
    // C library cannot start a thread. If clone3 fails with ENOSYS, the C library uses clone instead.
    let has_rule = |call: &Sysno| policy.rules.iter().any(|(number, _)| i64::from(*number) == i64::from(call.id()));
    let others = Sysno::iter().filter(|call| !has_rule(call) && !of_agent.contains(call));
    let calls = others.map(|call| call.name().to_owned()).collect();
    rules.push(EngineRule { calls, errno: Some(ENGINE_DEFAULT), arguments: Vec::new() });
    rules
}

/// The bits of an argument that the kernel reads.
const LOW: u64 = 0xffff_ffff;
/// Calls whose first argument may be the number of another process.
const NAMES_A_PROCESS: [Sysno; 4] =
    [Sysno::sched_setaffinity, Sysno::sched_setattr, Sysno::sched_setparam, Sysno::sched_setscheduler];
/// Number of resource limits (`RLIM_NLIMITS`). Source: getrlimit(2).
const LIMITS: u32 = 16;
/// Ranges that contain all options of prctl(2), and more; the policy refuses a few of them.
const SMALL_VALUES: [std::ops::RangeInclusive<u32>; 3] = [0..=100, 1024..=1050, 0x5356_4d41..=0x5356_4d41];

/// Conditions, at least one of which holds if the lower 32 bits differ from `value`. Each condition tests one bit.
fn not_equal(value: u32) -> Vec<(u64, u64)> {
    (0..32).map(|bit| 1u64 << bit).map(|bit| (bit, !u64::from(value) & bit)).collect()
}

/// The filter for the main process once its launcher runs.
pub(crate) fn server_filter() -> Result<Vec<Instruction>, PolicyError> {
    compile(&parse(SERVER_POLICY)?.rules, &UNKNOWN)
}

fn parse(text: &str) -> Result<Policy, PolicyError> {
    let mut rules: Vec<(u32, Action)> = Vec::new();
    let (mut inits, mut terminal): (Vec<u32>, Vec<u32>) = Default::default();
    let mut conditional: Option<usize> = None;
    for (number, line) in text.lines().enumerate() {
        let fail = |what: String| PolicyError { line: number + 1, what };
        let line = line.split('#').next().unwrap_or_default().trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["allow", name, arg, op @ ("==" | "!=" | "!&"), values] => {
                let values = values.split(',').map(parse_number).collect::<Option<Vec<u32>>>();
                let arg = arg.parse::<u32>().ok().filter(|a| *a < 6);
                let (Some(values), Some(arg)) = (values, arg) else { return Err(fail("bad argument or value".into())) };
                let test = match *op {
                    "==" => Test::OneOf(values),
                    "!=" => Test::NoneOf(values),
                    _ => Test::NoBits(values[0]),
                };
                conditional = Some(rules.len());
                if let Ok(call) = Sysno::from_str(name) {
                    let otherwise = RET_ERRNO | libc::EPERM as u32;
                    rules.push((call.id() as u32, Action::If { arg, test, otherwise, but: Vec::new(), or_null: None }));
                }
            }
            ["but", answer, values] => {
                let answer = parse_answer(answer).ok_or_else(|| fail(format!("unknown errno {answer}")))?;
                let values = values.split(',').map(parse_number).collect::<Option<Vec<u32>>>();
                let Some(values) = values else { return Err(fail("bad value".into())) };
                match conditional.and_then(|i| rules.get_mut(i)) {
                    Some((_, Action::If { but, .. })) => but.extend(values.iter().map(|v| (*v, RET_ERRNO | answer))),
                    _ => return Err(fail("`but` without a conditional rule before it".into())),
                }
            }
            ["or", "null", arg] => {
                let arg = arg.parse::<u32>().ok().filter(|a| *a < 6).ok_or_else(|| fail("bad argument".into()))?;
                match conditional.and_then(|i| rules.get_mut(i)) {
                    Some((_, Action::If { or_null, .. })) => *or_null = Some(arg),
                    _ => return Err(fail("`or null` without a conditional rule before it".into())),
                }
            }
            ["else", errno] => {
                let value = parse_answer(errno).ok_or_else(|| fail(format!("unknown errno {errno}")))?;
                match conditional.and_then(|i| rules.get_mut(i)) {
                    Some((_, Action::If { otherwise, .. })) => *otherwise = RET_ERRNO | value,
                    _ => return Err(fail("`else` without a conditional rule before it".into())),
                }
            }
            ["allow", names @ ..] => {
                rules.extend(numbers(names).map(|n| (n, Action::Return(RET_ALLOW))));
            }
            ["terminal", values] => {
                let values = values.split(',').map(parse_number).collect::<Option<Vec<u32>>>();
                terminal.extend(values.ok_or_else(|| fail("bad value".into()))?);
            }
            ["inits", names @ ..] => inits.extend(numbers(names)),
            ["skip", names @ ..] => {
                rules.extend(numbers(names).map(|n| (n, Action::Return(RET_ERRNO))));
            }
            ["deny", errno, names @ ..] => {
                let value = parse_errno(errno).ok_or_else(|| fail(format!("unknown errno {errno}")))?;
                rules.extend(numbers(names).map(|n| (n, Action::Return(RET_ERRNO | value))));
            }
            _ => return Err(fail(format!("cannot read `{line}`"))),
        }
    }
    rules.sort_by_key(|(n, _)| *n);
    if let Some(twice) = rules.windows(2).find(|w| w[0].0 == w[1].0) {
        return Err(PolicyError { line: 0, what: format!("system call {} has two rules", twice[0].0) });
    }
    inits.sort_unstable();
    inits.dedup();
    let is_ioctl_by_request = |(number, action): &(u32, Action)| {
        *number == IOCTL && matches!(action, Action::If { arg: 1, test: Test::OneOf(_), .. })
    };
    if !terminal.is_empty() && !rules.iter().any(is_ioctl_by_request) {
        return Err(PolicyError { line: 0, what: "`terminal` needs a rule `allow ioctl 1 == …`".into() });
    }
    Ok(Policy { rules, inits, terminal })
}

fn numbers<'a>(names: &'a [&'a str]) -> impl Iterator<Item = u32> + 'a {
    names.iter().filter_map(|name| Sysno::from_str(name).ok()).map(|call| call.id() as u32)
}

fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// An errno, or 0 for success.
fn parse_answer(name: &str) -> Option<u32> {
    if name == "skip" { Some(0) } else { parse_errno(name) }
}

fn parse_errno(name: &str) -> Option<u32> {
    Some(match name {
        "EPERM" => libc::EPERM,
        "ENOSYS" => libc::ENOSYS,
        "EACCES" => libc::EACCES,
        "EAFNOSUPPORT" => libc::EAFNOSUPPORT,
        "EINVAL" => libc::EINVAL,
        "ENOMEM" => libc::ENOMEM,
        "ENOTTY" => libc::ENOTTY,
        "EOPNOTSUPP" => libc::EOPNOTSUPP,
        _ => return None,
    } as u32)
}

/// Compiles rules, sorted by number, to instructions. Numbers without a rule get `unknown`.
fn compile(rules: &[(u32, Action)], unknown: &Action) -> Result<Vec<Instruction>, PolicyError> {
    // Runs: the first number, and the action for it and the following numbers.
    let mut runs: Vec<(u32, Action)> = vec![(0, unknown.clone())];
    let mut next = 0;
    for (number, action) in rules {
        if *number > next && runs.last().is_some_and(|(_, a)| a != unknown) {
            runs.push((next, unknown.clone()));
        }
        if runs.last().is_some_and(|(_, a)| a != action) {
            match runs.last_mut() {
                Some(last) if last.0 == *number => last.1 = action.clone(),
                _ => runs.push((*number, action.clone())),
            }
        }
        next = number + 1;
    }
    if runs.last().is_some_and(|(_, a)| a != unknown) {
        runs.push((next, unknown.clone()));
    }
    let mut program = vec![
        statement(LD_ABS, DATA_ARCH),
        jump(JMP_JEQ, AUDIT_ARCH, 1, 0),
        // Another ABI (int 0x80 from a 64-bit program) has other numbers. No legitimate program uses it.
        statement(RET_K, RET_KILL_PROCESS),
        statement(LD_ABS, DATA_NR),
    ];
    program.extend(tree(&runs)?);
    Ok(program)
}

/// A binary tree over runs. Each branch compares the number with the first number of the right half.
fn tree(runs: &[(u32, Action)]) -> Result<Vec<Instruction>, PolicyError> {
    if let [(_, action)] = runs {
        return Ok(leaf(action));
    }
    let (left, right) = runs.split_at(runs.len() / 2);
    let (low, high) = (tree(left)?, tree(right)?);
    let mut code = Vec::with_capacity(low.len() + high.len() + 2);
    match u8::try_from(low.len()) {
        Ok(skip) => code.push(jump(JMP_JGE, right[0].0, skip, 0)),
        Err(_) => {
            // The distance is too large for a conditional jump, so the branch to the left half skips an unconditional
            // jump.
            code.push(jump(JMP_JGE, right[0].0, 0, 1));
            let distance = u32::try_from(low.len()).map_err(|_| PolicyError { line: 0, what: "too long".into() })?;
            code.push(Instruction { code: JMP_JA, jt: 0, jf: 0, k: distance });
        }
    }
    code.extend(low);
    code.extend(high);
    Ok(code)
}

fn leaf(action: &Action) -> Vec<Instruction> {
    match action {
        Action::Return(value) => vec![statement(RET_K, *value)],
        Action::If { arg, test, otherwise, but, or_null } => {
            let mut code = Vec::new();
            if let Some(pointer) = or_null {
                let low = DATA_ARGS + 8 * pointer;
                code.extend([
                    statement(LD_ABS, low),
                    jump(JMP_JEQ, 0, 0, 3),
                    statement(LD_ABS, low + 4),
                    jump(JMP_JEQ, 0, 0, 1),
                    statement(RET_K, RET_ALLOW),
                ]);
            }
            code.push(statement(LD_ABS, DATA_ARGS + 8 * arg));
            for (value, answer) in but {
                code.push(jump(JMP_JEQ, *value, 0, 1));
                code.push(statement(RET_K, *answer));
            }
            let (values, hit, miss) = match test {
                Test::NoBits(bits) => {
                    code.push(jump(JMP_JSET, *bits, 0, 1));
                    code.push(statement(RET_K, *otherwise));
                    code.push(statement(RET_K, RET_ALLOW));
                    return code;
                }
                Test::OneOf(values) => (values, RET_ALLOW, *otherwise),
                Test::NoneOf(values) => (values, *otherwise, RET_ALLOW),
            };
            for (index, value) in values.iter().enumerate() {
                // The lists have only a few values, so the distance fits into a byte.
                let to_hit = (values.len() - index) as u8;
                code.push(jump(JMP_JEQ, *value, to_hit, 0));
            }
            code.push(statement(RET_K, miss));
            code.push(statement(RET_K, hit));
            code
        }
    }
}

const fn statement(code: u16, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: 0, k }
}

const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

#[cfg(test)]
#[path = "seccomp_fuzz.rs"]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    /// Interprets a filter as the kernel does.
    fn evaluate(filter: &[Instruction], nr: u32, arch: u32, args: [u32; 6]) -> u32 {
        let (mut at, mut a) = (0usize, 0u32);
        loop {
            let i = filter[at];
            at += 1;
            let branch = |yes: bool| usize::from(if yes { i.jt } else { i.jf });
            match i.code {
                LD_ABS if i.k == DATA_NR => a = nr,
                LD_ABS if i.k == DATA_ARCH => a = arch,
                // The arguments of these tests have no upper halves; those of `seccomp_fuzz.rs` have.
                LD_ABS if !i.k.is_multiple_of(8) => a = 0,
                LD_ABS => a = args[((i.k - DATA_ARGS) / 8) as usize],
                JMP_JA => at += i.k as usize,
                JMP_JEQ => at += branch(a == i.k),
                JMP_JGE => at += branch(a >= i.k),
                JMP_JSET => at += branch(a & i.k != 0),
                RET_K => return i.k,
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    fn of(name: &str) -> u32 {
        Sysno::from_str(name).unwrap().id() as u32
    }

    const EPERM: u32 = RET_ERRNO | libc::EPERM as u32;
    const ENOSYS: u32 = RET_ERRNO | libc::ENOSYS as u32;

    /// The combined result of a program's two filters: the kernel uses the most restrictive one, which is
    /// the smaller number when read as signed. Source: seccomp(2).
    fn together(filters: &Filters, nr: u32, arch: u32, args: [u32; 6]) -> u32 {
        let answers = [&filters.inherited, &filters.own].map(|filter| evaluate(filter, nr, arch, args));
        answers.into_iter().min_by_key(|answer| answer.cast_signed()).unwrap()
    }

    #[test]
    fn every_system_call_gets_the_action_of_its_rule() {
        let policy = parse(POLICY).unwrap();
        let filters = filters(&policy).unwrap();
        for nr in 0..1200 {
            let expected = match policy.rules.iter().find(|(n, _)| *n == nr) {
                None => ENOSYS,
                Some((_, Action::Return(value))) => *value,
                Some((_, Action::If { .. })) => continue,
            };
            assert_eq!(together(&filters, nr, AUDIT_ARCH, [0; 6]), expected, "system call {nr}");
        }
        assert_eq!(together(&filters, 0x4000_0000 + of("read"), AUDIT_ARCH, [0; 6]), ENOSYS, "x32 numbers");
        assert_eq!(together(&filters, of("read"), AUDIT_ARCH ^ 1, [0; 6]), RET_KILL_PROCESS, "another ABI");
    }

    #[test]
    fn requests_for_terminals_are_allowed_only_in_cells_with_a_terminal() {
        let filters = default_filters().unwrap();
        let ioctl = |own: &[Instruction], request| {
            let answers =
                [&filters.inherited[..], own].map(|f| evaluate(f, IOCTL, AUDIT_ARCH, [0, request, 0, 0, 0, 0]));
            answers.into_iter().min_by_key(|answer| answer.cast_signed()).unwrap()
        };
        const ENOTTY: u32 = RET_ERRNO | libc::ENOTTY as u32;
        let terminal = parse(POLICY).unwrap().terminal;
        assert!(terminal.contains(&0x5414) && terminal.contains(&0x5410), "TIOCSWINSZ, TIOCSPGRP");
        for request in terminal {
            assert_eq!(ioctl(&filters.own_with_terminal, request), RET_ALLOW, "{request:#x}");
            assert_eq!(ioctl(&filters.own, request), ENOTTY, "{request:#x}");
        }
        assert_eq!(ioctl(&filters.own_with_terminal, 0x5401), RET_ALLOW, "TCGETS");
        for (request, name) in [
            (0x5412, "TIOCSTI"),
            (0x541c, "TIOCLINUX"),
            (0x541d, "TIOCCONS"),
            (0x5423, "TIOCSETD"),
            (0x4004_5436, "TIOCSIG"),
            (0x8940, "loads a module"),
        ] {
            assert_eq!(ioctl(&filters.own_with_terminal, request), ENOTTY, "{name}");
            assert_eq!(evaluate(&filters.inherited, IOCTL, AUDIT_ARCH, [0, request, 0, 0, 0, 0]), ENOTTY, "{name}");
        }
        for nr in parse(POLICY).unwrap().inits {
            let own = [&filters.own, &filters.own_with_terminal].map(|f| evaluate(f, nr, AUDIT_ARCH, [0; 6]));
            assert_eq!(own[0], own[1], "system call {nr}");
        }
    }

    #[test]
    fn calls_that_the_inits_need_are_refused_only_by_the_programs_filter() {
        let policy = parse(POLICY).unwrap();
        let filters = filters(&policy).unwrap();
        assert!(!policy.inits.is_empty());
        for nr in &policy.inits {
            assert_eq!(evaluate(&filters.inherited, *nr, AUDIT_ARCH, [0; 6]), RET_ALLOW, "system call {nr}");
            assert_ne!(evaluate(&filters.own, *nr, AUDIT_ARCH, [0; 6]), RET_ALLOW, "system call {nr}");
        }
    }

    #[test]
    fn conditional_rules_check_their_argument() {
        let filters = default_filters().unwrap();
        let run = |name, args| together(&filters, of(name), AUDIT_ARCH, args);
        for flag in [0x80u32, 0x20000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
            assert_eq!(run("clone", [flag, 0, 0, 0, 0, 0]), EPERM, "clone flag {flag:#x}");
        }
        assert_eq!(run("clone", [0x003d_0f00, 0, 0, 0, 0, 0]), RET_ALLOW, "a thread");
        assert_eq!(run("clone3", [0; 6]), ENOSYS);
        assert_eq!(run("socket", [1, 0, 0, 0, 0, 0]), RET_ALLOW);
        for family in [0, 2, 10, 16, 17, 38, 40] {
            assert_eq!(
                run("socket", [family, 0, 0, 0, 0, 0]),
                RET_ERRNO | libc::EAFNOSUPPORT as u32,
                "family {family}"
            );
        }
        const ENOTTY: u32 = RET_ERRNO | libc::ENOTTY as u32;
        for (request, name) in [(0x5401, "TCGETS"), (0x541b, "FIONREAD"), (0x5421, "FIONBIO"), (0x5451, "FIOCLEX")] {
            assert_eq!(run("ioctl", [3, request, 0, 0, 0, 0]), RET_ALLOW, "{name}");
        }
        for (request, name) in
            [(0x5412, "TIOCSTI"), (0xc020_660b, "FIEMAP"), (0xc0c0_583b, "FS_IOC_GETFSMAP"), (0x5460, "FIOQSIZE")]
        {
            assert_eq!(run("ioctl", [3, request, 0, 0, 0, 0]), ENOTTY, "{name}");
        }
        for request in [0x8940, 0x8941, 0x8982, 0x8983, 0x89a0, 0x89a1] {
            assert_eq!(run("ioctl", [3, request, 0, 0, 0, 0]), ENOTTY, "loads a module: {request:#x}");
        }
        for (lock, answer) in
            [(1, RET_ERRNO), (5, RET_ERRNO), (2, RET_ALLOW), (6, RET_ALLOW), (8, RET_ALLOW), (12, RET_ALLOW)]
        {
            assert_eq!(run("flock", [3, lock, 0, 0, 0, 0]), answer, "flock {lock}");
        }
        for lock in [0, 3, 4, 7, 32, 32 + 64, 32 + 192] {
            assert_eq!(run("flock", [3, lock, 0, 0, 0, 0]), RET_ERRNO | libc::EINVAL as u32, "flock {lock}");
        }
        assert_eq!(run("fcntl", [3, 6, 0, 0, 0, 0]), RET_ERRNO, "F_SETLK: returns success without any effect");
        assert_eq!(run("fcntl", [3, 1026, 0, 0, 0, 0]), EPERM, "F_NOTIFY");
        assert_eq!(run("fcntl", [3, 1, 0, 0, 0, 0]), RET_ALLOW, "F_GETFD");
        for (request, name) in [(1031, "F_SETPIPE_SZ"), (1036, "F_SET_RW_HINT"), (1038, "F_SET_FILE_RW_HINT")] {
            assert_eq!(run("fcntl", [3, request, 0, 0, 0, 0]), EPERM, "{name}");
        }
        assert_eq!(run("fcntl", [3, 1100, 0, 0, 0, 0]), RET_ERRNO | libc::EINVAL as u32, "a request of a later kernel");
        assert_eq!(run("personality", [0x0040_0000, 0, 0, 0, 0, 0]), EPERM);
    }

    #[test]
    fn a_program_can_read_the_limit_of_core_dumps_but_not_set_it() {
        const CORE: u64 = 4;
        const POINTER: u64 = 0x7fff_0000;
        let filters = default_filters().unwrap();
        let run = |name: &str, args| fuzz::answer(&filters, of(name), AUDIT_ARCH, args);
        assert_eq!(run("setrlimit", [CORE, POINTER, 0, 0, 0, 0]), EPERM);
        assert_eq!(run("setrlimit", [3, POINTER, 0, 0, 0, 0]), RET_ALLOW, "RLIMIT_STACK");
        for new in [POINTER, 1 << 32, 1 << 63, 1] {
            assert_eq!(run("prlimit64", [0, CORE, new, 0, 0, 0]), EPERM, "{new:#x}");
            assert_eq!(run("prlimit64", [0, CORE | 1 << 32, new, 0, 0, 0]), EPERM, "{new:#x}");
            assert_eq!(run("prlimit64", [0, 7, new, 0, 0, 0]), RET_ALLOW, "RLIMIT_NOFILE, {new:#x}");
        }
        assert_eq!(run("prlimit64", [0, CORE, 0, POINTER, 0, 0]), RET_ALLOW, "read only");
    }

    #[test]
    fn the_filters_are_short() {
        let filters = default_filters().unwrap();
        assert!(filters.inherited.len() < 400, "{} instructions", filters.inherited.len());
        assert!(filters.own.len() < 60, "{} instructions", filters.own.len());
    }

    #[test]
    fn the_server_can_neither_start_nor_affect_processes() {
        let filter = server_filter().unwrap();
        let run = |name, args| evaluate(&filter, of(name), AUDIT_ARCH, args);
        for call in ["execve", "execveat", "ptrace", "process_vm_writev", "mount", "unshare", "setns", "bpf", "kill"] {
            assert_eq!(run(call, [0; 6]), EPERM, "{call}");
        }
        // fork(), and a thread in a new namespace.
        assert_eq!(run("clone", [17, 0, 0, 0, 0, 0]), EPERM);
        assert_eq!(run("clone", [0x103d_0f00, 0, 0, 0, 0, 0]), EPERM);
        assert_eq!(run("clone", [0x003d_0f00, 0, 0, 0, 0, 0]), RET_ALLOW, "a thread");
        assert_eq!(run("socket", [17, 0, 0, 0, 0, 0]), RET_ERRNO | libc::EAFNOSUPPORT as u32, "packets");
        assert_eq!(run("ioctl", [0, 0x5412, 0, 0, 0, 0]), EPERM, "TIOCSTI");
    }

    #[test]
    fn a_container_engine_allows_and_skips_the_same_calls_as_the_sandbox() {
        let (filters, rules) = (default_filters().unwrap(), engine_rules());
        let by_engine = |name: &str, args: [u32; 6]| {
            let holds = |rule: &EngineRule| {
                let is = |&(index, mask, value): &(u32, u64, u64)| u64::from(args[index as usize]) & mask == value;
                rule.calls.iter().any(|call| call == name) && rule.arguments.iter().all(is)
            };
            let mut answers = rules.iter().filter(|rule| holds(rule)).map(|rule| rule.errno);
            let first = answers.next().unwrap_or(Some(ENGINE_DEFAULT));
            assert!(answers.all(|answer| answer == first), "{name} {args:?}: rules that contradict each other");
            first
        };
        let places = [("fcntl", 1), ("flock", 1), ("fadvise64", 3), ("msync", 2), ("prctl", 0)];
        for (name, place, value) in places.iter().flat_map(|(name, place)| {
            let values = (0..=100).chain(1024..=1050);
            values.map(|value: u32| (*name, *place, value))
        }) {
            let mut args = [0; 6];
            args[place] = value;
            match evaluate(&filters.inherited, of(name), AUDIT_ARCH, args) {
                RET_ALLOW => assert_eq!(by_engine(name, args), None, "{name} {value}"),
                RET_ERRNO if !["fadvise64", "msync"].contains(&name) => {
                    assert_eq!(by_engine(name, args), Some(0), "{name} {value}");
                }
                // The engine has one errno for all other values.
                _ => assert_ne!(by_engine(name, args), None, "{name} {value}"),
            }
        }
    }

    #[test]
    fn in_a_container_a_program_sets_only_its_own_limits_and_not_that_of_core_dumps() {
        let rules = engine_rules();
        let is_allowed = |args: [u64; 6]| {
            let is = |&(index, mask, value): &(u32, u64, u64)| args[index as usize] & mask == value;
            let mut matching = rules.iter().filter(|rule| rule.calls == ["prlimit64"] && rule.arguments.iter().all(is));
            matching.any(|rule| rule.errno.is_none())
        };
        assert!(is_allowed([0, 7, 0x7fff_0000, 0, 0, 0]), "RLIMIT_NOFILE");
        assert!(is_allowed([0, 4, 0, 0x7fff_0000, 0, 0]) && is_allowed([1, 7, 0, 0x7fff_0000, 0, 0]), "read only");
        assert!(!is_allowed([0, 4, 0x7fff_0000, 0, 0, 0]) && !is_allowed([0, 4, 1 << 32, 0, 0, 0]), "RLIMIT_CORE");
        assert!(!is_allowed([1, 7, 0x7fff_0000, 0, 0, 0]), "of process 1");
    }

    #[test]
    fn an_invalid_policy_is_reported_with_its_line() {
        assert_eq!(parse("allow read\nallowed write\n").unwrap_err().line, 2);
        assert_eq!(parse("deny ENOTHING read").unwrap_err().line, 1);
        assert_eq!(parse("else EPERM").unwrap_err().line, 1);
        assert_eq!(parse("allow read\nbut skip 1").unwrap_err().line, 2);
        assert_eq!(parse("allow read\nor null 2").unwrap_err().line, 2);
        assert_eq!(parse("allow setrlimit 0 != 4\nor null 6").unwrap_err().line, 2);
        assert_eq!(parse("allow ioctl 1 == 1\nterminal x").unwrap_err().line, 2);
        assert!(parse("terminal 0x5414").is_err());
        assert!(parse("allow read\ndeny EPERM read").is_err());
    }
}
