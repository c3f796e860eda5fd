//! JavaScript and TypeScript: a function or class of the file, exported or not, or a method of a class `Solution`. Both
//! languages share a driver, which the TypeScript compiler accepts unchanged.

use super::{BoxFile, DriverLanguage, Named, block_comment, line_comment, nodes, parameters};
use cupel_problem::{Interface, MethodSignature, Parameter, Signature, Type};

pub(super) struct JavaScript;
pub(super) struct TypeScript;

const DRIVER: &str = include_str!("../drivers/javascript/driver.js");

fn kind_of(kind: &Type) -> String {
    match kind {
        Type::Int | Type::Int32 | Type::Float => "number".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Char | Type::String => "string".to_owned(),
        Type::List(inner) => match **inner {
            Type::Optional(_) | Type::ListNode(_) | Type::TreeNode(_) => format!("({})[]", kind_of(inner)),
            _ => format!("{}[]", kind_of(inner)),
        },
        Type::Optional(inner) => format!("{} | null", kind_of(inner)),
        Type::Map(inner) => format!("Map<string, {}>", kind_of(inner)),
        Type::ListNode(inner) => format!("ListNode<{}> | null", kind_of(inner)),
        Type::TreeNode(inner) => format!("TreeNode<{}> | null", kind_of(inner)),
        Type::Void => "void".to_owned(),
    }
}

/// Comment lines that declare the node classes, if the signature uses them.
fn remarks(signature: &Signature) -> String {
    let (lists, trees) = nodes(signature);
    let mut lines = Vec::new();
    if lists {
        lines.push("class ListNode { constructor(val, next) }".to_owned());
    }
    if trees {
        lines.push("class TreeNode { constructor(val, left, right) }".to_owned());
    }
    lines.extend((!lines.is_empty()).then(String::new));
    line_comment(&lines, "//").replace("// \n", "\n")
}

impl DriverLanguage for JavaScript {
    fn driver(&self, _: &Signature, _: &[BoxFile]) -> Vec<(&'static str, String)> {
        vec![("main.js", DRIVER.to_owned())]
    }

    fn solution(&self) -> Option<&'static str> {
        Some("solution.js")
    }

    fn kind(&self, kind: &Type) -> String {
        kind_of(kind)
    }

    fn head(&self, method: &MethodSignature, _: Option<usize>) -> String {
        format!("{}({})", method.name, parameters(&method.parameters, |_, p| p.name.to_string()))
    }

    fn template(&self, signature: &Signature, doc: &[String]) -> String {
        let typed = |of: &[Parameter], returns: &Type| {
            let each = of.iter().map(|p| format!("@param {{{}}} {}", kind_of(&p.kind), p.name));
            each.chain([format!("@returns {{{}}}", kind_of(returns))]).collect::<Vec<_>>()
        };
        let remarks = remarks(signature);
        match &signature.interface {
            Interface::Function { function, mutates } => {
                let mut lines = doc.to_vec();
                lines.push(String::new());
                lines.extend(typed(&function.parameters, &function.returns));
                let head = self.head(function, *mutates);
                format!("{remarks}{}function {head} {{\n}}\n", block_comment(&lines, "")).replace(" * \n", " *\n")
            }
            Interface::Class { name, constructor, methods } => {
                let list = parameters(constructor, |_, p| p.name.to_string());
                let mut lines = typed(constructor, &Type::Void);
                lines.pop();
                let head = if lines.is_empty() { String::new() } else { block_comment(&lines, "  ") };
                let mut body = format!("{head}  constructor({list}) {{\n  }}\n");
                for method in methods {
                    let comment = block_comment(&typed(&method.parameters, &method.returns), "  ");
                    body.push_str(&format!("\n{comment}  {} {{\n  }}\n", self.head(method, None)));
                }
                format!("{remarks}{}class {name} {{\n{body}}}\n", block_comment(doc, ""))
            }
        }
    }
}

impl TypeScript {
    /// A return statement that compiles for the type.
    fn nothing(kind: &Type) -> &'static str {
        match kind {
            Type::Int | Type::Int32 | Type::Float => " return 0; ",
            Type::Bool => " return false; ",
            Type::Char | Type::String => " return \"\"; ",
            Type::List(_) => " return []; ",
            Type::Map(_) => " return new Map(); ",
            Type::Optional(_) | Type::ListNode(_) | Type::TreeNode(_) => " return null; ",
            Type::Void => "",
        }
    }
}

impl DriverLanguage for TypeScript {
    fn driver(&self, signature: &Signature, _: &[BoxFile]) -> Vec<(&'static str, String)> {
        // A type of the submission may have the name of a node type that the signature does not use.
        let (lists, trees) = nodes(signature);
        let mut declarations = String::new();
        declarations += if lists { include_str!("../drivers/typescript/list_node.d.ts") } else { "" };
        declarations += if trees { include_str!("../drivers/typescript/tree_node.d.ts") } else { "" };
        vec![("main.ts", DRIVER.to_owned()), ("cupel.d.ts", declarations)]
    }

    fn solution(&self) -> Option<&'static str> {
        Some("solution.ts")
    }

    fn named(&self) -> Named {
        Named::All
    }

    fn kind(&self, kind: &Type) -> String {
        kind_of(kind)
    }

    fn head(&self, method: &MethodSignature, _: Option<usize>) -> String {
        let list = parameters(&method.parameters, |_, p| format!("{}: {}", p.name, kind_of(&p.kind)));
        format!("{}({list}): {}", method.name, kind_of(&method.returns))
    }

    fn template(&self, signature: &Signature, doc: &[String]) -> String {
        let comment = format!("{}{}", remarks(signature), block_comment(doc, ""));
        match &signature.interface {
            Interface::Function { function, mutates } => {
                let nothing = TypeScript::nothing(&function.returns);
                format!("{comment}function {} {{{nothing}}}\n", self.head(function, *mutates))
            }
            Interface::Class { name, constructor, methods } => {
                let list = parameters(constructor, |_, p| format!("{}: {}", p.name, kind_of(&p.kind)));
                let methods: String = methods
                    .iter()
                    .map(|m| format!("\n  {} {{{}}}\n", self.head(m, None), TypeScript::nothing(&m.returns)))
                    .collect();
                format!("{comment}class {name} {{\n  constructor({list}) {{}}\n{methods}}}\n")
            }
        }
    }
}
