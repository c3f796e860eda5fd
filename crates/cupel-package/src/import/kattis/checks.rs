//! The checker of a Kattis package: the default validator or the package's program, with the arguments of a case.

use super::Kattis;
use super::config::Version;
use crate::finding::Code;
use cupel_problem::{
    AfterInteraction, Checker, Comparison, Interactor, JudgeProgram, Method, Program, Protocol, TokenRules,
};

/// The checker of the package.
pub(super) enum Judge {
    Default,
    Program(Program),
}

impl Kattis<'_> {
    /// Finds the checker. `None` if there is a fault, which has been reported.
    pub(super) fn judge(&self) -> Option<Judge> {
        let config = &self.config;
        let context = self.context;
        let places: &[&str] = match config.version {
            Version::V202509 => &["output_validator"],
            Version::Draft => &["output_validator", "output_validators"],
            // DOMjudge also accepts the newer name, and DOMjudge's packages cannot be distinguished from other legacy
            // packages.
            Version::Legacy => &["output_validators", "output_validator"],
        };
        let mut programs = Vec::new();
        for place in places {
            match config.is_new() && *place == "output_validator" {
                // The directory itself is the program; if it contains only one source, that source may have any name.
                true => programs.extend(context.program(place)),
                false => programs.extend(context.programs_in(place)),
            }
        }
        let wanted = if config.is_new() { !programs.is_empty() } else { config.custom_validator };
        if !wanted {
            if config.interactive || config.passes.is_some() {
                let fault = "the problem is interactive or multi-pass, but there is no output validator";
                let remedy = format!("Add one in {}/, and in a legacy package also `validation: custom …`", places[0]);
                context.findings.file(Code::NoValidator, "problem.yaml", fault, remedy);
                return None;
            }
            if !programs.is_empty() {
                let remedy = "Add `validation: custom` to problem.yaml, or remove the validator";
                context.findings.file(Code::UnusedFile, places[0], "the output validator is not used", remedy);
            }
            return Some(Judge::Default);
        }
        let mut programs = programs.into_iter();
        match (programs.next(), programs.next()) {
            (Some(mut program), None) => {
                context.check_program(&program);
                self.set_standard(&mut program);
                Some(Judge::Program(program))
            }
            (Some(_), Some(second)) => {
                let fault = "there is a second output validator; only one is allowed";
                context.findings.file(Code::ManyValidators, second.path.as_str(), fault, "Remove one of them");
                None
            }
            (None, _) => {
                let fault = "the validation is custom, but there is no output validator";
                let remedy = format!("Add it in {}/, or write `validation: default`", places[0]);
                context.findings.file(Code::NoValidator, "problem.yaml", fault, remedy);
                None
            }
        }
    }

    /// Returns the method of cases with these arguments. `file` is the file that contains the arguments.
    pub(super) fn method(&self, judge: &Judge, args: &[String], file: &str) -> Option<Method> {
        match judge {
            Judge::Default => match TokenRules::from_flags(args) {
                Ok(rules) => Some(Method::Check(Checker::Builtin(Comparison::Tokens(rules)))),
                Err(error) => {
                    let remedy = "Correct the flags of the default validator";
                    self.context.findings.at(
                        Code::KeyType,
                        file,
                        None,
                        Some(self.flags_key(file)),
                        error.to_string(),
                        remedy,
                    );
                    None
                }
            },
            Judge::Program(program) => {
                let program = JudgeProgram {
                    program: program.clone(),
                    protocol: Protocol::FeedbackDirectory,
                    args: args.to_vec(),
                    words: None,
                };
                Some(match self.config.interactive {
                    true => Method::Interact(Interactor { program, then: AfterInteraction::Verdict }),
                    false => Method::Check(Checker::Program(program)),
                })
            }
        }
    }

    fn flags_key(&self, file: &str) -> &'static str {
        match (file, self.config.is_new()) {
            ("problem.yaml", _) => "validator_flags",
            (_, true) => "output_validator_args",
            (_, false) => "output_validator_flags",
        }
    }
}
