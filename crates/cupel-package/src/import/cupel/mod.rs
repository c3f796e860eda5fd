//! Cupel's own format: `problem.toml`, `statement.md`, `tests/NAME.in` with `NAME.out`, `submissions/FOLDER/…`.
//! The README of the crate documents it.

mod checks;
mod function;
mod groups;
mod trials;

use std::collections::HashSet;

use super::kattis::{is_picture, language_and_format};
use super::{ByteOrderMark, Child, Context, Draft, Keys};
use crate::doc::{Reader, Source, Unknown};
use crate::finding::{Code, ImportError};
use cupel_problem::{
    Calibration, Difficulty, Factor, InputValidator, LanguageFactors, Problem, Statement, StatementFormat, WallLimit,
};

const FILE: &str = "problem.toml";
/// Maximum number of input validators.
const VALIDATORS_MAX: usize = 200;

pub(super) fn read(context: &Context<'_>) -> Result<Option<Problem>, ImportError> {
    let Some(node) = context.toml(FILE)? else { return Ok(None) };
    let top = Reader::new(Source { file: FILE, findings: context.findings }, &node);
    top.only(
        &[
            "title",
            "slug",
            "difficulty",
            "tags",
            "authors",
            "licence",
            "rights_owner",
            "source",
            "languages",
            "limits",
            "checker",
            "interactor",
            "validators",
            "generators",
            "groups",
            "function",
        ],
        Unknown::Error,
    );
    let keys = Keys {
        title: "title",
        tags: "tags",
        authors: "authors",
        time_limit: "limits.time",
        time_unit: "seconds",
        memory: "limits.memory_mib",
    };
    let mut draft = Draft::new(Calibration::NARROW, FILE, keys);
    people(&top, &mut draft);
    limits(context, &top, &mut draft);
    statements(context, &mut draft)?;
    draft.editorials = context.editorials();
    for text in draft.statements.iter().chain(&draft.editorials) {
        report_latex(context, text);
    }
    draft.signature = function::read(&top.get("function"), context.is_stored);
    draft.attachments = context.refs_in("attachments");
    validators(context, &top.get("validators"), &mut draft);
    generators(context, &top.get("generators"), &mut draft);
    let method = checks::method(context, &top);
    if let Some(signature) = &draft.signature {
        function::check(&top, signature, method.as_ref());
    }
    trials::read(context, method.as_ref(), &mut draft);
    let root = method.and_then(|method| groups::read(context, &top, &method, &mut draft));
    let scoring = matches!(draft.scoring, cupel_problem::Scoring::Points { .. });
    draft.submissions = context.submissions_by_folder(scoring);
    Ok(draft.finish(root, context))
}

fn people(top: &Reader<'_>, draft: &mut Draft) {
    let title = top.get("title");
    if title.is_map() {
        for (language, title) in title.entries() {
            draft.titles.extend(title.words().map(|title| (language.to_owned(), title.to_owned())));
        }
    } else {
        draft.titles.extend(title.words().map(|title| ("en".to_owned(), title.to_owned())));
    }
    if draft.titles.is_empty() {
        title.missing("the problem's title");
    }
    draft.slug = top.get("slug").parsed("1 to 64 characters from a-z 0-9 -");
    if let Some(word) = top.get("difficulty").text() {
        draft.difficulty = Difficulty::from_name(word);
        if draft.difficulty.is_none() {
            top.get("difficulty").expected("`easy`, `medium` or `hard`");
        }
    }
    for tag in top.get("tags").list() {
        draft.tags.extend(tag.parsed("a word of at most 40 characters"));
    }
    for author in top.get("authors").list() {
        draft.add_author(author.text().unwrap_or_default());
    }
    draft.source = top.get("source").words().map(str::to_owned);
    draft.licence.name = top.get("licence").words().map(str::to_owned);
    draft.licence.rights_owner = top.get("rights_owner").words().map(str::to_owned);
}

fn limits(context: &Context<'_>, top: &Reader<'_>, draft: &mut Draft) {
    let limits = top.get("limits");
    limits.map();
    limits.only(&["time", "wall_time", "memory_mib", "output_mib", "code_kib", "languages"], Unknown::Error);
    let out = &mut draft.limits;
    out.time.limit = limits.get("time").seconds();
    out.wall_time = limits.get("wall_time").seconds().map(WallLimit::Time);
    out.memory = limits.get("memory_mib").size(1 << 20).unwrap_or(cupel_types::Bytes::mib(256));
    out.output = limits.get("output_mib").size(1 << 20).unwrap_or(out.output);
    out.code = limits.get("code_kib").size(1 << 10).unwrap_or(out.code);
    for (name, factors) in limits.get("languages").map() {
        factors.only(&["time", "memory"], Unknown::Error);
        let factor = |key: &str| factors.get(key).parsed("a factor above 0").unwrap_or(Factor::ONE);
        match context.options.languages.known(name) {
            Some(language) => {
                out.per_language
                    .insert(language.id.clone(), LanguageFactors { time: factor("time"), memory: factor("memory") });
            }
            None => factors.fault(
                Code::KeyUnknown,
                format!("the language `{name}` is not configured"),
                "See `cupel languages`",
            ),
        }
    }
    let languages = top.get("languages");
    if languages.is_some() {
        let mut known = Vec::new();
        for language in languages.list() {
            match language.text().and_then(|name| context.options.languages.known(name)) {
                Some(language) => known.push(language.id.clone()),
                None => language.fault(Code::KeyType, "this language is not configured", "See `cupel languages`"),
            }
        }
        out.languages = Some(known);
    }
}

fn statements(context: &Context<'_>, draft: &mut Draft) -> Result<(), ImportError> {
    let beside = context.tree.children("");
    let mut pictures = context.refs_in("images");
    let files_beside = beside.iter().filter(|(_, child)| **child == Child::File);
    pictures.extend(files_beside.filter(|(name, _)| is_picture(name)).filter_map(|(name, _)| context.tree.file(name)));
    for (name, child) in beside {
        let text = language_and_format(&name, "statement").filter(|_| child == Child::File);
        let Some((language, format)) = text else { continue };
        let Some(file) = context.tree.file(&name) else { continue };
        if !context.has_room(&draft.statements, &name) {
            continue;
        }
        context.check_statement(&file, format);
        let assets = context.some_assets(&name, pictures.iter().cloned());
        draft.statements.push(Statement { language, format, file, assets });
    }
    // Warnings about Cupel's own format are stricter: the author may have intended a README.md as the statement.
    if draft.statements.is_empty() && context.tree.has("README.md") {
        let text = context.tree.text("README.md", ByteOrderMark::Warned, context.findings)?;
        if text.is_some_and(|text| !text.trim().is_empty()) {
            context.findings.file(Code::NoStatement, "README.md", "this is not the statement", "Name it statement.md");
        }
    }
    Ok(())
}

/// Warnings about Cupel's own format are stricter also here: in other formats, LaTeX is usual.
fn report_latex(context: &Context<'_>, text: &Statement) {
    if text.format == StatementFormat::Latex {
        let fault = "the text is LaTeX, which is shown as source";
        let remedy = "Write it in Markdown, with mathematics between $ signs";
        context.findings.file(Code::ActiveContent, text.file.path.as_str(), fault, remedy);
    }
}

/// Reads `validators = ["validators/check.py"]`. The validators use Kattis' exit codes, or testlib's with
/// `{program = …, protocol = "testlib"}`.
fn validators(context: &Context<'_>, reader: &Reader<'_>, draft: &mut Draft) {
    if reader.one_or_more().len() > VALIDATORS_MAX {
        reader.expected(&format!("at most {VALIDATORS_MAX} validators"));
        return;
    }
    for one in reader.one_or_more() {
        let (name, protocol) = match one.is_map() {
            true => {
                one.only(&["program", "protocol"], Unknown::Error);
                (one.get("program"), one.get("protocol").text().unwrap_or("kattis"))
            }
            false => (one.clone(), "kattis"),
        };
        let Some(program) = program(context, &name) else { continue };
        match protocol {
            "kattis" => draft.validators.push(InputValidator::ExitCode42(program)),
            "testlib" => draft.validators.push(InputValidator::ExitCode0(program)),
            _ => one.get("protocol").expected("`kattis` or `testlib`"),
        }
    }
}

/// Reads the files of the test generators. An entry may also name a directory.
fn generators(context: &Context<'_>, reader: &Reader<'_>, draft: &mut Draft) {
    let mut paths = HashSet::new();
    for one in reader.one_or_more() {
        let path = one.words().unwrap_or_default();
        if !paths.insert(path) {
            continue;
        }
        let found: Vec<_> = match context.tree.file(path) {
            Some(file) => vec![file],
            None => context.refs_in(path),
        };
        if found.is_empty() {
            one.fault(
                Code::FileMissing,
                format!("`{path}` does not exist in the package"),
                "Add it, or correct the path",
            );
        }
        draft.generators.extend(found);
    }
}

/// Returns the program to which a key refers: a file, a directory, or a list of files. The first file of a list is the
/// main file; the others are placed beside it for the build.
fn program(context: &Context<'_>, reader: &Reader<'_>) -> Option<cupel_problem::Program> {
    let names: Vec<&str> = reader.one_or_more().iter().filter_map(Reader::words).collect();
    let Some(first) = names.first() else {
        reader.missing("the path of a source file or of a directory");
        return None;
    };
    let mut found = context.program(first);
    for name in names.iter().skip(1) {
        let file = context.program_file(name.rsplit('/').next().unwrap_or(name), name);
        match (&mut found, file) {
            (Some(program), Some(file)) => program.files.push(file),
            _ => found = None,
        }
    }
    match &found {
        Some(program) => context.check_program(program),
        None => {
            let fault = format!("`{}` does not exist in the package", names.join("` or `"));
            reader.fault(Code::FileMissing, fault, "Add it, or correct the path");
        }
    }
    found
}
