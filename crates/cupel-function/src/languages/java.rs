//! Java: a method of a class `Solution` or, for a class, that class. Both are found by reflection.

use super::{BoxFile, DriverLanguage, Named, block_comment, line_comment, nodes, parameters};
use cupel_problem::{Interface, MethodSignature, Parameter, Signature, Type};

pub(super) struct Java;

impl Java {
    /// The type for positions that allow only reference types.
    fn boxed(&self, kind: &Type) -> String {
        match kind {
            Type::Int => "Long".to_owned(),
            Type::Int32 => "Integer".to_owned(),
            Type::Float => "Double".to_owned(),
            Type::Bool => "Boolean".to_owned(),
            Type::Char => "Character".to_owned(),
            other => self.kind(other),
        }
    }

    fn list(&self, list: &[Parameter]) -> String {
        parameters(list, |_, p| format!("{} {}", self.kind(&p.kind), p.name))
    }

    /// A return statement that compiles for the type.
    fn nothing(kind: &Type) -> &'static str {
        match kind {
            Type::Int | Type::Int32 | Type::Float | Type::Char => "return 0;",
            Type::Bool => "return false;",
            Type::Void => "",
            _ => "return null;",
        }
    }
}

impl DriverLanguage for Java {
    fn driver(&self, signature: &Signature, _: &[BoxFile]) -> Vec<(&'static str, String)> {
        let (lists, trees) = nodes(signature);
        let mut files = vec![("CupelDriver.java", include_str!("../drivers/java/CupelDriver.java"))];
        files.extend(lists.then_some(("ListNode.java", include_str!("../drivers/java/ListNode.java"))));
        files.extend(trees.then_some(("TreeNode.java", include_str!("../drivers/java/TreeNode.java"))));
        files.into_iter().map(|(path, text)| (path, text.to_owned())).collect()
    }

    /// Keeps the submission's file name, because a public class must be in a file with its name.
    fn solution(&self) -> Option<&'static str> {
        None
    }

    fn named(&self) -> Named {
        Named::All
    }

    fn kind(&self, kind: &Type) -> String {
        match kind {
            Type::Int => "long".to_owned(),
            Type::Int32 => "int".to_owned(),
            Type::Float => "double".to_owned(),
            Type::Bool => "boolean".to_owned(),
            Type::Char => "char".to_owned(),
            Type::String => "String".to_owned(),
            Type::List(inner) => format!("{}[]", self.kind(inner)),
            Type::Optional(inner) => self.boxed(inner),
            Type::Map(inner) => format!("Map<String, {}>", self.boxed(inner)),
            Type::ListNode(inner) => format!("ListNode<{}>", self.boxed(inner)),
            Type::TreeNode(inner) => format!("TreeNode<{}>", self.boxed(inner)),
            Type::Void => "void".to_owned(),
        }
    }

    fn head(&self, method: &MethodSignature, _: Option<usize>) -> String {
        format!("public {} {}({})", self.kind(&method.returns), method.name, self.list(&method.parameters))
    }

    fn template(&self, signature: &Signature, doc: &[String]) -> String {
        let (lists, trees) = nodes(signature);
        let mut remarks = Vec::new();
        remarks.extend(lists.then(|| "class ListNode<T> { T val; ListNode<T> next; }".to_owned()));
        remarks.extend(trees.then(|| "class TreeNode<T> { T val; TreeNode<T> left, right; }".to_owned()));
        let remarks = line_comment(&remarks, "//");
        let method = |head: String, body: &str| match body {
            "" => format!("    {head} {{\n    }}\n"),
            body => format!("    {head} {{\n        {body}\n    }}\n"),
        };
        let (name, members) = match &signature.interface {
            Interface::Function { function, mutates } => {
                let body = method(self.head(function, *mutates), Java::nothing(&function.returns));
                ("Solution", vec![format!("{}{body}", block_comment(doc, "    "))])
            }
            Interface::Class { name, constructor, methods } => {
                let mut members = vec![method(format!("public {name}({})", self.list(constructor)), "")];
                members.extend(methods.iter().map(|m| method(self.head(m, None), Java::nothing(&m.returns))));
                (name.as_str(), members)
            }
        };
        let above = match &signature.interface {
            Interface::Function { .. } => String::new(),
            Interface::Class { .. } => block_comment(doc, ""),
        };
        format!("import java.util.*;\n\n{remarks}{above}class {name} {{\n{}}}\n", members.join("\n"))
    }
}
