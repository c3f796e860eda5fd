//! The signature of a function problem: names and types that exist in every supported language. This module only
//! defines data; `cupel-function` generates the drivers, which call a submission's function.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::check::Tolerance;

/// The definitions that a submission must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// A function or a class.
    pub interface: Interface,
    /// How the result is compared with the expected result.
    pub compare: CompareResult,
}

/// The function or class that the driver uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interface {
    /// One function, called once per case.
    Function {
        /// The function.
        function: MethodSignature,
        /// The index of the parameter that contains the result, for functions that modify an argument. `None`: the
        /// return value is the result.
        mutates: Option<usize>,
    },
    /// A class. The driver constructs it once per case and calls its methods in the order that the case specifies.
    Class {
        /// The name.
        name: Identifier,
        /// The constructor's parameters.
        constructor: Vec<Parameter>,
        /// The methods. Never empty, with unique names.
        methods: Vec<MethodSignature>,
    },
}

/// A function or method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodSignature {
    /// The name.
    pub name: Identifier,
    /// The parameters in order, with unique names.
    pub parameters: Vec<Parameter>,
    /// The return type.
    pub returns: Type,
}

/// A parameter. Its type is never [`Type::Void`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name.
    pub name: Identifier,
    /// The type.
    pub kind: Type,
}

/// How a result is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareResult {
    /// Equal as JSON values.
    Exact,
    /// Lists equal in any order at the outermost level.
    Unordered,
    /// Like `Exact`, but floats may differ by this tolerance, absolute or relative.
    Float(Tolerance),
    /// The problem's checker compares the result.
    Checker,
}

impl CompareResult {
    /// Whether a program of the package compares the results.
    pub fn is_by_checker(self) -> bool {
        self == CompareResult::Checker
    }
}

/// A type that every supported language can represent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Signed 64-bit integer.
    Int,
    /// Signed 32-bit integer.
    Int32,
    /// IEEE 754 double.
    Float,
    /// true or false.
    Bool,
    /// One ASCII character. Every language has a type for it.
    Char,
    /// UTF-8 text.
    String,
    /// Any number of values of a type, in order.
    List(Box<Type>),
    /// A value or null.
    Optional(Box<Type>),
    /// A map from strings to values of a type.
    Map(Box<Type>),
    /// The head of a singly linked list of a type, or null.
    ListNode(Box<Type>),
    /// The root of a binary tree of a type, or null; written in level order.
    TreeNode(Box<Type>),
    /// No value; only as a return type.
    Void,
}

impl Type {
    /// Maximum nesting depth of types.
    pub const DEPTH_MAX: usize = 8;

    /// Parses `int`, `list<list<string>>`, `map<string,int>`, `ListNode<int>`, `void` and so on. Returns `None` if the
    /// text is not a type, exceeds [`Type::DEPTH_MAX`], or contains a nested `void`. Also returns `None` if null would
    /// have two meanings: for an optional of a nullable type, or a tree of optionals.
    pub fn parse(text: &str) -> Option<Type> {
        parse_type(text.trim(), Type::DEPTH_MAX)
    }
}

fn parse_type(text: &str, depth: usize) -> Option<Type> {
    let simple = match text {
        "int" => Type::Int,
        "int32" => Type::Int32,
        "float" => Type::Float,
        "bool" => Type::Bool,
        "char" => Type::Char,
        "string" => Type::String,
        "void" => Type::Void,
        _ => {
            let (name, inner) = text.strip_suffix('>')?.split_once('<')?;
            let depth = depth.checked_sub(1)?;
            let inner = match name.trim() {
                "map" => inner.trim().strip_prefix("string")?.trim_start().strip_prefix(',')?,
                _ => inner,
            };
            let inner = Box::new(parse_type(inner.trim(), depth).filter(|t| *t != Type::Void)?);
            let is_nothing = matches!(*inner, Type::Optional(_));
            let is_node = matches!(*inner, Type::ListNode(_) | Type::TreeNode(_));
            return Some(match name.trim() {
                "optional" if is_nothing || is_node => return None,
                "TreeNode" if is_nothing => return None,
                "list" => Type::List(inner),
                "optional" => Type::Optional(inner),
                "map" => Type::Map(inner),
                "ListNode" => Type::ListNode(inner),
                "TreeNode" => Type::TreeNode(inner),
                _ => return None,
            });
        }
    };
    Some(simple)
}

impl fmt::Display for Type {
    /// Writes the form that [`Type::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Int => f.write_str("int"),
            Type::Int32 => f.write_str("int32"),
            Type::Float => f.write_str("float"),
            Type::Bool => f.write_str("bool"),
            Type::Char => f.write_str("char"),
            Type::String => f.write_str("string"),
            Type::Void => f.write_str("void"),
            Type::List(inner) => write!(f, "list<{inner}>"),
            Type::Optional(inner) => write!(f, "optional<{inner}>"),
            Type::Map(inner) => write!(f, "map<string,{inner}>"),
            Type::ListNode(inner) => write!(f, "ListNode<{inner}>"),
            Type::TreeNode(inner) => write!(f, "TreeNode<{inner}>"),
        }
    }
}

/// A name that is valid in every supported language: an ASCII letter, followed by ASCII letters, digits and `_`, at
/// most 64 characters in total, and no reserved word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(Arc<str>);

/// Error for a text that is not a valid [`Identifier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to 64 letters, digits and `_`, begins with a letter, and is not a keyword of a supported language"
)]
pub struct IdentifierError;

impl Identifier {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Identifier, IdentifierError> {
        let begins = text.bytes().next().is_some_and(|c| c.is_ascii_alphabetic());
        let plain = text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        if begins && plain && text.len() <= 64 && !KEYWORDS.contains(&text) {
            Ok(Identifier(text.into()))
        } else {
            Err(IdentifierError)
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Interface {
    /// Returns the first name that occurs twice among the methods of a class or among the parameters of one function.
    pub fn repeated_name(&self) -> Option<&Identifier> {
        let twice_in = |parameters: &'_ [Parameter]| -> Option<usize> {
            let mut seen = HashSet::new();
            parameters.iter().position(|p| !seen.insert(p.name.clone()))
        };
        let in_method = |m: &MethodSignature| twice_in(&m.parameters);
        match self {
            Interface::Function { function, .. } => in_method(function).map(|i| &function.parameters[i].name),
            Interface::Class { constructor, methods, .. } => {
                if let Some(i) = twice_in(constructor) {
                    return Some(&constructor[i].name);
                }
                let mut seen = HashSet::new();
                methods.iter().find_map(|m| match in_method(m) {
                    Some(i) => Some(&m.parameters[i].name),
                    None => (!seen.insert(&m.name)).then_some(&m.name),
                })
            }
        }
    }
}

/// Reserved words of the languages that have drivers: Python, JavaScript, TypeScript, Java, C++, C, Go, Rust. `main` is
/// reserved for the driver.
const KEYWORDS: &[&str] = &[
    "and",
    "as",
    "assert",
    "async",
    "auto",
    "await",
    "bool",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "chan",
    "char",
    "class",
    "const",
    "continue",
    "crate",
    "def",
    "default",
    "defer",
    "del",
    "delete",
    "do",
    "double",
    "dyn",
    "elif",
    "else",
    "enum",
    "except",
    "export",
    "extends",
    "extern",
    "false",
    "final",
    "finally",
    "float",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "global",
    "go",
    "goto",
    "if",
    "impl",
    "implements",
    "import",
    "in",
    "inline",
    "int",
    "interface",
    "is",
    "lambda",
    "let",
    "long",
    "loop",
    "main",
    "map",
    "match",
    "mod",
    "move",
    "mut",
    "namespace",
    "native",
    "new",
    "nil",
    "nonlocal",
    "not",
    "null",
    "operator",
    "or",
    "package",
    "pass",
    "private",
    "protected",
    "pub",
    "public",
    "raise",
    "range",
    "ref",
    "register",
    "return",
    "select",
    "self",
    "short",
    "signed",
    "sizeof",
    "static",
    "struct",
    "super",
    "switch",
    "template",
    "this",
    "throw",
    "trait",
    "true",
    "try",
    "type",
    "typedef",
    "typename",
    "typeof",
    "union",
    "unsafe",
    "unsigned",
    "use",
    "using",
    "var",
    "virtual",
    "void",
    "volatile",
    "where",
    "while",
    "with",
    "xor",
    "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_displayed_as_they_are_parsed() {
        for text in ["int", "list<list<string>>", "map<string,list<int32>>", "TreeNode<int>", "optional<char>", "void"]
        {
            assert_eq!(Type::parse(text).map(|t| t.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Type::parse("map< string , int >"), Some(Type::Map(Box::new(Type::Int))));
        for text in ["", "list", "list<>", "list<void>", "map<int,int>", "set<int>", "list<int", "int>"] {
            assert_eq!(Type::parse(text), None, "{text}");
        }
        for text in ["optional<optional<int>>", "optional<ListNode<int>>", "TreeNode<optional<int>>"] {
            assert_eq!(Type::parse(text), None, "{text}: null has two meanings");
        }
        assert_eq!(Type::parse(&("list<".repeat(100_000) + "int" + &">".repeat(100_000))), None);
    }

    #[test]
    fn identifiers_are_valid_names_in_every_language() {
        assert!("twoSum".parse::<Identifier>().is_ok());
        for text in ["", "1a", "_x", "a-b", "class", "func", "é", "main"] {
            assert_eq!(text.parse::<Identifier>(), Err(IdentifierError), "{text}");
        }
    }
}
