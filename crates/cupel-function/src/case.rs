//! One test of a function problem: the calls, and the driver's answer.

use std::fmt::Write;

use cupel_types::Bytes;

use super::json::{JsonError, Reader};
use super::value::{Value, difference};
use super::wire;
use cupel_problem::{Interface, MethodSignature, Parameter, Signature, Type};

/// The calls of a test.
///
/// The input of a function is its arguments, one JSON value per line. The input of a class is two lists. The first is a
/// list of names, beginning with the class. The second has a list of arguments for each name.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCase<'s> {
    signature: &'s Signature,
    calls: Vec<Call<'s>>,
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
struct Call<'s> {
    /// Index of the called function: 0 is the function or the constructor; the methods follow.
    callee: usize,
    parameters: &'s [Parameter],
    arguments: Vec<Value>,
    /// The type of the result that the driver returns.
    result: Type,
}

/// Error for an input that does not match the signature.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not what `{callee}` takes ({parameters}): {source}")]
pub struct CallError {
    callee: String,
    parameters: String,
    #[source]
    source: JsonError,
}

/// The expected result of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected(Value);

/// Approximate maximum memory of the arguments of a test, and of its expected result. A short text may have values that
/// need hundreds of times its size.
pub const TEST_VALUES_MAX: Bytes = Bytes::mib(256);

/// Approximate maximum memory of the values that one run returns. A list that takes 16 MiB on the wire, with words of
/// minimum length, needs this much memory.
pub const RETURNED_MAX: Bytes = Bytes::mib(256);

/// The answer of a driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The value that the function returned.
    Returned(Value),
    /// The returned value does not have the declared type. Contains the reason.
    NoValue(String),
    /// The function does not exist or has other parameters. Contains the reason.
    NoFunction(String),
    /// The returned value needs more memory than [`RETURNED_MAX`].
    TooLarge,
    /// The driver wrote no answer, or an incomplete or malformed one.
    Nothing,
    /// The channel contains data that no driver writes.
    Forged,
}

impl<'s> FunctionCase<'s> {
    /// Parses a test's input.
    ///
    /// # Errors
    /// If the input does not match the signature, or its values need more memory than [`TEST_VALUES_MAX`].
    pub fn read(signature: &'s Signature, input: &[u8]) -> Result<FunctionCase<'s>, CallError> {
        FunctionCase::read_within(signature, input, TEST_VALUES_MAX)
    }

    /// Parses an input whose values may need approximately `room` bytes of memory.
    ///
    /// # Errors
    /// If the input does not match the signature, or its values need more memory than `room`.
    pub fn read_within(signature: &'s Signature, input: &[u8], room: Bytes) -> Result<FunctionCase<'s>, CallError> {
        let mut reader = Reader::within(input, room);
        let failed = |callee: &str, parameters: &[Parameter]| {
            let (callee, parameters) = (callee.to_owned(), listed(parameters));
            move |source| CallError { callee, parameters, source }
        };
        let calls = match &signature.interface {
            Interface::Function { function, mutates } => {
                let parameters = &function.parameters;
                let arguments: Result<Vec<Value>, JsonError> =
                    parameters.iter().map(|parameter| reader.value(&parameter.kind)).collect();
                let arguments = arguments.and_then(|arguments| reader.end().map(|()| arguments));
                let arguments = arguments.map_err(failed(function.name.as_str(), parameters))?;
                let result = match mutates {
                    Some(index) => parameters[*index].kind.clone(),
                    None => function.returns.clone(),
                };
                vec![Call { callee: 0, parameters, arguments, result }]
            }
            Interface::Class { name, constructor, methods } => {
                let failed = failed(name.as_str(), constructor);
                sequence(&mut reader, name.as_str(), constructor, methods).map_err(failed)?
            }
        };
        Ok(FunctionCase { signature, calls })
    }

    /// The signature of the test.
    pub fn signature(&self) -> &'s Signature {
        self.signature
    }

    /// Parses the expected result: one JSON value; for a class, the list of return values, with null for the
    /// constructor and for void methods.
    ///
    /// # Errors
    /// If the result does not match the signature, or needs more memory than [`TEST_VALUES_MAX`].
    pub fn expected(&self, answer: &[u8]) -> Result<Expected, JsonError> {
        let mut reader = Reader::within(answer, TEST_VALUES_MAX);
        let value = match self.is_sequence() {
            false => reader.value(&self.calls[0].result)?,
            true => {
                let mut kinds = self.calls.iter().map(|call| &call.result);
                let values = reader.list(|reader| match kinds.next() {
                    Some(kind) => reader.value(kind),
                    None => Err(reader.here("more results than calls")),
                })?;
                if values.len() < self.calls.len() {
                    return Err(reader.here("fewer results than calls"));
                }
                Value::List(values)
            }
        };
        reader.end()?;
        Ok(Expected(value))
    }

    /// The driver's input. Its first line is the nonce, an unguessable word.
    pub fn lines(&self, nonce: &str) -> Vec<u8> {
        format!("{nonce}\n{}\n{}", described(self.signature), self.values()).into_bytes()
    }

    /// The first line of the input of a driver that calls the submission for several tests.
    pub fn batch_begin(&self) -> Vec<u8> {
        format!("{}\n", described(self.signature)).into_bytes()
    }

    /// The test as part of a batch: a line with the nonce and the length of the values, then the values.
    pub fn batch_lines(&self, nonce: &str) -> Vec<u8> {
        let values = self.values();
        format!("{nonce} {}\n{values}", values.len()).into_bytes()
    }

    /// The calls and their arguments, as lines.
    fn values(&self) -> String {
        let mut out = String::new();
        if self.is_sequence() {
            let _ = writeln!(out, "{}", self.calls.len());
        }
        for call in &self.calls {
            if self.is_sequence() {
                let _ = writeln!(out, "{}", call.callee);
            }
            for (parameter, argument) in call.parameters.iter().zip(&call.arguments) {
                wire::write(argument, &parameter.kind, &mut out);
            }
        }
        out
    }

    /// Parses the content of the result channel: a line with the nonce and `ok`, `wrong` or `missing`, then the values
    /// or the reason.
    pub fn answer(&self, channel: &[u8], nonce: &str) -> Answer {
        if channel.is_empty() {
            return Answer::Nothing;
        }
        let line = channel.iter().position(|c| *c == b'\n').unwrap_or(channel.len());
        let (line, rest) = channel.split_at(line);
        let Some(word) = line.strip_prefix(nonce.as_bytes()) else { return Answer::Forged };
        let why = || String::from_utf8_lossy(rest).trim().to_owned();
        match word {
            b" ok" => self.returned(rest),
            b" wrong" => Answer::NoValue(why()),
            b" missing" => Answer::NoFunction(why()),
            _ => Answer::Forged,
        }
    }

    /// Parses the values of an answer.
    pub(super) fn returned(&self, rest: &[u8]) -> Answer {
        let mut reader = wire::Reader::within(rest, RETURNED_MAX);
        let values: Option<Vec<Value>> = self.calls.iter().map(|call| reader.value(&call.result)).collect();
        match values {
            None if reader.is_out_of_room() => Answer::TooLarge,
            None => reader.fault().map_or(Answer::Nothing, |why| Answer::NoValue(why.to_owned())),
            Some(_) if !reader.is_at_end() => Answer::Forged,
            Some(values) if self.is_sequence() => Answer::Returned(Value::List(values)),
            Some(values) => values.into_iter().next().map_or(Answer::Nothing, Answer::Returned),
        }
    }

    /// The first difference between a result and the expected one. `None` if they are equal by the comparison that the
    /// signature selects. For a class, unordered comparison applies to the result of each call that returns a list.
    pub fn difference(&self, expected: &Expected, got: &Value) -> Option<String> {
        let compare = self.signature.compare;
        match (&expected.0, got) {
            (Value::List(expected), Value::List(got)) if self.is_sequence() => {
                let each = expected.iter().zip(got).zip(&self.calls).enumerate();
                each.filter_map(|(at, ((expected, got), call))| {
                    Some((at, difference(expected, got, &call.result, compare)?))
                })
                .map(|(at, why)| format!("call {} ({}): {why}", at + 1, self.shown_call(at)))
                .next()
            }
            (expected, got) => difference(expected, got, &self.calls[0].result, compare),
        }
    }

    /// The drivers of the languages in which no function can change the argument that it modifies into the expected
    /// result. Java and Go pass a list such that its length is fixed; only Rust passes a node such that a function can
    /// replace nothing by a node, or a node by nothing.
    pub fn unsolvable_with(&self, expected: &Expected) -> &'static [&'static str] {
        let Interface::Function { function, mutates: Some(index) } = &self.signature.interface else { return &[] };
        let kind = &function.parameters[*index].kind;
        match (kind, &self.calls[0].arguments[*index], &expected.0) {
            (Type::List(_), Value::List(given), Value::List(expected)) if given.len() != expected.len() => {
                &["go", "java"]
            }
            (Type::ListNode(_) | Type::TreeNode(_), Value::List(given), Value::List(expected))
                if given.is_empty() != expected.is_empty() =>
            {
                &["c", "cpp", "go", "java", "javascript", "python", "typescript"]
            }
            _ => &[],
        }
    }

    /// The calls, one line each, with their results if known. At most `calls_max` calls are listed.
    pub fn shown(&self, expected: Option<&Expected>, calls_max: usize) -> Vec<String> {
        let arrow = |value: &Value| format!(" -> {}", value.shown());
        let shown = self.calls.iter().enumerate().take(calls_max).map(|(at, call)| {
            let returned = match expected {
                Some(Expected(Value::List(values))) if self.is_sequence() => values.get(at),
                Some(Expected(value)) if !self.is_sequence() => Some(value),
                _ => None,
            };
            let returned = returned.filter(|_| call.result != Type::Void).map(arrow).unwrap_or_default();
            format!("{}{returned}", self.shown_call(at))
        });
        shown.collect()
    }

    fn shown_call(&self, at: usize) -> String {
        let call = &self.calls[at];
        let name = match &self.signature.interface {
            Interface::Function { function, .. } => &function.name,
            Interface::Class { name, methods, .. } => match call.callee.checked_sub(1) {
                None => name,
                Some(method) => &methods[method].name,
            },
        };
        let arguments: Vec<String> = call.arguments.iter().map(Value::shown).collect();
        format!("{name}({})", arguments.join(", "))
    }

    fn is_sequence(&self) -> bool {
        matches!(self.signature.interface, Interface::Class { .. })
    }
}

/// Parses the two lists of a sequence of calls.
fn sequence<'s>(
    reader: &mut Reader<'_>,
    class: &str,
    constructor: &'s [Parameter],
    methods: &'s [MethodSignature],
) -> Result<Vec<Call<'s>>, JsonError> {
    let mut callees = Vec::new();
    reader.list(|reader| {
        let name = reader.value(&Type::String)?;
        let is_first = callees.is_empty();
        let callee = match &name {
            Value::Text(name) if is_first => (name == class).then_some(0),
            Value::Text(name) => methods.iter().position(|method| method.name.as_str() == name).map(|at| at + 1),
            _ => None,
        };
        let expected =
            if is_first { format!("the first call must be `{class}`") } else { "there is no such method".to_owned() };
        callees.push(callee.ok_or_else(|| reader.here(&format!("unknown call {}: {expected}", name.shown())))?);
        Ok(())
    })?;
    let mut next = callees.into_iter();
    let calls = reader.list(|reader| {
        let callee = next.next().ok_or_else(|| reader.here("more lists of arguments than calls"))?;
        let (parameters, result) = match callee.checked_sub(1) {
            None => (constructor, Type::Void),
            Some(method) => (&methods[method].parameters[..], methods[method].returns.clone()),
        };
        let mut kinds = parameters.iter();
        let arguments = reader.list(|reader| match kinds.next() {
            Some(parameter) => reader.value(&parameter.kind),
            None => Err(reader.here("more arguments than parameters")),
        })?;
        match kinds.next() {
            None => Ok(Call { callee, parameters, arguments, result }),
            Some(parameter) => Err(reader.here(&format!("the argument `{}` is missing", parameter.name))),
        }
    })?;
    if next.next().is_some() {
        return Err(reader.here("fewer lists of arguments than calls"));
    }
    if calls.is_empty() {
        return Err(reader.here("there are no calls"));
    }
    reader.end()?;
    Ok(calls)
}

fn listed(parameters: &[Parameter]) -> String {
    let each: Vec<String> = parameters.iter().map(|p| format!("{}: {}", p.name, p.kind)).collect();
    each.join(", ")
}

/// The signature as words on one line, for drivers that need it at run time: `function MUTATES METHOD` or `class NAME
/// COUNT TYPE… COUNT METHOD…`. MUTATES is the index of the parameter that the function modifies, or `-`. A method is
/// `NAME RETURNS COUNT TYPE…`.
fn described(signature: &Signature) -> String {
    let types = |parameters: &[Parameter]| {
        let each = parameters.iter().map(|parameter| format!(" {}", parameter.kind));
        format!("{}{}", parameters.len(), each.collect::<String>())
    };
    let method = |method: &MethodSignature| format!("{} {} {}", method.name, method.returns, types(&method.parameters));
    match &signature.interface {
        Interface::Function { function, mutates } => {
            let mutates = mutates.map_or("-".to_owned(), |index| index.to_string());
            format!("function {mutates} {}", method(function))
        }
        Interface::Class { name, constructor, methods } => {
            let all: String = methods.iter().map(|m| format!(" {}", method(m))).collect();
            format!("class {name} {} {}{all}", types(constructor), methods.len())
        }
    }
}

/// The expected result as JSON, for checkers and messages.
impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_problem::{CompareResult, Identifier};

    fn name(text: &str) -> Identifier {
        text.parse().unwrap()
    }

    fn method(called: &str, parameters: &[(&str, &str)], returns: &str) -> MethodSignature {
        let parameter =
            |(called, kind): &(&str, &str)| Parameter { name: name(called), kind: Type::parse(kind).unwrap() };
        MethodSignature {
            name: name(called),
            parameters: parameters.iter().map(parameter).collect(),
            returns: Type::parse(returns).unwrap(),
        }
    }

    fn two_sum() -> Signature {
        let function = method("twoSum", &[("nums", "list<int>"), ("target", "int")], "list<int>");
        Signature { interface: Interface::Function { function, mutates: None }, compare: CompareResult::Exact }
    }

    fn counter() -> Signature {
        let methods = vec![method("add", &[("word", "string")], "void"), method("seen", &[], "list<string>")];
        let constructor = method("x", &[("most", "int")], "void").parameters;
        Signature {
            interface: Interface::Class { name: name("Counter"), constructor, methods },
            compare: CompareResult::Unordered,
        }
    }

    #[test]
    fn the_arguments_of_a_function_are_lines() {
        let signature = two_sum();
        let case = FunctionCase::read(&signature, b"[2, 7]\n9\n").unwrap();
        let lines = String::from_utf8(case.lines("n0nce")).unwrap();
        assert_eq!(lines, "n0nce\nfunction - twoSum list<int> 2 list<int> int\n2\n2 7\n9\n");
        assert_eq!(case.shown(Some(&case.expected(b"[0,1]").unwrap()), 9), ["twoSum([2,7], 9) -> [0,1]"]);
        let error = FunctionCase::read(&signature, b"[2, 7]\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "not what `twoSum` takes (nums: list<int>, target: int): line 2, column 1: expected int"
        );
        assert!(FunctionCase::read(&signature, b"[2, 7]\n9\n9").is_err());
    }

    #[test]
    fn an_argument_that_keeps_its_length_can_be_changed_in_every_language() {
        for (kind, given, expected, first) in [
            ("list<int>", "[1,0]", "[0,1]", None),
            ("list<int>", "[0,1]", "[1]", Some("go")),
            ("list<list<int>>", "[[0,1]]", "[[1]]", None),
            ("map<string,int>", "{}", "{\"a\":1}", None),
            ("ListNode<int>", "[0,1]", "[1]", None),
            ("ListNode<int>", "[0]", "[]", Some("c")),
            ("TreeNode<int>", "[]", "[1]", Some("c")),
        ] {
            let function = method("f", &[("n", "int"), ("changed", kind)], "void");
            let interface = Interface::Function { function, mutates: Some(1) };
            let signature = Signature { interface, compare: CompareResult::Exact };
            let input = format!("1\n{given}\n");
            let case = FunctionCase::read(&signature, input.as_bytes()).unwrap();
            let drivers = case.unsolvable_with(&case.expected(expected.as_bytes()).unwrap());
            assert_eq!(drivers.first().copied(), first, "{kind}: {given} {expected}");
        }
        let signature = two_sum();
        let case = FunctionCase::read(&signature, b"[]\n0").unwrap();
        assert_eq!(case.unsolvable_with(&case.expected(b"[0,1]").unwrap()), [""; 0]);
    }

    #[test]
    fn the_input_of_a_class_is_a_list_of_names_and_a_list_of_arguments() {
        let signature = counter();
        let input = br#"["Counter","add","seen"] [[5],["a b"],[]]"#;
        let case = FunctionCase::read(&signature, input).unwrap();
        let lines = String::from_utf8(case.lines("n")).unwrap();
        assert_eq!(lines, "n\nclass Counter 1 int 2 add void 1 string seen list<string> 0\n3\n0\n5\n1\n3\na b\n2\n");
        let expected = case.expected(br#"[null,null,["a b"]]"#).unwrap();
        assert_eq!(case.shown(Some(&expected), 9), ["Counter(5)", "add(\"a b\")", "seen() -> [\"a b\"]"]);
        for (input, why) in [
            (r#"["add"] [["a"]]"#, "the first call must be `Counter`"),
            (r#"["Counter","sub"] [[1],[]]"#, "no such method"),
            (r#"["Counter"] [[1],[]]"#, "more lists of arguments"),
            (r#"["Counter","seen"] [[1]]"#, "fewer lists of arguments"),
            (r#"["Counter"] [[]]"#, "`most` is missing"),
            (r#"["Counter"] [[1,2]]"#, "more arguments"),
            ("[] []", "no calls"),
        ] {
            let error = FunctionCase::read(&signature, input.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{input}: {error}");
        }
        for answer in ["[null,null]", "[null,null,[],null]", "[1,null,[]]"] {
            assert!(case.expected(answer.as_bytes()).is_err(), "{answer}");
        }
    }

    #[test]
    fn a_test_whose_values_need_too_much_memory_is_not_read() {
        let function = method("f", &[("words", "list<map<string,int>>")], "list<map<string,int>>");
        let signature =
            Signature { interface: Interface::Function { function, mutates: None }, compare: CompareResult::Exact };
        // The memory counted for an empty map is hundreds of times the size of its text.
        let maps = |count| format!("[{}]", vec!["{}"; count].join(",")).into_bytes();
        let (few, many) = (maps(1_000), maps(usize::try_from(TEST_VALUES_MAX.get()).unwrap() / 640 + 1));
        let case = FunctionCase::read(&signature, &few).unwrap();
        assert!(case.expected(&few).is_ok());
        let why = |error: Option<String>| error.unwrap_or_default();
        let of_arguments = why(FunctionCase::read(&signature, &many).err().map(|error| error.to_string()));
        assert!(of_arguments.contains("more memory"), "{of_arguments}");
        let of_result = why(case.expected(&many).err().map(|error| error.to_string()));
        assert!(of_result.contains("more memory"), "{of_result}");
    }

    #[test]
    fn a_difference_in_a_sequence_names_the_call() {
        let signature = counter();
        let case = FunctionCase::read(&signature, br#"["Counter","seen","seen"] [[5],[],[]]"#).unwrap();
        let expected = case.expected(br#"[null,["a","b"],["c"]]"#).unwrap();
        let got = |text: &str| match case.answer(format!("n ok\n{text}").as_bytes(), "n") {
            Answer::Returned(value) => case.difference(&expected, &value),
            other => panic!("{other:?}"),
        };
        assert_eq!(got("2\n1\nb\n1\na\n1\n1\nc\n"), None);
        assert_eq!(got("2\n1\nb\n1\na\n1\n1\nd\n").unwrap(), "call 3 (seen()): \"c\" is missing");
    }

    #[test]
    fn an_answer_is_a_complete_frame_with_the_nonce() {
        let signature = two_sum();
        let case = FunctionCase::read(&signature, b"[]\n0").unwrap();
        let answer = |channel: &str| case.answer(channel.as_bytes(), "5ec1");
        assert!(matches!(answer("5ec1 ok\n2\n0 1\n"), Answer::Returned(_)));
        assert_eq!(
            answer("5ec1 wrong\nexpected list<int>, got string\n"),
            Answer::NoValue("expected list<int>, got string".into())
        );
        assert_eq!(answer("5ec1 missing\nno twoSum\n"), Answer::NoFunction("no twoSum".into()));
        assert_eq!(answer(""), Answer::Nothing);
        assert_eq!(answer("5ec1 ok\n2\n0"), Answer::Nothing);
        for forged in
            ["2\n0 1\n", "5ec0 ok\n0\n", "x\n5ec1 ok\n0\n", "5ec1 ok\n0\n5ec1 ok\n0\n", "5ec1\n", "5ec1 okay\n"]
        {
            assert_eq!(answer(forged), Answer::Forged, "{forged:?}");
        }
    }
}
