//! The checker of an exported package: the program in `output_validator/`, or the flags of the default validator.

use super::Plan;
use cupel_problem::{
    AfterInteraction, Checker, Comparison, ErrorMode, Interactor, Method, Program, Protocol, Standard,
};

impl Plan<'_> {
    /// Plans the output validator. The format allows only one for the whole package.
    pub(super) fn judge(&mut self) {
        let mut programs: Vec<&Program> = Vec::new();
        for case in self.problem.tests.cases() {
            if let Some(program) = self.program_of(&case.method)
                && !programs.contains(&program)
            {
                programs.push(program);
            }
        }
        match programs[..] {
            [] => {}
            [program] => {
                let files = program.files.clone();
                self.program_files("output_validator", &files);
            }
            _ => self.cannot(
                "output_validator",
                "the package has several checkers or interactors; the format allows one",
                "Combine them into one program",
            ),
        }
    }

    fn program_of<'m>(&self, method: &'m Method) -> Option<&'m Program> {
        let (Method::Check(Checker::Program(program)) | Method::Interact(Interactor { program, .. })) = method else {
            return None;
        };
        Some(&program.program)
    }

    /// Returns the arguments for a method, and reports the properties that the format cannot express.
    pub(super) fn arguments(&self, method: &Method, place: &str) -> Vec<String> {
        let program = match method {
            Method::Check(Checker::Builtin(comparison)) => return self.flags(comparison, place),
            Method::Check(Checker::Program(program)) => program,
            Method::Interact(Interactor { program, then: AfterInteraction::Verdict }) => program,
            Method::Interact(_) => {
                self.cannot(
                    place,
                    "interactor and checker are two programs; the format allows one",
                    "Let the interactor decide the verdict",
                );
                return Vec::new();
            }
        };
        if !program.program.flags.is_empty() {
            let fault = format!("the compiler flags of `{}` are left out", program.program.path);
            self.weaker(place, fault);
        }
        if program.protocol != Protocol::FeedbackDirectory {
            let fault =
                format!("`{}` does not use the exit codes of an output validator, 42 and 43", program.program.path);
            self.cannot(
                program.program.path.as_str(),
                fault,
                "Change its exit codes, or wrap it in a program that translates them",
            );
        }
        program.args.clone()
    }

    fn flags(&self, comparison: &Comparison, place: &str) -> Vec<String> {
        let fixed = |flags: &[&str]| flags.iter().map(|flag| (*flag).to_owned()).collect();
        match comparison {
            Comparison::Tokens(rules) => {
                let mut flags = Vec::new();
                flags.extend(rules.case_sensitive.then(|| "case_sensitive".to_owned()));
                flags.extend(rules.space_sensitive.then(|| "space_change_sensitive".to_owned()));
                for (flag, tolerance) in [
                    ("float_absolute_tolerance", rules.absolute_tolerance),
                    ("float_relative_tolerance", rules.relative_tolerance),
                ] {
                    flags.extend(
                        tolerance.map(|tolerance| [flag.to_owned(), tolerance.get().to_string()]).into_iter().flatten(),
                    );
                }
                flags
            }
            Comparison::Exact { normalize_newlines: false } => fixed(&["case_sensitive", "space_change_sensitive"]),
            Comparison::Exact { .. } | Comparison::TrimmedLines | Comparison::TrimmedEnd | Comparison::TokensByLine => {
                self.weaker(place, "this checker compares white space more strictly than the default validator");
                fixed(&["case_sensitive"])
            }
            Comparison::Standard(Standard::Wcmp | Standard::Ncmp | Standard::Icmp | Standard::Hcmp) => {
                fixed(&["case_sensitive"])
            }
            Comparison::Standard(Standard::Lcmp | Standard::Fcmp) => {
                self.weaker(place, "this checker compares lines; the default validator compares tokens");
                fixed(&["case_sensitive"])
            }
            Comparison::Standard(Standard::Yesno | Standard::Nyesno) => Vec::new(),
            Comparison::Standard(Standard::Rcmp4) => fixed(&["float_tolerance", "1e-4"]),
            Comparison::Standard(Standard::Rcmp6 | Standard::Dcmp) => fixed(&["float_tolerance", "1e-6"]),
            Comparison::Standard(Standard::Rcmp9) => fixed(&["float_tolerance", "1e-9"]),
            Comparison::Standard(Standard::Acmp) => fixed(&["float_tolerance", "1.5e-6"]),
            Comparison::Standard(Standard::Rcmp) => fixed(&["float_absolute_tolerance", "1.5e-6"]),
            Comparison::Standard(Standard::Rncmp) => fixed(&["float_absolute_tolerance", "1.5e-5"]),
            Comparison::Floats { precision, mode } => {
                self.weaker(place, "this checker compares line by line; the default validator compares token by token");
                let flag = match mode {
                    ErrorMode::Either => "float_tolerance",
                    ErrorMode::Absolute => "float_absolute_tolerance",
                    ErrorMode::Relative => "float_relative_tolerance",
                };
                vec![flag.to_owned(), format!("1e-{precision}")]
            }
            Comparison::Unordered(_)
            | Comparison::Characters
            | Comparison::LineCount { .. }
            | Comparison::Standard(_) => {
                self.cannot(
                    place,
                    "the default validator has no such comparison",
                    "Add a checker that exits with 42 or 43",
                );
                Vec::new()
            }
        }
    }
}
