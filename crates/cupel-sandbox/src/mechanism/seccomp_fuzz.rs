//! Property tests with random policies. For every system call, the compiled filter returns the same action as a direct
//! evaluation of the rules. The kernel would accept every filter. `PROPTEST_CASES` sets the number of cases.

use proptest::prelude::*;

use super::{
    AUDIT_ARCH, Action, DATA_ARCH, DATA_ARGS, DATA_NR, Filters, Instruction, JMP_JA, JMP_JEQ, JMP_JGE, JMP_JSET,
    LD_ABS, Policy, RET_ALLOW, RET_ERRNO, RET_K, RET_KILL_PROCESS, Test, filters, parse,
};

/// Maximum number of instructions of one filter. Source: BPF_MAXINSNS.
const INSTRUCTIONS_MAX: usize = 4096;
/// Number of system call numbers that are tested; more than exist.
const NUMBERS: u32 = 700;

/// Asserts the rules by which the kernel validates a filter. Source: seccomp(2), bpf_check_classic() and
/// seccomp_check_filter().
fn assert_valid_filter(filter: &[Instruction]) {
    assert!(!filter.is_empty() && filter.len() <= INSTRUCTIONS_MAX, "{} instructions", filter.len());
    for (at, i) in filter.iter().enumerate() {
        let within =
            |skip: usize| assert!(at + 1 + skip < filter.len(), "a jump of {skip} at {at} of {}", filter.len());
        match i.code {
            LD_ABS => assert!(i.k < 64 && i.k % 4 == 0, "load at {}", i.k),
            JMP_JA => within(i.k as usize),
            JMP_JEQ | JMP_JGE | JMP_JSET => [i.jt, i.jf].into_iter().for_each(|skip| within(usize::from(skip))),
            RET_K => {}
            other => panic!("instruction {other:#x} at {at}"),
        }
    }
    assert_eq!(filter[filter.len() - 1].code, RET_K, "the last instruction must return");
}

/// Interprets a filter as the kernel does. Jumps only go forward, so this terminates.
fn run(filter: &[Instruction], nr: u32, arch: u32, args: [u64; 6]) -> u32 {
    let (mut at, mut a) = (0, 0);
    loop {
        let i = filter[at];
        let skip = |holds: bool| usize::from(if holds { i.jt } else { i.jf });
        at += 1 + match i.code {
            LD_ABS => {
                a = match i.k {
                    DATA_NR => nr,
                    DATA_ARCH => arch,
                    k => {
                        let arg = args[((k - DATA_ARGS) / 8) as usize];
                        if k % 8 == 0 { arg as u32 } else { (arg >> 32) as u32 }
                    }
                };
                0
            }
            JMP_JA => i.k as usize,
            JMP_JEQ => skip(a == i.k),
            JMP_JGE => skip(a >= i.k),
            JMP_JSET => skip(a & i.k != 0),
            _ => return i.k,
        };
    }
}

/// The combined result of the lane's and the program's filter: the more restrictive one.
pub(super) fn answer(filters: &Filters, nr: u32, arch: u32, args: [u64; 6]) -> u32 {
    [&filters.inherited, &filters.own]
        .map(|filter| run(filter, nr, arch, args))
        .into_iter()
        .min_by_key(|answer| answer.cast_signed())
        .unwrap_or(RET_KILL_PROCESS)
}

/// Evaluates the rules directly, one after the other.
fn evaluate_rules(policy: &Policy, nr: u32, args: [u64; 6]) -> u32 {
    match policy.rules.iter().find(|(number, _)| *number == nr) {
        None => RET_ERRNO | libc::ENOSYS as u32,
        Some((_, Action::Return(answer))) => *answer,
        Some((_, Action::If { or_null: Some(pointer), .. })) if args[*pointer as usize] == 0 => RET_ALLOW,
        Some((_, Action::If { arg, test, otherwise, but, .. })) => {
            let value = args[*arg as usize] as u32;
            if let Some((_, answer)) = but.iter().find(|(special, _)| *special == value) {
                return *answer;
            }
            let fits = match test {
                Test::OneOf(values) => values.contains(&value),
                Test::NoneOf(values) => !values.contains(&value),
                Test::NoBits(bits) => value & bits == 0,
            };
            if fits { RET_ALLOW } else { *otherwise }
        }
    }
}

/// The name of any system call.
fn name() -> impl Strategy<Value = String> {
    (0..470usize).prop_map(|n| syscalls::Sysno::new(n).map_or("no_such_call".to_owned(), |call| call.name().to_owned()))
}

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![0..40u32, any::<u32>(), (0..32u32).prop_map(|bit| 1 << bit)]
}

/// A line of a policy, valid or not.
fn line() -> impl Strategy<Value = String> {
    let names = || proptest::collection::vec(name(), 0..6).prop_map(|names| names.join(" "));
    let values = || {
        proptest::collection::vec(value(), 1..8).prop_map(|values| {
            values
                .iter()
                .map(|v| if v % 2 == 0 { format!("{v:#x}") } else { v.to_string() })
                .collect::<Vec<_>>()
                .join(",")
        })
    };
    let errno = || prop_oneof![Just("EPERM"), Just("ENOSYS"), Just("EINVAL"), Just("ENOTHING")];
    prop_oneof![
        6 => names().prop_map(|names| format!("allow {names}")),
        2 => names().prop_map(|names| format!("skip {names}  # a remark")),
        3 => (errno(), names()).prop_map(|(errno, names)| format!("deny {errno} {names}")),
        2 => names().prop_map(|names| format!("inits {names}")),
        3 => (name(), 0..6u32, prop_oneof![Just("=="), Just("!=")], values())
            .prop_map(|(name, arg, op, values)| format!("allow {name} {arg} {op} {values}")),
        2 => (name(), 0..8u32, value()).prop_map(|(name, arg, bits)| format!("allow {name} {arg} !& {bits:#x}")),
        2 => errno().prop_map(|errno| format!("else {errno}")),
        1 => Just("else skip".to_owned()),
        1 => (0..8u32).prop_map(|arg| format!("or null {arg}")),
        2 => (prop_oneof![Just("skip"), Just("EPERM"), Just("ENOTHING")], values())
            .prop_map(|(answer, values)| format!("but {answer} {values}")),
        1 => "[a-z0-9!=&,# ]{0,30}",
    ]
}

/// A valid policy: each line is kept only if the policy can still be parsed with it.
fn policy() -> impl Strategy<Value = String> {
    proptest::collection::vec(line(), 0..60).prop_map(|lines| {
        let mut text = String::new();
        for line in lines {
            let longer = format!("{text}{line}\n");
            if parse(&longer).is_ok() {
                text = longer;
            }
        }
        text
    })
}

proptest! {
    #[test]
    fn a_compiled_policy_agrees_with_its_rules(text in policy(), chosen in proptest::collection::vec((0..6usize, any::<u64>()), 4)) {
        let policy = parse(&text).unwrap();
        let filters = filters(&policy).unwrap();
        assert_valid_filter(&filters.inherited);
        assert_valid_filter(&filters.own);
        let ask = |nr: u32, args: [u64; 6]| {
            assert_eq!(answer(&filters, nr, AUDIT_ARCH, args), evaluate_rules(&policy, nr, args), "call {nr}, arguments {args:x?}, policy:\n{text}");
        };
        let mut arguments = vec![[0; 6], [u64::MAX; 6]];
        for (index, value) in chosen {
            let mut args = [value; 6];
            args[index] = !value;
            arguments.push(args);
        }
        for nr in (0..NUMBERS).chain([0x4000_0000, 0x4000_0001, u32::MAX]) {
            // Only conditional rules depend on the arguments.
            let rule = policy.rules.iter().find(|(number, _)| *number == nr);
            let looked_at = if matches!(rule, Some((_, Action::If { .. }))) { arguments.len() } else { 1 };
            arguments.iter().take(looked_at).for_each(|args| ask(nr, *args));
            // The values that the rule compares with, also with a bit set in the upper half, which the rule ignores.
            if let Some((_, Action::If { test, .. })) = rule {
                let deciding = match test {
                    Test::OneOf(values) | Test::NoneOf(values) => values.clone(),
                    Test::NoBits(bits) => vec![*bits, !bits],
                };
                for value in deciding {
                    ask(nr, [u64::from(value); 6]);
                    ask(nr, [u64::from(value) | 1 << 40; 6]);
                }
            }
        }
        prop_assert_eq!(answer(&filters, 0, AUDIT_ARCH ^ 1, [0; 6]), RET_KILL_PROCESS, "another ABI");
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in prop_oneof![
        proptest::collection::vec(line(), 0..40).prop_map(|lines| lines.join("\n")),
        ".{0,200}",
    ]) {
        if let Ok(policy) = parse(&text) {
            assert_valid_filter(&filters(&policy).unwrap().inherited);
        }
    }
}
