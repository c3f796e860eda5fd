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
    /// Lists equal in any order at the outermost level. Values of other types are compared exactly.
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

    /// Whether the values are lists, linked ones included, or null.
    pub fn is_list(&self) -> bool {
        match self {
            Type::List(_) | Type::ListNode(_) => true,
            Type::Optional(inner) => inner.is_list(),
            _ => false,
        }
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
/// most 64 characters in total, and no reserved word. A package that was imported when fewer words were refused may
/// have a reserved word: see [`Identifier::stored`].
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

    /// Like parsing, but reserved words are accepted, for a package that was imported before.
    ///
    /// # Errors
    /// If the text has other characters or another length.
    pub fn stored(text: &str) -> Result<Identifier, IdentifierError> {
        let begins = text.bytes().next().is_some_and(|c| c.is_ascii_alphabetic());
        let plain = text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        if begins && plain && text.len() <= 64 { Ok(Identifier(text.into())) } else { Err(IdentifierError) }
    }

    /// Returns the first language in which a word is reserved.
    pub fn reserved_in(text: &str) -> Option<&'static str> {
        KEYWORDS.iter().find(|(_, words)| is_one_of(text, words)).map(|(language, _)| *language)
    }
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Identifier, IdentifierError> {
        if Identifier::reserved_in(text).is_some() { Err(IdentifierError) } else { Identifier::stored(text) }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Interface {
    /// The types of the results.
    pub fn results(&self) -> impl Iterator<Item = &Type> {
        let (function, methods) = match self {
            Interface::Function { function, mutates: None } => (Some(&function.returns), &[][..]),
            Interface::Function { function, mutates: Some(index) } => {
                (Some(&function.parameters[*index].kind), &[][..])
            }
            Interface::Class { methods, .. } => (None, &methods[..]),
        };
        function.into_iter().chain(methods.iter().map(|method| &method.returns))
    }

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

    /// Returns the first name that no submission in a certain language can define, although it is not a keyword there,
    /// and that language.
    pub fn impossible_name(&self) -> Option<(&Identifier, &'static str)> {
        let in_go = |name: &'_ Identifier| is_one_of(name.as_str(), GO_TOP_LEVEL);
        let in_java =
            |m: &MethodSignature| m.parameters.is_empty() && !is_possible_in_java(m.name.as_str(), &m.returns);
        match self {
            Interface::Function { function, .. } if in_go(&function.name) => Some((&function.name, "Go")),
            Interface::Function { function, .. } => in_java(function).then_some((&function.name, "Java")),
            Interface::Class { name, .. } if in_go(name) => Some((name, "Go")),
            Interface::Class { name, methods, .. } => methods.iter().find_map(|m| {
                let language = match m.name.as_str() {
                    "constructor" => "JavaScript",
                    _ if m.name == *name => "C++",
                    _ if in_java(m) => "Java",
                    _ => return None,
                };
                Some((&m.name, language))
            }),
        }
    }
}

fn is_one_of(text: &str, words: &str) -> bool {
    words.split(' ').any(|word| word == text)
}

/// In Go, a function or a type of the package hides a predeclared identifier with the same name everywhere: these are
/// the ones that the driver or the types of a signature need. `init` is a function that Go calls itself.
const GO_TOP_LEVEL: &str = "any append error float64 init int32 int64 len make panic recover string uint64 uintptr";

/// Whether a class in Java can have a method without parameters with this name and result. It would override the method
/// of `Object` with that name, so it must not be final, and the result must be a subtype. Source: the documentation of
/// `java.lang.Object`; The Java Language Specification 21, sections 8.4.3.3 and 8.4.5.
fn is_possible_in_java(name: &str, returns: &Type) -> bool {
    match name {
        "getClass" | "notify" | "notifyAll" | "wait" => false,
        "hashCode" => *returns == Type::Int32,
        "toString" => *returns == Type::String || *returns == Type::Optional(Box::new(Type::String)),
        "finalize" => *returns == Type::Void,
        "clone" => !matches!(returns, Type::Int | Type::Int32 | Type::Float | Type::Bool | Type::Char | Type::Void),
        _ => true,
    }
}

/// Reserved words of the languages that have drivers. Words that are reserved only in some places, such as `record` in
/// Java, are not included, nor are words that begin with `_`.
///
/// `main` is the driver. Without `nil`, starter code in Go would not compile. `unsafe` is a keyword of Rust; it is
/// here, because a test looks for it in all code except in strings of one line.
const KEYWORDS: &[(&str, &str)] = &[
    ("Python", PYTHON),
    ("JavaScript", JAVASCRIPT),
    ("Java", JAVA),
    ("C++", CPP),
    ("C", C),
    ("Go", GO),
    ("Rust", RUST),
    ("C", "main"),
    ("Go", "nil"),
    ("Rust", "unsafe"),
];

/// Source: The Python Language Reference 3.13, section 2.3.1.
const PYTHON: &str = "\
    False None True and as assert async await break class continue def del elif else except finally for from global \
    if import in is lambda nonlocal not or pass raise return try while with yield";

/// Also of TypeScript, which compiles to strict mode. Source: ECMA-262, 2024, sections 12.7.2 and 13.1.1.
const JAVASCRIPT: &str = "\
    arguments await break case catch class const continue debugger default delete do else enum eval export extends \
    false finally for function if implements import in instanceof interface let new null package private protected \
    public return static super switch this throw true try typeof var void while with yield";

/// Source: The Java Language Specification 21, section 3.9.
const JAVA: &str = "\
    abstract assert boolean break byte case catch char class const continue default do double else enum extends \
    false final finally float for goto if implements import instanceof int interface long native new null package \
    private protected public return short static strictfp super switch synchronized this throw throws transient true \
    try void volatile while";

/// Source: ISO C++23, [lex.key] and [lex.digraph].
const CPP: &str = "\
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class \
    co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype \
    default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int \
    long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register \
    reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template \
    this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t \
    while xor xor_eq";

/// Source: ISO C23, section 6.4.1. Also the words that GCC adds.
const C: &str = "\
    alignas alignof asm auto bool break case char const constexpr continue default do double else enum extern false \
    float for goto if inline int long nullptr register restrict return short signed sizeof static static_assert \
    struct switch thread_local true typedef typeof typeof_unqual union unsigned void volatile while";

/// Source: The Go Programming Language Specification, section "Keywords".
const GO: &str = "\
    break case chan const continue default defer else fallthrough for func go goto if import interface map package \
    range return select struct switch type var";

/// Of all editions. Source: The Rust Reference, section "Keywords".
const RUST: &str = "\
    Self abstract as async await become box break const continue crate do dyn else enum extern false final fn for \
    gen if impl in let loop macro match mod move mut override priv pub ref return self static struct super trait \
    true try type typeof unsized use virtual where while yield";

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

    #[test]
    fn keywords_of_every_language_are_refused() {
        for (language, words) in [
            ("python", "None nonlocal True"),
            ("javascript", "arguments debugger eval instanceof yield"),
            ("java", "abstract instanceof native strictfp synchronized throws transient"),
            ("c++", "and_eq char8_t co_await compl concept constinit friend mutable noexcept requires typeid xor_eq"),
            ("c", "alignof asm nullptr restrict thread_local typeof_unqual union"),
            ("go", "chan fallthrough nil select"),
            ("rust", "Self become box gen macro override priv unsized"),
        ] {
            for word in words.split(' ') {
                assert_eq!(word.parse::<Identifier>(), Err(IdentifierError), "{language}: {word}");
            }
        }
        // Reserved only in some places.
        for word in ["record", "of", "get", "module", "async_", "Box", "string"] {
            assert!(word.parse::<Identifier>().is_ok(), "{word}");
        }
        for (language, words) in KEYWORDS {
            for word in words.split(' ') {
                assert!(word.parse::<Identifier>().is_err(), "{language}: {word}");
                assert!(Identifier::stored(word).is_ok(), "{language}: {word}");
            }
        }
        for (word, language) in [("box", Some("Rust")), ("chan", Some("Go")), ("class", Some("Python")), ("box_", None)]
        {
            assert_eq!(Identifier::reserved_in(word), language, "{word}");
        }
        for text in ["", "1a", "_x", "a-b", "é"] {
            assert_eq!(Identifier::stored(text), Err(IdentifierError), "{text}");
        }
    }

    #[test]
    fn in_java_a_method_of_object_is_overridden_with_its_own_result_only() {
        for (name, possible, impossible) in [
            ("hashCode", "int32", "int float bool string list<int> optional<int32> void"),
            ("toString", "string optional<string>", "int char list<string> optional<char> void"),
            ("finalize", "void", "int string list<int>"),
            ("clone", "string list<int> map<string,int> ListNode<int> optional<int>", "int int32 float bool char void"),
            ("equals", "int void", ""),
        ] {
            let is_possible = |returns: &str, parameters: &[&str]| {
                let kind = |text: &str| Type::parse(text).unwrap();
                let parameter = |p: &&str| Parameter { name: p.parse().unwrap(), kind: Type::Int };
                let parameters = parameters.iter().map(parameter).collect();
                let method = MethodSignature { name: name.parse().unwrap(), parameters, returns: kind(returns) };
                let (class, constructor) = ("Board".parse().unwrap(), Vec::new());
                let class = Interface::Class { name: class, constructor, methods: vec![method.clone()] };
                let found = class.impossible_name().map(|(name, language)| format!("{name}: {language}"));
                assert!(found.iter().all(|found| *found == format!("{name}: Java")), "{found:?}");
                let function = Interface::Function { function: method, mutates: None };
                assert_eq!(function.impossible_name().is_some(), found.is_some());
                found.is_none()
            };
            for returns in possible.split_whitespace() {
                assert!(is_possible(returns, &[]), "{returns} {name}()");
            }
            for returns in impossible.split_whitespace() {
                assert!(!is_possible(returns, &[]), "{returns} {name}()");
                assert!(is_possible(returns, &["n"]), "{returns} {name}(n)");
            }
        }
    }

    #[test]
    fn a_name_that_a_language_cannot_define_at_its_place_is_found() {
        let method = |called: &str, parameters: &[&str]| MethodSignature {
            name: called.parse().unwrap(),
            parameters: parameters.iter().map(|p| Parameter { name: p.parse().unwrap(), kind: Type::Int }).collect(),
            returns: Type::Int,
        };
        let found = |interface: &Interface| {
            interface.impossible_name().map(|(name, language)| format!("{name}: {language}")).unwrap_or_default()
        };
        for (called, parameters, expected) in [
            ("twice", &["len", "init", "string"][..], ""),
            ("len", &["n"], "len: Go"),
            ("init", &["n"], "init: Go"),
            ("max", &["n"], ""),
            ("notify", &[], "notify: Java"),
            ("notify", &["n"], ""),
            ("constructor", &["n"], ""),
        ] {
            let function = Interface::Function { function: method(called, parameters), mutates: None };
            assert_eq!(found(&function), expected);
        }
        for (class, called, expected) in [
            ("Lockers", "take", ""),
            ("Lockers", "len", ""),
            ("Lockers", "init", ""),
            ("error", "take", "error: Go"),
            ("Lockers", "constructor", "constructor: JavaScript"),
            ("Lockers", "Lockers", "Lockers: C++"),
            ("Lockers", "wait", "wait: Java"),
        ] {
            let (name, methods) = (class.parse().unwrap(), vec![method("put", &["n"]), method(called, &[])]);
            assert_eq!(found(&Interface::Class { name, constructor: Vec::new(), methods }), expected);
        }
    }
}
