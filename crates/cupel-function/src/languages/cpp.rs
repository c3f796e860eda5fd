//! C++: a method of a class `Solution`, or a function; for a class, that class. The driver includes the submission and
//! renames its `main`.

use std::collections::BTreeSet;

use super::{
    BoxFile, DriverLanguage, GCC_MACROS, Named, arguments, block_comment, branches, case_of_c, includes, line_comment,
    name_of, nodes, parameters, undefined,
};
use cupel_problem::{Interface, MethodSignature, Parameter, Signature, Type};

pub(super) struct Cpp;

/// Extensions of sources. Other files of a submission may be included.
const EXTENSIONS: &[&str] = &["cpp", "cc", "cxx", "c++", "C"];

/// Keywords that the driver uses after including the submission, which may have redefined them as macros.
const WORDS: &[&str] =
    &["bool", "break", "case", "char", "double", "for", "int", "long", "new", "return", "switch", "void"];

impl Cpp {
    fn list(&self, list: &[Parameter], mutates: Option<usize>) -> String {
        parameters(list, |at, p| match &p.kind {
            Type::Int | Type::Int32 | Type::Float | Type::Bool | Type::Char if mutates != Some(at) => {
                format!("{} {}", self.kind(&p.kind), p.name)
            }
            Type::ListNode(_) | Type::TreeNode(_) => format!("{}{}", self.kind(&p.kind), p.name),
            kind => format!("{} &{}", self.kind(kind), p.name),
        })
    }

    /// Code that reads the arguments, calls the function, and writes the result or the modified argument.
    fn call(&self, callee: &str, method: &MethodSignature, mutates: Option<usize>) -> String {
        let given = arguments(&method.parameters, |at| format!("cupel_{at}"));
        let call = format!("{callee}({given})");
        let write = |kind: &Type, value: &str| format!("cupel_write<{}>({value}, cupel_to);", self.kind(kind));
        let called = match (mutates, &method.returns) {
            (Some(index), _) => {
                format!("{call};\n    {}", write(&method.parameters[index].kind, &format!("cupel_{index}")))
            }
            (None, Type::Void) => format!("{call};"),
            (None, kind) => format!("{} cupel_result = {call};\n    {}", self.kind(kind), write(kind, "cupel_result")),
        };
        format!("{}    {called}\n", self.read(&method.parameters))
    }

    fn read(&self, parameters: &[Parameter]) -> String {
        let one = |(at, parameter): (usize, &Parameter)| {
            let kind = self.kind(&parameter.kind);
            format!("    {kind} cupel_{at} = cupel_read<{kind}>(cupel_in);\n")
        };
        parameters.iter().enumerate().map(one).collect()
    }
}

/// Whether the function `name` is a method of a class `Solution`. If there is such a class, it is assumed to have the
/// method, unless only code outside of it has the name of the function.
fn is_in_solution(submission: &[BoxFile], name: &str) -> bool {
    let compiled = included_by_main(submission);
    let texts: Vec<String> =
        compiled.into_iter().filter_map(|file| Some(code(std::str::from_utf8(&file.data).ok()?))).collect();
    let tokens: Vec<&str> = texts.iter().flat_map(|text| tokens(text)).collect();
    let is_class = |at: usize| {
        let is_enum = at > 1 && tokens[at - 2] == "enum";
        tokens[at] == "Solution" && at > 0 && matches!(tokens[at - 1], "class" | "struct") && !is_enum
    };
    let definition = (0..tokens.len()).filter(|at| is_class(*at)).find_map(|at| {
        let rest = &tokens[at + 1..];
        let rest = rest.strip_prefix(&["final"]).unwrap_or(rest);
        matches!(rest.first(), Some(&(":" | "{"))).then_some((&tokens[..at], rest))
    });
    let Some((above, rest)) = definition else { return false };
    // The method may be inherited.
    if rest[0] == ":" {
        return true;
    }
    let (body, below) = rest.split_at(body_length(rest));
    let is_defined_in = |tokens: &[&str]| tokens.windows(2).any(|pair| pair == [name, "("]);
    body.contains(&name) || !(is_defined_in(above) || is_defined_in(below))
}

/// The main source and the files that it includes, also indirectly. Other files are compiled separately, or not at all.
fn included_by_main(submission: &[BoxFile]) -> Vec<&BoxFile> {
    let (mut found, mut others): (Vec<&BoxFile>, Vec<&BoxFile>) = (Vec::new(), submission.iter().skip(1).collect());
    let mut next: Vec<&BoxFile> = submission.first().into_iter().collect();
    while !next.is_empty() {
        let names: BTreeSet<&str> = next.iter().copied().flat_map(includes).collect();
        found.append(&mut next);
        (next, others) = others.into_iter().partition(|file| names.contains(name_of(file)));
    }
    found
}

/// Number of tokens from an opening brace to the closing one.
fn body_length(tokens: &[&str]) -> usize {
    let mut depth = 0_usize;
    let end = tokens.iter().position(|token| {
        match *token {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    end.map_or(tokens.len(), |end| end + 1)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words and the other characters of code without literals.
fn tokens(code: &str) -> impl Iterator<Item = &str> {
    code.split_whitespace().flat_map(|text| {
        let mut rest = text;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            let end = if is_of_word(first) { rest.find(|c| !is_of_word(c)) } else { Some(first.len_utf8()) };
            let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            Some(token)
        })
    })
}

/// A source without comments, strings and characters.
fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let before = || code.rsplit(|c| !is_of_word(c)).next().unwrap_or_default();
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n'),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map(|end| end + 4),
            '"' if matches!(before(), "R" | "LR" | "uR" | "UR" | "u8R") => {
                rest[1..].split_once('(').and_then(|(mark, text)| {
                    let end = format!("){mark}\"");
                    Some(1 + mark.len() + 1 + text.find(&end)? + end.len())
                })
            }
            '"' => quoted(rest),
            // A quote inside a number separates its digits.
            '\'' if !before().starts_with(|c: char| c.is_ascii_digit()) => quoted(rest),
            _ => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        code.push(' ');
        rest = &rest[skipped.unwrap_or(rest.len())..];
    }
    code
}

/// Length of a string or a character with its quotes. Without a closing quote, it ends with its line.
fn quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let quote = text.chars().next()?;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' => return Some(at),
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

impl DriverLanguage for Cpp {
    fn driver(&self, signature: &Signature, submission: &[BoxFile]) -> Vec<(&'static str, String)> {
        let (before, after) = (undefined(GCC_MACROS), undefined(WORDS));
        let body = match &signature.interface {
            Interface::Function { function, mutates } => {
                let is_method = is_in_solution(submission, function.name.as_str());
                let object = if is_method { "::Solution()." } else { "::" };
                self.call(&format!("{object}{}", function.name), function, *mutates)
            }
            Interface::Class { name, constructor, methods } => {
                let given = arguments(constructor, |at| format!("cupel_{at}"));
                let made = format!("{}    cupel_made = new ::{name}({given});\n", self.read(constructor));
                let each = methods.iter().map(|m| self.call(&format!("cupel_made->{}", m.name), m, None));
                let cases = branches(made, each, case_of_c);
                format!(
                    "    ::{name} *cupel_made = nullptr;\n    for (long long cupel_left = cupel_read<long long>(cupel_in); \
                     cupel_left > 0; cupel_left--)\n    switch (cupel_read<long long>(cupel_in)) {{\n{cases}    }}\n"
                )
            }
        };
        // A type of the submission may have the name of a node type that the signature does not use.
        let (lists, trees) = nodes(signature);
        let lists = if lists { include_str!("../drivers/cpp/list_node.h") } else { "" };
        let trees = if trees { include_str!("../drivers/cpp/tree_node.h") } else { "" };
        let main = format!(
            "#include <bits/stdc++.h>\n#include \"cupel_driver.cc\"\n{lists}{trees}{before}#define main cupel_user_main\n\
             #include \"solution.cpp\"\n#undef main\n{after}\nvoid \
             cupel_driver::cupel_call(cupel_driver::Reader &cupel_in, cupel_driver::Writer &cupel_to) {{\n{body}}}\n"
        );
        // The driver's files have a different extension, so that the compiler does not also compile the submission as
        // a separate file.
        vec![("main.cc", main), ("cupel_driver.cc", include_str!("../drivers/cpp/cupel_driver.cc").to_owned())]
    }

    fn solution(&self) -> Option<&'static str> {
        Some("solution.cpp")
    }

    fn named(&self) -> Named {
        Named::DriverAndOthers(EXTENSIONS)
    }

    fn kind(&self, kind: &Type) -> String {
        match kind {
            Type::Int => "long long".to_owned(),
            Type::Int32 => "int".to_owned(),
            Type::Float => "double".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Char => "char".to_owned(),
            Type::String => "std::string".to_owned(),
            Type::List(inner) => format!("std::vector<{}>", self.kind(inner)),
            Type::Optional(inner) => format!("std::optional<{}>", self.kind(inner)),
            Type::Map(inner) => format!("std::map<std::string, {}>", self.kind(inner)),
            Type::ListNode(inner) => format!("ListNode<{}> *", self.kind(inner)),
            Type::TreeNode(inner) => format!("TreeNode<{}> *", self.kind(inner)),
            Type::Void => "void".to_owned(),
        }
    }

    fn head(&self, method: &MethodSignature, mutates: Option<usize>) -> String {
        let list = self.list(&method.parameters, mutates);
        let returns = self.kind(&method.returns);
        let space = if returns.ends_with('*') { "" } else { " " };
        format!("{returns}{space}{}({list})", method.name)
    }

    fn template(&self, signature: &Signature, doc: &[String]) -> String {
        let (lists, trees) = nodes(signature);
        let mut remarks = Vec::new();
        remarks.extend(lists.then(|| "template <class T> struct ListNode { T val; ListNode *next; };".to_owned()));
        remarks
            .extend(trees.then(|| "template <class T> struct TreeNode { T val; TreeNode *left, *right; };".to_owned()));
        let remarks = line_comment(&remarks, "//");
        let method = |method: &MethodSignature, mutates| {
            let body = if method.returns == Type::Void { "" } else { "        return {};\n" };
            format!("    {} {{\n{body}    }}\n", self.head(method, mutates))
        };
        let (name, above, members) = match &signature.interface {
            Interface::Function { function, mutates } => {
                let members = format!("{}{}", block_comment(doc, "    "), method(function, *mutates));
                ("Solution", String::new(), members)
            }
            Interface::Class { name, constructor, methods } => {
                let first = format!("    {name}({}) {{\n    }}\n", self.list(constructor, None));
                let methods: String = methods.iter().map(|m| format!("\n{}", method(m, None))).collect();
                (name.as_str(), block_comment(doc, ""), format!("{first}{methods}"))
            }
        };
        let whole = format!(
            "#include <bits/stdc++.h>\nusing namespace std;\n\n{remarks}{above}class {name} {{\npublic:\n{members}}};\n"
        );
        whole.replace("std::", "")
    }
}
