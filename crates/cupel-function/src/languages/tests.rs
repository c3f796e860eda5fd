//! Tests of starter code and of the source files in the box.

use super::*;
use cupel_problem::{CompareResult, Identifier};

fn method(called: &str, parameters: &[(&str, &str)], returns: &str) -> MethodSignature {
    let name = |text: &str| text.parse::<Identifier>().unwrap();
    let parameter = |(called, kind): &(&str, &str)| Parameter { name: name(called), kind: Type::parse(kind).unwrap() };
    MethodSignature {
        name: name(called),
        parameters: parameters.iter().map(parameter).collect(),
        returns: Type::parse(returns).unwrap(),
    }
}

fn function(parameters: &[(&str, &str)], returns: &str, mutates: Option<usize>) -> Signature {
    let function = method("solve", parameters, returns);
    Signature { interface: Interface::Function { function, mutates }, compare: CompareResult::Exact }
}

fn template(driver: &str, signature: &Signature) -> String {
    Driver::named(driver).unwrap().template(signature, None)
}

fn file(path: &str, text: &str) -> BoxFile {
    BoxFile { path: BoxPath::new(path).unwrap(), data: text.as_bytes().into(), executable: false }
}

fn paths(files: &BoxFiles) -> Vec<&str> {
    files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn every_type_has_a_representation_in_every_language() {
    let kinds = ["int", "int32", "float", "bool", "char", "string", "list<int>", "list<list<optional<int>>>"]
        .into_iter()
        .chain(["map<string,list<int32>>", "ListNode<string>", "TreeNode<int>"]);
    let kinds: Vec<Type> = kinds.map(|kind| Type::parse(kind).unwrap()).collect();
    let forms = |driver: &str| {
        let driver = Driver::named(driver).unwrap();
        kinds.iter().map(|kind| driver.0.kind(kind)).collect::<Vec<_>>().join("; ")
    };
    for (driver, expected) in [
        (
            "python",
            "int; int; float; bool; str; str; list[int]; list[list[int | None]]; dict[str, list[int]]; ListNode | None; TreeNode | None",
        ),
        (
            "javascript",
            "number; number; number; boolean; string; string; number[]; (number | null)[][]; Map<string, number[]>; ListNode<string> | null; TreeNode<number> | null",
        ),
        (
            "java",
            "long; int; double; boolean; char; String; long[]; Long[][]; Map<String, int[]>; ListNode<String>; TreeNode<Long>",
        ),
        (
            "cpp",
            "long long; int; double; bool; char; std::string; std::vector<long long>; std::vector<std::vector<std::optional<long long>>>; std::map<std::string, std::vector<int>>; ListNode<std::string> *; TreeNode<long long> *",
        ),
        (
            "c",
            "long long; int; double; bool; char; char *; list_int; list_list_optional_int; map_list_int32; ListNode_string *; TreeNode_int *",
        ),
        (
            "go",
            "int; int32; float64; bool; byte; string; []int; [][]*int; map[string][]int32; *ListNode[string]; *TreeNode[int]",
        ),
        (
            "rust",
            "i64; i32; f64; bool; char; String; Vec<i64>; Vec<Vec<Option<i64>>>; HashMap<String, Vec<i32>>; Option<Box<ListNode<String>>>; Option<Rc<RefCell<TreeNode<i64>>>>",
        ),
    ] {
        assert_eq!(forms(driver), expected, "{driver}");
    }
    assert_eq!(forms("typescript"), forms("javascript"));
}

#[test]
fn starter_code_has_types_names_and_a_sample() {
    let signature = function(&[("nums", "list<int>"), ("target", "int")], "list<int>", None);
    let case = FunctionCase::read(&signature, b"[2,7]\n9").unwrap();
    let expected = case.expected(b"[0,1]").unwrap();
    let code = |driver| Driver::named(driver).unwrap().template(&signature, Some((&case, &expected)));
    assert_eq!(
        code("python"),
        "def solve(nums: list[int], target: int) -> list[int]:\n    \"\"\"\n    solve([2,7], 9) -> [0,1]\n    \"\"\"\n    pass\n"
    );
    assert_eq!(
        code("rust"),
        "/// solve([2,7], 9) -> [0,1]\npub fn solve(nums: Vec<i64>, target: i64) -> Vec<i64> {\n    Default::default()\n}\n"
    );
    for driver in Driver::names() {
        assert!(code(driver).contains("solve([2,7], 9) -> [0,1]"), "{driver}");
    }
}

#[test]
fn an_argument_that_the_function_modifies_is_passed_by_reference() {
    let signature = function(&[("nums", "list<int>")], "void", Some(0));
    for (driver, head) in [
        ("cpp", "void solve(vector<long long> &nums)"),
        ("c", "void solve(list_int *nums)"),
        ("rust", "pub fn solve(nums: &mut Vec<i64>)"),
        ("go", "func solve(nums []int) {"),
        ("java", "public void solve(long[] nums)"),
    ] {
        let code = template(driver, &signature);
        assert!(code.contains(head) && code.contains("Changes `nums` in place."), "{driver}: {code}");
    }
}

#[test]
fn a_sample_cannot_end_a_comment() {
    let signature = function(&[("text", "string")], "string", None);
    let case = FunctionCase::read(&signature, br#""*/ \"\"\" \\""#).unwrap();
    let expected = case.expected(b"\"\"").unwrap();
    let sample = Some((&case, &expected));
    let python = Driver::named("python").unwrap().template(&signature, sample);
    assert_eq!(python.matches("\"\"\"").count(), 2, "{python}");
    let cpp = Driver::named("cpp").unwrap().template(&signature, sample);
    assert_eq!(cpp.matches("*/").count(), 1, "{cpp}");
}

#[test]
fn the_submission_is_placed_beside_the_driver_under_a_fixed_name() {
    let signature = function(&[("n", "int")], "int", None);
    let sent = BoxFiles::new(vec![file("mine.cpp", "int x;"), file("main.cc", "forged"), file("data/table.txt", "1")]);
    let sources = Driver::named("cpp").unwrap().sources(&signature, &sent);
    assert_eq!(paths(&sources.files), ["main.cc", "cupel_driver.cc", "solution.cpp", "data/table.txt"]);
    assert_eq!(paths(&sources.units), ["main.cc"]);
    let main = sources.files.iter().next().unwrap();
    assert!(!main.data.starts_with(b"forged"), "a file of the submission must not replace the driver");

    // The compiler gets the other sources of C and C++. The main source is included.
    let sent = ["mine.cpp", "a.cc", "a.hpp", "b/c.C", "b.c", "main.cpp"].map(|path| file(path, ""));
    let sources = Driver::named("cpp").unwrap().sources(&signature, &BoxFiles::new(sent.to_vec()));
    assert_eq!(paths(&sources.units), ["main.cc", "a.cc", "b/c.C", "main.cpp"]);
    let sources = Driver::named("c").unwrap().sources(&signature, &BoxFiles::new(sent.to_vec()));
    assert_eq!(paths(&sources.units), ["main.c", "b.c"]);
    // A source that another one includes is compiled with it.
    let sent =
        [("mine.c", " # include \"x/util.c\"\n"), ("x/util.c", "#include \"more.c\"\n"), ("x/more.c", ""), ("b.c", "")];
    let sent = BoxFiles::new(sent.map(|(path, text)| file(path, text)).to_vec());
    let sources = Driver::named("c").unwrap().sources(&signature, &sent);
    assert_eq!(paths(&sources.units), ["main.c", "b.c"]);

    let sent = BoxFiles::new(vec![file("Window.java", "class Solution {}"), file("Other.java", "class Other {}")]);
    let sources = Driver::named("java").unwrap().sources(&signature, &sent);
    assert_eq!(paths(&sources.units), ["CupelDriver.java", "Window.java", "Other.java"]);
}

#[test]
fn in_go_the_main_function_of_the_submission_is_renamed() {
    let source = "package main\n\nfunc main() {\n\tmain()\n}\n// func main()\n";
    let sent = BoxFiles::new(vec![file("a.go", source)]);
    let sources = Driver::named("go").unwrap().sources(&function(&[], "int", None), &sent);
    let solution = sources.files.iter().find(|file| file.path.as_str() == "solution.go").unwrap();
    let expected = "package main\n\nfunc cupelUserMain() {\n\tmain()\n}\n// func main()\n";
    assert_eq!(std::str::from_utf8(&solution.data), Ok(expected));
}

#[test]
fn in_cpp_a_free_function_is_called_if_there_is_no_class_solution() {
    let call = |source: &str| {
        let sent = BoxFiles::new(vec![file("a.cpp", source)]);
        let sources = Driver::named("cpp").unwrap().sources(&function(&[], "int", None), &sent);
        let main = sources.units.iter().next().unwrap().data.clone();
        String::from_utf8_lossy(&main).contains("::Solution().solve()")
    };
    assert!(call("class Solution { public: long long solve(); };"));
    assert!(call("struct\nSolution{};"));
    assert!(!call("// no class\nlong long solve() { return 1; } int Solution;"));
    for text in [
        "// class Solution { solve }\n",
        "/* class Solution { int solve(); }; */ ",
        "auto text = \"class Solution { \\\" solve\"; ",
        "auto text = R\"x(class Solution { )\" solve)x\"; ",
        "char quote = '\"'; int n = 1'000; auto text = \"class Solution { solve \"; ",
        "class Solution; ",
        "enum class Solution { solve }; ",
        "struct Solution { int rows; }; ",
    ] {
        assert!(!call(&format!("{text}long long solve() {{ return 1; }}")), "{text}");
    }
    for text in [
        "struct Solution final { long long solve(); }; ",
        "struct Base { long long solve(); }; class Solution : public Base {}; ",
        "int n = 1'000; class Solution { char c = '\\''; struct In {}; long long solve(); }; ",
        "class Solution; class Solution { public: long long solve() { return 1; } }; long long solve() { return 2; } ",
    ] {
        assert!(call(text), "{text}");
    }
    let beside = |included: &str, name: &str| {
        let main = format!("#include \"{included}\"");
        let sent = vec![file("a.cpp", &main), file(name, "class Solution { long long solve(); };")];
        let sources = Driver::named("cpp").unwrap().sources(&function(&[], "int", None), &BoxFiles::new(sent));
        String::from_utf8_lossy(&sources.units.iter().next().unwrap().data).contains("::Solution().solve()")
    };
    assert!(beside("b.hpp", "b.hpp") && beside("b", "b") && beside("./b.cpp", "b.cpp"));
    assert!(!beside("c.hpp", "b.cpp"), "it is compiled separately");
    assert!(!beside("c.hpp", "README.md"), "no source includes it");
}

/// The text of the driver's file with this name.
fn driver_file(driver: &str, signature: &Signature, name: &str) -> String {
    let sources = Driver::named(driver).unwrap().sources(signature, &BoxFiles::default());
    let found = sources.files.iter().find(|file| file.path.as_str() == name).unwrap();
    String::from_utf8(found.data.to_vec()).unwrap()
}

/// Otherwise, a submission could not define a type with such a name.
#[test]
fn node_types_are_defined_only_if_the_signature_uses_them() {
    for (parameter, is_list, is_tree) in
        [("list<int>", false, false), ("list<ListNode<int>>", true, false), ("TreeNode<string>", false, true)]
    {
        let signature = function(&[("value", parameter)], "int", None);
        for (driver, name, list, tree) in [
            ("cpp", "main.cc", "struct ListNode {", "struct TreeNode {"),
            ("go", "cupel_call.go", "type ListNode[", "type TreeNode["),
            ("typescript", "cupel.d.ts", "class ListNode<", "class TreeNode<"),
            ("c", "main.c", "struct ListNode_int {", "struct TreeNode_string {"),
        ] {
            let text = driver_file(driver, &signature, name);
            assert_eq!((text.contains(list), text.contains(tree)), (is_list, is_tree), "{driver}: {text}");
        }
        let java = Driver::named("java").unwrap().sources(&signature, &BoxFiles::default());
        let has = |name| paths(&java.files).contains(&name);
        assert_eq!((has("ListNode.java"), has("TreeNode.java")), (is_list, is_tree));
    }
    for (driver, name) in [("cpp", "cupel_driver.cc"), ("go", "cupel_driver.go")] {
        let text = driver_file(driver, &function(&[], "int", None), name);
        assert!(!text.contains("struct ListNode") && !text.contains("type ListNode"), "{driver}");
    }
}

/// In Go, the submission and the driver are in the same package, and an import forbids its name to the whole package.
#[test]
fn in_go_the_driver_declares_only_names_that_begin_with_cupel() {
    let take = method("take", &[("n", "int")], "int");
    let interface =
        Interface::Class { name: "Box".parse().unwrap(), constructor: take.parameters.clone(), methods: vec![take] };
    let class = Signature { interface, compare: CompareResult::Exact };
    let function = function(&[("to", "int"), ("nums", "list<int>")], "void", Some(1));
    let is_ours = |name: &str| name.starts_with("cupel") || name.starts_with("main()") || name.starts_with('(');
    for signature in [&class, &function] {
        let call = driver_file("go", signature, "cupel_call.go");
        for text in [driver_file("go", signature, "cupel_driver.go"), call.clone()] {
            let (head, body) = text.split_once("\n)\n").unwrap_or(("", &text));
            let imports = head.lines().filter(|line| line.starts_with('\t')).map(str::trim);
            let declared = body.lines().filter_map(|line| {
                ["func ", "type ", "var ", "const "].iter().find_map(|word| line.strip_prefix(word))
            });
            for name in imports.chain(declared) {
                assert!(is_ours(name), "{name}");
            }
        }
        // A local variable would hide a function of the submission.
        let locals = call.lines().filter_map(|line| line.trim().split_once(" := "));
        assert!(locals.map(|(name, _)| name.trim_start_matches("for ")).all(is_ours), "{call}");
    }
}

/// Source: The Go Programming Language Specification, section "Predeclared identifiers".
#[test]
fn in_go_a_function_cannot_hide_what_the_driver_uses() {
    let predeclared = "any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 int32 int64 \
        rune string uint uint8 uint16 uint32 uint64 uintptr true false iota nil append cap clear close complex copy \
        delete imag len make max min new panic print println real recover";
    let driver = driver_file("go", &function(&[], "int", None), "cupel_driver.go");
    let code: Vec<&str> = driver.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let words: Vec<&str> = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    for name in predeclared.split(' ').filter(|name| words.contains(name)) {
        let is_refused = name.parse::<Identifier>().map_or(true, |name| {
            let parameters = vec![Parameter { name: "n".parse().unwrap(), kind: Type::Int }];
            let function = MethodSignature { name, parameters, returns: Type::Int };
            Interface::Function { function, mutates: None }.impossible_name().is_some()
        });
        assert!(is_refused, "{name}");
    }
}

#[test]
fn in_c_a_function_that_the_library_declares_is_renamed() {
    let main = |called: &str| {
        let function = method(called, &[("unix", "int")], "int");
        let signature =
            Signature { interface: Interface::Function { function, mutates: None }, compare: CompareResult::Exact };
        driver_file("c", &signature, "main.c")
    };
    for name in ["abs", "pow", "read", "index", "isnan", "y1"] {
        let renamed = format!(
            "#include \"cupel_driver.c\"\n#undef linux\n#undef unix\n#undef {name}\n#define {name} cupel_user_{name}\n"
        );
        assert!(main(name).starts_with(&renamed), "{}", main(name));
    }
    assert!(!main("twice").contains("#define twice"));
}
