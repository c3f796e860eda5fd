//! Rust: a public function of the module `solution`, or a type in it with a function `new`.

use super::{BoxFile, DriverLanguage, arguments, branches, nodes, parameters};
use cupel_problem::{Interface, MethodSignature, Parameter, Signature, Type};

pub(super) struct Rust;

/// Expression that reads a value of a type from `r`.
fn reads(kind: &Type) -> String {
    let of = |name: &str, inner: &Type| format!("r.{name}(|r| {})", reads(inner));
    match kind {
        Type::List(inner) => of("list", inner),
        Type::Optional(inner) => of("optional", inner),
        Type::Map(inner) => of("map", inner),
        Type::ListNode(inner) => of("list_node", inner),
        Type::TreeNode(inner) => of("tree_node", inner),
        simple => format!("r.{simple}()"),
    }
}

/// Expression that writes a value of a type to `w`; `value` is a reference.
fn writes(kind: &Type, value: &str) -> String {
    let of = |name: &str, inner: &Type| format!("w.{name}({value}, |w, v| {})", writes(inner, "v"));
    match kind {
        Type::List(inner) => of("list", inner),
        Type::Optional(inner) => of("optional", inner),
        Type::Map(inner) => of("map", inner),
        Type::ListNode(inner) => of("list_node", inner),
        Type::TreeNode(inner) => of("tree_node", inner),
        simple => format!("w.{simple}({value})"),
    }
}

impl Rust {
    fn list(&self, list: &[Parameter], mutates: Option<usize>) -> String {
        parameters(list, |at, p| {
            let reference = if mutates == Some(at) { "&mut " } else { "" };
            format!("{}: {reference}{}", p.name, self.kind(&p.kind))
        })
    }

    fn signature(&self, method: &MethodSignature, receiver: &str, mutates: Option<usize>) -> String {
        let list = self.list(&method.parameters, mutates);
        let list = if receiver.is_empty() || list.is_empty() {
            format!("{receiver}{list}")
        } else {
            format!("{receiver}, {list}")
        };
        match &method.returns {
            Type::Void => format!("pub fn {}({list})", method.name),
            kind => format!("pub fn {}({list}) -> {}", method.name, self.kind(kind)),
        }
    }

    fn read(&self, parameters: &[Parameter]) -> String {
        let one = |(at, p): (usize, &Parameter)| {
            format!("    #[allow(unused_mut)]\n    let mut a{at}: {} = {};\n", self.kind(&p.kind), reads(&p.kind))
        };
        parameters.iter().enumerate().map(one).collect()
    }

    /// Code that reads the arguments, calls the function, and writes the result or the modified argument.
    fn call(&self, callee: &str, method: &MethodSignature, mutates: Option<usize>) -> String {
        let given = arguments(&method.parameters, |at| {
            let reference = if mutates == Some(at) { "&mut " } else { "" };
            format!("{reference}a{at}")
        });
        let call = format!("{callee}({given})");
        let called = match (mutates, &method.returns) {
            (Some(index), _) => {
                format!("{call};\n    {};", writes(&method.parameters[index].kind, &format!("&a{index}")))
            }
            (None, Type::Void) => format!("{call};"),
            (None, kind) => {
                format!("let result: {} = {call};\n    {};", self.kind(kind), writes(kind, "&result"))
            }
        };
        format!("{}    {called}\n", self.read(&method.parameters))
    }
}

impl DriverLanguage for Rust {
    fn driver(&self, signature: &Signature, _: &[BoxFile]) -> Vec<(&'static str, String)> {
        let body = match &signature.interface {
            Interface::Function { function, mutates } => {
                self.call(&format!("crate::solution::{}", function.name), function, *mutates)
            }
            Interface::Class { name, constructor, methods } => {
                let given = arguments(constructor, |at| format!("a{at}"));
                let made =
                    format!("{}    made = Some(crate::solution::{name}::new({given}));\n", self.read(constructor));
                let each = methods.iter().map(|m| self.call(&format!("made.as_mut().unwrap().{}", m.name), m, None));
                let cases = branches(made, each, |at, body| format!("    {at} => {{\n{body}    }}\n"));
                format!(
                    "    let mut made: Option<crate::solution::{name}> = None;\n    for _ in 0..r.int() {{\n    match r.int() \
                     {{\n{cases}    _ => {{}}\n    }}\n    }}\n"
                )
            }
        };
        let call = format!(
            "#![allow(unused_imports)]\nuse crate::{{ListNode, Reader, TreeNode, Writer}};\nuse std::cell::RefCell;\nuse \
             std::collections::HashMap;\nuse std::rc::Rc;\n\npub(crate) fn call(r: &mut Reader, w: &mut Writer) {{\n{body}}}\n"
        );
        vec![("main.rs", include_str!("../drivers/rust/main.rs").to_owned()), ("call.rs", call)]
    }

    fn solution(&self) -> Option<&'static str> {
        Some("solution.rs")
    }

    fn kind(&self, kind: &Type) -> String {
        match kind {
            Type::Int => "i64".to_owned(),
            Type::Int32 => "i32".to_owned(),
            Type::Float => "f64".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Char => "char".to_owned(),
            Type::String => "String".to_owned(),
            Type::List(inner) => format!("Vec<{}>", self.kind(inner)),
            Type::Optional(inner) => format!("Option<{}>", self.kind(inner)),
            Type::Map(inner) => format!("HashMap<String, {}>", self.kind(inner)),
            Type::ListNode(inner) => format!("Option<Box<ListNode<{}>>>", self.kind(inner)),
            Type::TreeNode(inner) => format!("Option<Rc<RefCell<TreeNode<{}>>>>", self.kind(inner)),
            Type::Void => "()".to_owned(),
        }
    }

    fn head(&self, method: &MethodSignature, mutates: Option<usize>) -> String {
        self.signature(method, "", mutates)
    }

    fn template(&self, signature: &Signature, doc: &[String]) -> String {
        let (lists, trees) = nodes(signature);
        let maps = super::types(signature).iter().any(|kind| matches!(kind, Type::Map(_)));
        let mut uses = String::new();
        if lists {
            uses +=
                "// pub struct ListNode<T> { pub val: T, pub next: Option<Box<ListNode<T>>> }\nuse crate::ListNode;\n";
        }
        if trees {
            uses += "// pub struct TreeNode<T> { pub val: T, pub left: Option<Rc<RefCell<TreeNode<T>>>>, pub right: … }\n\
                     use crate::TreeNode;\nuse std::cell::RefCell;\nuse std::rc::Rc;\n";
        }
        if maps {
            uses += "use std::collections::HashMap;\n";
        }
        if !uses.is_empty() {
            uses.push('\n');
        }
        let comment = super::line_comment(doc, "///");
        let nothing = |kind: &Type| if *kind == Type::Void { "" } else { "Default::default()" };
        match &signature.interface {
            Interface::Function { function, mutates } => {
                let nothing = nothing(&function.returns);
                format!("{uses}{comment}{} {{\n    {nothing}\n}}\n", self.head(function, *mutates))
            }
            Interface::Class { name, constructor, methods } => {
                let methods: String = methods
                    .iter()
                    .map(|m| {
                        let head = self.signature(m, "&mut self", None);
                        format!("\n    {head} {{\n        {}\n    }}\n", nothing(&m.returns))
                    })
                    .collect();
                let list = self.list(constructor, None);
                format!(
                    "{uses}{comment}pub struct {name} {{\n}}\n\nimpl {name} {{\n    pub fn new({list}) -> Self {{\n        \
                     {name} {{}}\n    }}\n{methods}}}\n"
                )
            }
        }
    }
}
