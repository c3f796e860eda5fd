//! `trials/` of Cupel's own format: inputs that a validator must reject, and outputs with a known verdict.

use std::sync::Arc;

use super::super::{Child, Context, Draft};
use crate::finding::Code;
use cupel_problem::{InputTrial, Method, OutputTrial, ValidatorArgs};

const INVALID_INPUT: &str = "trials/invalid_input";
const OUTPUTS: [&str; 2] = ["trials/valid_output", "trials/invalid_output"];

pub(super) fn read(context: &Context<'_>, method: Option<&Method>, draft: &mut Draft) {
    let names = |directory: &str, ending: &str| -> Vec<String> {
        let files = context.tree.children(directory).into_iter().filter(|(_, child)| *child == Child::File);
        files.filter_map(|(name, _)| name.strip_suffix(ending).map(str::to_owned)).collect()
    };
    for name in names(INVALID_INPUT, ".in") {
        let path = format!("{INVALID_INPUT}/{name}");
        if let Some(input) = context.tree.file(&format!("{path}.in")) {
            draft.trials.invalid_inputs.push(InputTrial {
                name: path,
                input,
                validator_args: ValidatorArgs::default(),
            });
        }
    }
    let method = method.map(|method| Arc::new(method.clone()));
    for directory in OUTPUTS {
        for name in names(directory, ".out") {
            let path = format!("{directory}/{name}");
            let file = |ending: &str| context.tree.file(&format!("{path}{ending}"));
            let (Some(input), Some(answer), Some(output)) = (file(".in"), file(".ans"), file(".out")) else {
                let fault = "an output trial needs .in, .ans and .out";
                context.findings.file(Code::NotVerifiable, &path, fault, "Add the missing files");
                continue;
            };
            let Some(method) = method.clone() else { continue };
            let trial = OutputTrial { name: path, input, answer, output, method };
            match directory == OUTPUTS[0] {
                true => draft.trials.valid_outputs.push(trial),
                false => draft.trials.invalid_outputs.push(trial),
            }
        }
    }
    for (path, _) in context.tree.below("trials") {
        let read = |directory: &str, endings: &[&str]| {
            path.below(directory)
                .is_some_and(|name| !name.contains('/') && endings.iter().any(|ending| name.ends_with(ending)))
        };
        let outputs = OUTPUTS.iter().any(|directory| read(directory, &[".in", ".ans", ".out"]));
        if !read(INVALID_INPUT, &[".in"]) && !outputs {
            let remedy =
                "Trials are invalid_input/NAME.in, and NAME.in, .ans and .out in valid_output/ or invalid_output/";
            context.findings.file(Code::UnusedFile, path.as_str(), "the file belongs to no trial", remedy);
        }
    }
}
