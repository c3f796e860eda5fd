//! `[function]` of Cupel's own format: the signature of a function problem.

use crate::doc::{Reader, Unknown};
use crate::finding::Code;
use cupel_problem::{
    Checker, CompareResult, Identifier, Interface, Method, MethodSignature, Parameter, Signature, Tolerance, Type,
};

/// Returns the signature. `None` if there is none, or if there is a fault, which has been reported. If the package is
/// stored, its names may be reserved words, because fewer words were refused when it was imported.
pub(super) fn read(reader: &Reader<'_>, is_stored: bool) -> Option<Signature> {
    if !reader.is_some() {
        return None;
    }
    reader.map();
    reader.only(
        &["name", "parameters", "returns", "class", "constructor", "methods", "compare", "tolerance", "mutates"],
        Unknown::Error,
    );
    warn_of_unused_keys(reader);
    let compare = compare(reader)?;
    let interface =
        if reader.get("class").is_some() { class(reader, is_stored)? } else { function(reader, is_stored)? };
    if let Some(name) = interface.repeated_name() {
        reader.fault(Code::KeyType, format!("the name `{name}` occurs twice"), "Rename one of the two");
        return None;
    }
    if let Some((name, language)) = interface.impossible_name().filter(|_| !is_stored) {
        let fault = format!("the name `{name}` has another meaning in {language}, so no submission can define it");
        reader.fault(Code::KeyType, fault, "Rename it");
        return None;
    }
    if compare == CompareResult::Unordered && !interface.results().any(Type::is_list) {
        let fault = "results are compared exactly, because none of them is a list";
        reader.get("compare").fault(Code::LeftOut, fault, "Remove it, or set another comparison");
    }
    Some(Signature { interface, compare })
}

/// Reports keys that the form of the problem or its comparison does not use.
fn warn_of_unused_keys(reader: &Reader<'_>) {
    let unused: (&[&str], &str) = if reader.get("class").is_some() {
        (&["name", "parameters", "returns", "mutates"], "`class` is set")
    } else {
        (&["constructor", "methods"], "`class` is not set")
    };
    for key in unused.0.iter().map(|key| reader.get(key)).filter(|key| key.is_some()) {
        key.fault(Code::LeftOut, format!("this key is not used, because {}", unused.1), "Remove it");
    }
    let tolerance = reader.get("tolerance");
    if tolerance.is_some() && reader.get("compare").text() != Some("float") {
        let fault = "the tolerance is not used, because `function.compare` is not `float`";
        tolerance.fault(Code::LeftOut, fault, "Set `compare = \"float\"`, or remove the tolerance");
    }
}

/// Reports what contradicts the signature in the rest of the file. `method` is the method by which all cases are
/// judged; `None` if it is faulty.
pub(super) fn check(top: &Reader<'_>, signature: &Signature, method: Option<&Method>) {
    let (interactor, checker, compare) =
        (top.get("interactor"), top.get("checker"), top.get("function").get("compare"));
    if interactor.is_some() {
        let remedy = "Remove `[interactor]`, or `[function]` if submissions are whole programs";
        interactor.fault(Code::Unsupported, "a function problem cannot have an interactor", remedy);
        return;
    }
    let is_builtin = matches!(method, Some(Method::Check(Checker::Builtin(_))));
    if signature.compare.is_by_checker() && is_builtin {
        let fault = "a checker compares the results, but the package has no checker program";
        let remedy = "Add a `[checker]` with `kind = \"program\"`, or choose another way to compare";
        compare.fault(Code::NoValidator, fault, remedy);
    }
    if !signature.compare.is_by_checker() && checker.is_some() {
        let fault = "the checker is not used, because `function.compare` is not `checker`";
        checker.fault(Code::LeftOut, fault, "Set `compare = \"checker\"`, or remove the checker");
    }
}

fn function(reader: &Reader<'_>, is_stored: bool) -> Option<Interface> {
    let function = method(reader, is_stored)?;
    let mutates = reader.get("mutates");
    let index = match mutates.words() {
        None => None,
        Some(name) => {
            let index = function.parameters.iter().position(|parameter| parameter.name.as_str() == name);
            if index.is_none() {
                mutates.fault(
                    Code::KeyType,
                    format!("`{name}` is not a parameter"),
                    "Name the parameter that the function modifies",
                );
                return None;
            }
            index
        }
    };
    if let Some(kind) = index.map(|index| &function.parameters[index].kind).filter(|kind| !is_changeable(kind)) {
        let fault = format!("a function cannot modify an argument of type `{kind}`");
        let remedy = "Set `returns` in place of `mutates`, or modify a list, a map, a ListNode or a TreeNode";
        mutates.fault(Code::KeyType, fault, remedy);
        return None;
    }
    if index.is_none() && function.returns == Type::Void {
        let remedy = "Set `returns` to its type, or `mutates` to the parameter it modifies";
        reader.get("returns").fault(Code::KeyType, "the function has no result", remedy);
        return None;
    }
    Some(Interface::Function { function, mutates: index })
}

/// Whether a function can modify an argument of this type so that its caller sees it, in every language. Some languages
/// cannot change its length, which `verify` reports.
fn is_changeable(kind: &Type) -> bool {
    match kind {
        Type::List(_) | Type::Map(_) | Type::ListNode(_) | Type::TreeNode(_) => true,
        Type::Optional(inner) => is_changeable(inner),
        Type::Int | Type::Int32 | Type::Float | Type::Bool | Type::Char | Type::String | Type::Void => false,
    }
}

fn class(reader: &Reader<'_>, is_stored: bool) -> Option<Interface> {
    let name = identifier(&reader.get("class"), is_stored)?;
    let constructor = parameters(&reader.get("constructor"), is_stored)?;
    let methods: Option<Vec<MethodSignature>> =
        reader.get("methods").list().iter().map(|one| method(one, is_stored)).collect();
    let methods = methods?;
    if methods.is_empty() {
        reader.get("methods").missing("a list of `{name, parameters, returns}`");
        return None;
    }
    Some(Interface::Class { name, constructor, methods })
}

fn method(reader: &Reader<'_>, is_stored: bool) -> Option<MethodSignature> {
    let name = identifier(&reader.get("name"), is_stored);
    let parameters = parameters(&reader.get("parameters"), is_stored);
    let returns = match reader.get("returns").is_some() {
        true => kind(&reader.get("returns"), true),
        false => Some(Type::Void),
    };
    Some(MethodSignature { name: name?, parameters: parameters?, returns: returns? })
}

fn parameters(reader: &Reader<'_>, is_stored: bool) -> Option<Vec<Parameter>> {
    let each = reader.list().into_iter().map(|one| {
        one.map();
        one.only(&["name", "type"], Unknown::Error);
        let (name, kind) = (identifier(&one.get("name"), is_stored), kind(&one.get("type"), false));
        Some(Parameter { name: name?, kind: kind? })
    });
    // All parameters are read before the function returns, so that all faults are reported.
    let each: Vec<Option<Parameter>> = each.collect();
    each.into_iter().collect()
}

fn identifier(reader: &Reader<'_>, is_stored: bool) -> Option<Identifier> {
    if !reader.is_some() {
        reader.missing("a name");
    }
    let text = reader.words().unwrap_or_default();
    if is_stored && let Ok(name) = Identifier::stored(text) {
        return Some(name);
    }
    if let Some(language) = Identifier::reserved_in(text) {
        let fault = format!("the name `{text}` is reserved in {language}, so submissions in it could not have it");
        reader.fault(Code::KeyType, fault, "Rename it");
        return None;
    }
    reader.parsed("a name of letters, digits and `_` that is not a keyword of any supported language")
}

fn kind(reader: &Reader<'_>, void: bool) -> Option<Type> {
    let Some(text) = reader.words() else {
        reader.missing("a type such as int, string or list<int>");
        return None;
    };
    let kind = Type::parse(text).filter(|kind| void || *kind != Type::Void);
    if kind.is_none() {
        reader.expected("a type such as int, float, string, list<int>, map<string,int>, ListNode<int>");
    }
    kind
}

fn compare(reader: &Reader<'_>) -> Option<CompareResult> {
    let tolerance = reader.get("tolerance");
    match reader.get("compare").text() {
        None | Some("exact") => Some(CompareResult::Exact),
        Some("unordered") => Some(CompareResult::Unordered),
        Some("checker") => Some(CompareResult::Checker),
        Some("float") => {
            let number = tolerance.parsed::<f64>("a number, 0 or above").unwrap_or(1e-6);
            match Tolerance::new(number) {
                Ok(tolerance) => Some(CompareResult::Float(tolerance)),
                Err(_) => {
                    tolerance.expected("a number, 0 or above");
                    None
                }
            }
        }
        Some(_) => {
            reader.get("compare").expected("`exact`, `unordered`, `float` or `checker`");
            None
        }
    }
}
