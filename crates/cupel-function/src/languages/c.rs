//! C: a function or, for a class, several functions that take the object as an argument. Compound types are
//! structures generated from the signature and named after the type: `list_int`, `map_list_string`,
//! `ListNode_int`.

use super::c_library::is_in_library;
use super::{
    BoxFile, DriverLanguage, GCC_MACROS, Named, arguments, block_comment, branches, case_of_c, methods, parameters,
    types, undefined,
};
use cupel_problem::{Identifier, Interface, MethodSignature, Parameter, Signature, Type};

pub(super) struct C;

/// Name of a type, as part of identifiers.
fn name(kind: &Type) -> String {
    match kind {
        Type::List(inner) => format!("list_{}", name(inner)),
        Type::Optional(inner) => format!("optional_{}", name(inner)),
        Type::Map(inner) => format!("map_{}", name(inner)),
        Type::ListNode(inner) => format!("ListNode_{}", name(inner)),
        Type::TreeNode(inner) => format!("TreeNode_{}", name(inner)),
        simple => simple.to_string(),
    }
}

/// Declaration of `what` with this type.
fn declared(kind: &Type, what: &str) -> String {
    let kind = C.kind(kind);
    if kind.ends_with('*') { format!("{kind}{what}") } else { format!("{kind} {what}") }
}

/// The structure of a type, if it has one.
fn structure(kind: &Type) -> Option<String> {
    let name = name(kind);
    let fields = match kind {
        Type::List(inner) => format!("{}; size_t size;", declared(inner, "*items")),
        Type::Optional(inner) => format!("bool present; {};", declared(inner, "value")),
        Type::Map(inner) => format!("char **keys; {}; size_t size;", declared(inner, "*values")),
        Type::ListNode(inner) => format!("{}; struct {name} *next;", declared(inner, "val")),
        Type::TreeNode(inner) => format!("{}; struct {name} *left, *right;", declared(inner, "val")),
        _ => return None,
    };
    Some(format!("typedef struct {name} {{ {fields} }} {name};"))
}

/// The functions that read and write values of a type with a structure.
fn codec(kind: &Type) -> Option<String> {
    let (template, inner) = match kind {
        Type::List(inner) => (include_str!("../drivers/c/list.h"), inner),
        Type::Optional(inner) => (include_str!("../drivers/c/optional.h"), inner),
        Type::Map(inner) => (include_str!("../drivers/c/map.h"), inner),
        Type::ListNode(inner) => (include_str!("../drivers/c/list_node.h"), inner),
        Type::TreeNode(inner) => (include_str!("../drivers/c/tree_node.h"), inner),
        _ => return None,
    };
    Some(template.replace("NAME", &name(kind)).replace("INNER", &name(inner)))
}

fn method_name(class: Option<&Identifier>, method: &Identifier) -> String {
    class.map_or_else(|| method.to_string(), |class| format!("{class}_{method}"))
}

fn list(of: &[Parameter], class: Option<&Identifier>, mutates: Option<usize>) -> String {
    let each = parameters(of, |at, p| {
        let is_node = matches!(p.kind, Type::ListNode(_) | Type::TreeNode(_));
        let star = if mutates == Some(at) && !is_node { "*" } else { "" };
        declared(&p.kind, &format!("{star}{}", p.name))
    });
    match (class, each.as_str()) {
        (None, "") => "void".to_owned(),
        (None, _) => each,
        (Some(class), "") => format!("{class} *self"),
        (Some(class), _) => format!("{class} *self, {each}"),
    }
}

fn head(method: &MethodSignature, class: Option<&Identifier>, mutates: Option<usize>) -> String {
    let list = list(&method.parameters, class, mutates);
    declared(&method.returns, &format!("{}({list})", method_name(class, &method.name)))
}

/// Declaration of the function that creates an object.
fn maker(class: &Identifier, constructor: &[Parameter]) -> String {
    format!("{class} *{class}_new({})", list(constructor, None, None))
}

fn read(of: &[Parameter]) -> String {
    let one = |(at, p): (usize, &Parameter)| {
        format!("    {} = cupel_read_{}();\n", declared(&p.kind, &format!("cupel_{at}")), name(&p.kind))
    };
    of.iter().enumerate().map(one).collect()
}

/// Code that reads the arguments, calls the function, and writes the result or the modified argument.
fn call(method: &MethodSignature, class: Option<&Identifier>, mutates: Option<usize>) -> String {
    let is_node = |at: usize| matches!(method.parameters[at].kind, Type::ListNode(_) | Type::TreeNode(_));
    let given = arguments(&method.parameters, |at| {
        let address = if mutates == Some(at) && !is_node(at) { "&" } else { "" };
        format!("{address}cupel_{at}")
    });
    let given = match (class, given.as_str()) {
        (None, _) => given,
        (Some(_), "") => "cupel_made".to_owned(),
        (Some(_), _) => format!("cupel_made, {given}"),
    };
    let call = format!("{}({given})", method_name(class, &method.name));
    let called = match (mutates, &method.returns) {
        (Some(index), _) => {
            format!("{call};\n    cupel_write_{}(cupel_{index});", name(&method.parameters[index].kind))
        }
        (None, Type::Void) => format!("{call};"),
        (None, kind) => format!("cupel_write_{}({call});", name(kind)),
    };
    format!("{}    {called}\n", read(&method.parameters))
}

/// Lines that give the function or class of the submission another name if the driver's headers declare its name.
fn renamed(interface: &Interface) -> String {
    let name = match interface {
        Interface::Function { function, .. } => &function.name,
        Interface::Class { name, .. } => name,
    };
    if !is_in_library(name.as_str()) {
        return String::new();
    }
    format!("#undef {name}\n#define {name} cupel_user_{name}\n")
}

impl DriverLanguage for C {
    fn driver(&self, signature: &Signature, _: &[BoxFile]) -> Vec<(&'static str, String)> {
        let all = types(signature);
        let lines = |each: &mut dyn Iterator<Item = String>| each.map(|line| line + "\n").collect::<String>();
        let structures = lines(&mut all.iter().filter_map(structure));
        let codecs = lines(&mut all.iter().filter_map(codec));
        let (heads, body) = match &signature.interface {
            Interface::Function { function, mutates } => {
                (format!("{};\n", head(function, None, *mutates)), call(function, None, *mutates))
            }
            Interface::Class { name: class, constructor, methods } => {
                let mut heads = format!("typedef struct {class} {class};\n{};\n", maker(class, constructor));
                heads += &lines(&mut methods.iter().map(|m| head(m, Some(class), None) + ";"));
                let given = arguments(constructor, |at| format!("cupel_{at}"));
                let made = format!("{}    cupel_made = {class}_new({given});\n", read(constructor));
                let each = methods.iter().map(|m| call(m, Some(class), None));
                let cases = branches(made, each, case_of_c);
                let body = format!(
                    "    {class} *cupel_made = NULL;\n    for (long long cupel_left = cupel_read_int(); cupel_left > 0 && \
                     !cupel_wrong; cupel_left--)\n    switch (cupel_read_int()) {{\n{cases}    }}\n"
                );
                (heads, body)
            }
        };
        // The submission is included last, so that its macros cannot change the driver. The functions that it must
        // define are declared before it, so that a definition with another signature does not compile. The renaming
        // applies to all code after the driver's headers, so a structure field of the same name is renamed wherever it
        // is used.
        let (undefined, renamed) = (undefined(GCC_MACROS), renamed(&signature.interface));
        let main = format!(
            "#include \"cupel_driver.c\"\n{undefined}{renamed}{structures}{heads}{codecs}\nstatic void \
             cupel_call(void) {{\n{body}}}\n#define main cupel_user_main\n#include \"solution.c\"\n"
        );
        vec![("main.c", main), ("cupel_driver.c", include_str!("../drivers/c/cupel_driver.c").to_owned())]
    }

    fn solution(&self) -> Option<&'static str> {
        Some("solution.c")
    }

    fn named(&self) -> Named {
        Named::DriverAndOthers(&["c"])
    }

    fn kind(&self, kind: &Type) -> String {
        match kind {
            Type::Int => "long long".to_owned(),
            Type::Int32 => "int".to_owned(),
            Type::Float => "double".to_owned(),
            Type::String => "char *".to_owned(),
            Type::ListNode(_) | Type::TreeNode(_) => format!("{} *", name(kind)),
            Type::Bool | Type::Char | Type::Void | Type::List(_) | Type::Optional(_) | Type::Map(_) => name(kind),
        }
    }

    fn node(&self, kind: &Type) -> String {
        name(kind)
    }

    fn head(&self, method: &MethodSignature, mutates: Option<usize>) -> String {
        head(method, None, mutates)
    }

    fn template(&self, signature: &Signature, doc: &[String]) -> String {
        let mut lines = doc.to_vec();
        lines.extend(types(signature).iter().filter_map(structure));
        let comment = block_comment(&lines, "");
        let body = |method: &MethodSignature| match &method.returns {
            Type::Void => String::new(),
            Type::List(_) | Type::Optional(_) | Type::Map(_) => {
                format!("    return ({}){{0}};\n", name(&method.returns))
            }
            Type::String => "    return \"\";\n".to_owned(),
            _ => "    return 0;\n".to_owned(),
        };
        let begin = "#include <stdbool.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n";
        match &signature.interface {
            Interface::Function { function, mutates } => {
                format!("{begin}{comment}{} {{\n{}}}\n", head(function, None, *mutates), body(function))
            }
            Interface::Class { name: class, constructor, .. } => {
                let maker = maker(class, constructor);
                let functions: String = methods(signature)
                    .iter()
                    .map(|m| format!("\n{} {{\n{}}}\n", head(m, Some(class), None), body(m)))
                    .collect();
                format!(
                    "{begin}{comment}struct {class} {{\n    int unused;\n}};\n\n{maker} {{\n    return calloc(1, \
                     sizeof({class}));\n}}\n{functions}"
                )
            }
        }
    }
}
