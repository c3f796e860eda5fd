//! Python: a function, or a method of a class `Solution`; for a class, that class.

use super::{BoxFile, DriverLanguage, nodes, parameters};
use cupel_problem::{Interface, MethodSignature, Signature, Type};

pub(super) struct Python;

const LIST_NODE: &str = "\
# class ListNode:
#     def __init__(self, val=0, next=None):
#         self.val = val
#         self.next = next

";
const TREE_NODE: &str = "\
# class TreeNode:
#     def __init__(self, val=0, left=None, right=None):
#         self.val = val
#         self.left = left
#         self.right = right

";

impl DriverLanguage for Python {
    fn driver(&self, _: &Signature, _: &[BoxFile]) -> Vec<(&'static str, String)> {
        vec![("main.py", include_str!("../drivers/python/driver.py").to_owned())]
    }

    fn solution(&self) -> Option<&'static str> {
        Some("solution.py")
    }

    fn kind(&self, kind: &Type) -> String {
        match kind {
            Type::Int | Type::Int32 => "int".to_owned(),
            Type::Float => "float".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Char | Type::String => "str".to_owned(),
            Type::List(inner) => format!("list[{}]", self.kind(inner)),
            Type::Optional(inner) => format!("{} | None", self.kind(inner)),
            Type::Map(inner) => format!("dict[str, {}]", self.kind(inner)),
            Type::ListNode(_) => "ListNode | None".to_owned(),
            Type::TreeNode(_) => "TreeNode | None".to_owned(),
            Type::Void => "None".to_owned(),
        }
    }

    fn head(&self, method: &MethodSignature, _: Option<usize>) -> String {
        let list = parameters(&method.parameters, |_, p| format!("{}: {}", p.name, self.kind(&p.kind)));
        format!("def {}({list}) -> {}", method.name, self.kind(&method.returns))
    }

    fn template(&self, signature: &Signature, doc: &[String]) -> String {
        let (lists, trees) = nodes(signature);
        let nodes = format!("{}{}", if lists { LIST_NODE } else { "" }, if trees { TREE_NODE } else { "" });
        let text = |indent: &str| {
            let lines: String = doc
                .iter()
                .map(|line| format!("{indent}{}\n", line.replace('\\', "\\\\").replace("\"\"\"", "'''")))
                .collect();
            format!("{indent}\"\"\"\n{lines}{indent}\"\"\"\n")
        };
        match &signature.interface {
            Interface::Function { function, mutates } => {
                format!("{nodes}{}:\n{}    pass\n", self.head(function, *mutates), text("    "))
            }
            Interface::Class { name, constructor, methods } => {
                let method = |head: String| format!("\n    {}:\n        pass\n", head.replacen('(', "(self, ", 1));
                let list = parameters(constructor, |_, p| format!("{}: {}", p.name, self.kind(&p.kind)));
                let constructor = method(format!("def __init__({list})"));
                let methods: String = methods.iter().map(|m| method(self.head(m, None))).collect();
                let whole = format!("{nodes}class {name}:\n{}{constructor}{methods}", text("    "));
                whole.replace("(self, )", "(self)")
            }
        }
    }
}
