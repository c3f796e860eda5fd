//! Go: a function, or a type with methods and a function `New…` that creates a value of the type.

use super::{BoxFile, DriverLanguage, Named, arguments, branches, line_comment, nodes, parameters};
use cupel_problem::{Identifier, Interface, MethodSignature, Parameter, Signature, Type};

pub(super) struct Go;

impl Go {
    fn list(&self, list: &[Parameter]) -> String {
        parameters(list, |_, p| format!("{} {}", p.name, self.kind(&p.kind)))
    }

    fn signature(&self, method: &MethodSignature) -> String {
        let list = self.list(&method.parameters);
        match &method.returns {
            Type::Void => format!("{}({list})", method.name),
            kind => format!("{}({list}) {}", method.name, self.kind(kind)),
        }
    }

    fn maker(&self, class: &Identifier, constructor: &[Parameter]) -> String {
        format!("func New{class}({}) *{class}", self.list(constructor))
    }

    fn read(&self, parameters: &[Parameter]) -> String {
        let one = |(at, p): (usize, &Parameter)| format!("\tcupel{at} := cupelRead[{}](cupelIn)\n", self.kind(&p.kind));
        parameters.iter().enumerate().map(one).collect()
    }

    /// Code that reads the arguments, calls the function, and writes the result or the modified argument.
    fn call(&self, callee: &str, method: &MethodSignature, mutates: Option<usize>) -> String {
        let call = format!("{callee}({})", arguments(&method.parameters, |at| format!("cupel{at}")));
        let called = match (mutates, &method.returns) {
            (Some(index), _) => {
                format!("{call}\n\tcupelWrite[{}](cupelTo, cupel{index})", self.kind(&method.parameters[index].kind))
            }
            (None, Type::Void) => call,
            (None, kind) => format!("cupelWrite[{}](cupelTo, {call})", self.kind(kind)),
        };
        format!("{}\t{called}\n", self.read(&method.parameters))
    }

    /// A return statement that compiles for the type.
    fn nothing(kind: &Type) -> &'static str {
        match kind {
            Type::Int | Type::Int32 | Type::Float | Type::Char => "\treturn 0\n",
            Type::Bool => "\treturn false\n",
            Type::String => "\treturn \"\"\n",
            Type::Void => "",
            _ => "\treturn nil\n",
        }
    }
}

impl DriverLanguage for Go {
    fn driver(&self, signature: &Signature, _: &[BoxFile]) -> Vec<(&'static str, String)> {
        let body = match &signature.interface {
            Interface::Function { function, mutates } => self.call(function.name.as_str(), function, *mutates),
            Interface::Class { name, constructor, methods } => {
                let given = arguments(constructor, |at| format!("cupel{at}"));
                let made = format!("{}\tcupelMade = New{name}({given})\n", self.read(constructor));
                let each = methods.iter().map(|m| self.call(&format!("cupelMade.{}", m.name), m, None));
                let cases = branches(made, each, |at, body| format!("\tcase {at}:\n{body}"));
                format!(
                    "\tvar cupelMade *{name}\n\tfor cupelLeft := cupelIn.integer(); cupelLeft > 0; cupelLeft-- {{\n\t\
                     switch cupelIn.integer() {{\n{cases}\t}}\n\t}}\n"
                )
            }
        };
        // A type of the submission may have the name of a node type that the signature does not use.
        let (lists, trees) = nodes(signature);
        let lists = if lists { include_str!("../drivers/go/list_node.go") } else { "" };
        let trees = if trees { include_str!("../drivers/go/tree_node.go") } else { "" };
        let call = format!(
            "package main\n\n{lists}{trees}func cupelCall(cupelIn *cupelReader, cupelTo *cupelWriter) {{\n{body}}}\n"
        );
        vec![("cupel_driver.go", include_str!("../drivers/go/cupel_driver.go").to_owned()), ("cupel_call.go", call)]
    }

    fn solution(&self) -> Option<&'static str> {
        Some("solution.go")
    }

    fn named(&self) -> Named {
        Named::All
    }

    /// Renames the submission's `main`, because a package can have only one `main`, and the driver has it.
    fn beside_driver(&self, source: &str) -> Option<String> {
        let begins = |line: &str| line.strip_prefix("func main()").map(|rest| format!("func cupelUserMain(){rest}"));
        source.lines().any(|line| begins(line).is_some()).then(|| {
            let renamed = source.split('\n').map(|line| begins(line).unwrap_or_else(|| line.to_owned()));
            renamed.collect::<Vec<_>>().join("\n")
        })
    }

    fn kind(&self, kind: &Type) -> String {
        match kind {
            Type::Int => "int".to_owned(),
            Type::Int32 => "int32".to_owned(),
            Type::Float => "float64".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Char => "byte".to_owned(),
            Type::String => "string".to_owned(),
            Type::List(inner) => format!("[]{}", self.kind(inner)),
            Type::Optional(inner) => format!("*{}", self.kind(inner)),
            Type::Map(inner) => format!("map[string]{}", self.kind(inner)),
            Type::ListNode(inner) => format!("*ListNode[{}]", self.kind(inner)),
            Type::TreeNode(inner) => format!("*TreeNode[{}]", self.kind(inner)),
            Type::Void => String::new(),
        }
    }

    fn head(&self, method: &MethodSignature, _: Option<usize>) -> String {
        format!("func {}", self.signature(method))
    }

    fn template(&self, signature: &Signature, doc: &[String]) -> String {
        let (lists, trees) = nodes(signature);
        let mut remarks = Vec::new();
        remarks.extend(lists.then(|| "type ListNode[T any] struct { Val T; Next *ListNode[T] }".to_owned()));
        remarks.extend(trees.then(|| "type TreeNode[T any] struct { Val T; Left, Right *TreeNode[T] }".to_owned()));
        let mut remarks = line_comment(&remarks, "//");
        if !remarks.is_empty() {
            remarks.push('\n');
        }
        let comment = line_comment(doc, "//");
        let body = match &signature.interface {
            Interface::Function { function, mutates } => {
                let nothing = Go::nothing(&function.returns);
                format!("{comment}{} {{\n{nothing}}}\n", self.head(function, *mutates))
            }
            Interface::Class { name, constructor, methods } => {
                let maker = self.maker(name, constructor);
                let methods: String = methods
                    .iter()
                    .map(|m| format!("\nfunc (self *{name}) {} {{\n{}}}\n", self.signature(m), Go::nothing(&m.returns)))
                    .collect();
                format!("{comment}type {name} struct {{\n}}\n\n{maker} {{\n\treturn &{name}{{}}\n}}\n{methods}")
            }
        };
        format!("package main\n\n{remarks}{body}")
    }
}
