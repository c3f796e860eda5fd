//! C++: a method of a class `Solution`, or a function; for a class, that class. The driver includes the submission and
//! renames its `main`.

use super::{
    DriverLanguage, GCC_MACROS, arguments, block_comment, branches, case_of_c, line_comment, nodes, parameters,
    undefined,
};
use cupel_problem::{Interface, MethodSignature, Parameter, Signature, Type};

pub(super) struct Cpp;

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

/// Whether the source defines a class `Solution`.
fn has_solution(source: &str) -> bool {
    let mut words = source.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let mut before = "";
    words.any(|word| {
        let found = word == "Solution" && matches!(before, "class" | "struct");
        before = word;
        found
    })
}

impl DriverLanguage for Cpp {
    fn driver(&self, signature: &Signature, solution: &str) -> Vec<(&'static str, String)> {
        let (before, after) = (undefined(GCC_MACROS), undefined(WORDS));
        let body = match &signature.interface {
            Interface::Function { function, mutates } => {
                let object = if has_solution(solution) { "::Solution()." } else { "::" };
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
