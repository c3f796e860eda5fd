//! Failures of a function, and their reports.

use super::{check, doubles, package};
use crate::judge::Files;
use crate::support::{cupel_with_cache, end};

#[test]
fn a_missing_function_is_a_compile_error_that_names_it() {
    let files = doubles();
    for (name, source) in [
        ("a.py", "def thrice(n):\n    return []\n"),
        ("a.js", "function thrice(n) { return []; }\n"),
        ("a.ts", "function thrice(n: number): number[] { return []; }\n"),
        ("Solution.java", "class Solution { long[] thrice(long n) { return null; } }\n"),
        (
            "a.cpp",
            "#include <vector>\nclass Solution { public: std::vector<long long> thrice(long long n) { return {}; } };\n",
        ),
        ("b.cpp", "#include <vector>\nstd::vector<long long> thrice(long long n) { return {}; }\n"),
        ("a.c", "list_int thrice(long long n) { list_int none = {0}; return none; }\n"),
        ("a.go", "package main\n\nfunc thrice(n int) []int { return nil }\n"),
        ("a.rs", "pub fn thrice(n: i64) -> Vec<i64> { vec![] }\n"),
    ] {
        let object = check(&files, name, source, "CE", "twice");
        let message = object["message"].as_str().unwrap_or_default();
        assert!(message.contains("not found") && message.contains("expected:"), "{name}: {message}");
        assert_eq!(object["cases"], serde_json::json!([]), "{name}: a submission that does not compile has no results");
    }
}

#[test]
fn a_function_with_other_parameters_is_a_compile_error() {
    let files = doubles();
    // Messages of the driver are reported only for visible tests.
    files.write("p/tests/sample/1.in", "1\n");
    files.write("p/tests/sample/1.out", "[1, 2]\n");
    for (name, source, words) in [
        ("a.py", "def twice(n, m):\n    return []\n", "twice takes 2 parameters; it is called with 1"),
        ("b.py", "class Solution:\n    def twice(self):\n        return []\n", "twice takes 0 parameters"),
        ("a.js", "const twice = (n, m) => [];\n", "twice takes 2 parameters; it is called with 1"),
        ("a.ts", "function twice(n: number, m: number): number[] { return []; }\n", "twice takes 2 parameters"),
        (
            "Solution.java",
            "class Solution { long[] twice(int n) { return null; } }\n",
            "takes (int); it is called with (long)",
        ),
        ("a.cpp", "#include <vector>\nstd::vector<long long> twice() { return {}; }\n", "expected:"),
        ("a.c", "list_int twice(long long n, int m) { list_int none = {0}; return none; }\n", "conflicting types"),
        ("a.go", "package main\n\nfunc twice(n, m int) []int { return nil }\n", "expected:"),
        ("a.rs", "pub fn twice(n: i32) -> Vec<i64> { vec![] }\n", "expected:"),
    ] {
        check(&files, name, source, "CE", words);
    }
    // Every function that can be called with one argument is accepted.
    for (name, source) in [
        ("a.py", "def twice(n, times=2):\n    return [n, times * n]\n"),
        ("b.py", "def twice(*all):\n    return [all[0], 2 * all[0]]\n"),
        ("c.py", "class Solution:\n    def twice(self, n):\n        return (n, 2 * n)\n"),
        ("a.js", "exports.twice = (...all) => [all[0], 2n * BigInt(all[0])];\n"),
        ("b.js", "class Solution { twice(n, times = 2n) { return [n, times * BigInt(n)]; } }\n"),
        ("c.js", "module.exports = async function (n) { return [n, 2n * BigInt(n)]; };\n"),
        ("d.js", "function twice(n, seen) { seen = seen || new Map(); return [n, 2n * BigInt(n)]; }\n"),
        ("e.js", "const twice = (n, times) => [n, (times === undefined ? 2n : times) * BigInt(n)];\n"),
        (
            "b.ts",
            "function twice(n: number, seen?: Map<number, number>): unknown[] { seen ??= new Map(); return [n, 2n * BigInt(n)]; }\n",
        ),
        ("a.ts", "class Solution { twice(n: number) { return [n, 2n * BigInt(n)]; } }\nexport = Solution;\n"),
        (
            "a.cpp",
            "class Solution { public: std::vector<long long> twice(long long n) const { return {n, 2 * n}; } };\n",
        ),
    ] {
        check(&files, name, source, "AC", "");
    }
}

#[test]
fn an_exception_is_a_runtime_error_with_the_trace_of_the_submission_only() {
    let files = doubles();
    for (name, source, theirs) in [
        (
            "a.py",
            "def inner(n):\n    raise ValueError('boom')\n\ndef twice(n):\n    return inner(n)\n",
            "line 2, in inner",
        ),
        (
            "a.js",
            "function inner() {\n  throw new Error('boom');\n}\nfunction twice(n) { return inner(); }\n",
            "solution.js:2",
        ),
        ("a.ts", "function twice(n: number): number[] {\n  throw new Error('boom');\n}\n", "solution.ts:2"),
        (
            "b.ts",
            "interface P {\n  a: number;\n}\n\nfunction twice(n: number): number[] {\n  throw new Error('boom');\n}\n",
            "solution.ts:6",
        ),
        (
            "Solution.java",
            "class Solution {\n    long[] twice(long n) {\n        throw new IllegalStateException(\"boom\");\n    }\n}\n",
            "Solution.java:3",
        ),
        (
            "a.cpp",
            "#include <stdexcept>\nstd::vector<long long> twice(long long n) { throw std::runtime_error(\"boom\"); }\n",
            "boom",
        ),
        ("a.go", "package main\n\nfunc twice(n int) []int {\n\tpanic(\"boom\")\n}\n", "solution.go:4"),
        (
            "b.go",
            "package main\n\nfunc twice(n int) []int {\n\tvar none []int\n\treturn none[:n] // boom\n}\n",
            "solution.go:5",
        ),
        ("a.rs", "pub fn twice(n: i64) -> Vec<i64> {\n    panic!(\"boom\")\n}\n", "solution.rs:2"),
    ] {
        let object = check(&files, name, source, "RTE", "");
        let trace = object["cases"][0]["stderr"].as_str().unwrap();
        assert!(trace.contains(theirs), "{name}: {trace}");
        if let Some((_, line)) = theirs.split_once("solution.ts:") {
            let message = object["cases"][0]["judge_message"].as_str().unwrap_or_default();
            assert!(message.contains(&format!("(line {line})")), "{name}: {message}");
        }
        for ours in ["main.py", "main.js", "main.ts", "CupelDriver", "cupel_", "jdk.internal", "node:internal"] {
            assert!(!trace.contains(ours), "{name}: {ours} in {trace}");
        }
    }
    check(&files, "a.c", "#include <stdlib.h>\nlist_int twice(long long n) { abort(); }\n", "RTE", "");
    check(&files, "b.py", "def twice(n)\n    return []\n", "CE", "SyntaxError");
}

/// Debian 12, and so the image of a worker, has Node.js 18.
#[test]
fn the_driver_calls_no_function_that_is_newer_than_node_js_18() {
    let files = package(
        "name = \"f\"\nparameters = [{ name = \"words\", type = \"list<string>\" }]\nreturns = \"map<string,char>\"",
        &[("[\"é\"]\n", "{\"é\":\"x\"}\n")],
    );
    // The release notes of Node.js 20 and 22 name these.
    let without_newer = "for (const [place, newer] of [[String.prototype, ['isWellFormed', 'toWellFormed']],\n\
        [Array.prototype, ['toReversed', 'toSorted', 'toSpliced', 'with']], [Array, ['fromAsync']],\n\
        [Object, ['groupBy']], [Map, ['groupBy']], [Promise, ['withResolvers', 'try']]] as any[])\n\
        for (const name of newer) delete place[name];\n";
    for (name, source) in [
        ("a.js", without_newer.replace(" as any[]", "") + "const f = (words) => ({ [words[0]]: 'x' });\n"),
        ("a.ts", without_newer.to_owned() + "const f = (words: string[]) => ({ [words[0]]: 'x' });\n"),
    ] {
        check(&files, name, &source, "AC", "");
    }
}

#[test]
fn a_method_may_be_a_field_of_the_object() {
    let files = package(
        "class = \"Lockers\"\nconstructor = [{ name = \"count\", type = \"int32\" }]\nmethods = [{ name = \"take\", returns = \"int32\" }]",
        &[("[\"Lockers\",\"take\",\"take\"]\n[[5],[],[]]\n", "[null,4,3]\n")],
    );
    for (name, source) in [
        ("a.js", "class Lockers {\n  constructor(count) { this.count = count; }\n  take = () => --this.count;\n}\n"),
        (
            "b.js",
            "function Lockers(count) {\n  this.count = count;\n  this.take = function () { return --this.count; };\n}\n",
        ),
        ("a.ts", "class Lockers {\n  constructor(private count: number) {}\n  take = (): number => --this.count;\n}\n"),
    ] {
        check(&files, name, source, "AC", "");
    }
    for (name, source, words) in [
        ("c.js", "class Lockers {\n  give = () => 1;\n}\n", "method take of class Lockers not found"),
        ("d.js", "class Lockers {\n  take = 1;\n}\n", "method take of class Lockers not found"),
    ] {
        let object = check(&files, name, source, "CE", "");
        let message = object["message"].as_str().unwrap();
        assert!(message.contains(words) || message.contains("Lockers not found"), "{name}: {message}");
    }
}

#[test]
fn a_submission_in_c_or_cpp_may_have_several_sources() {
    let files = doubles();
    let judged = |name: &str, sources: &[(&str, &str)]| {
        let language = name.trim_end_matches("-part");
        let dir = files.path(&format!("several/{name}"));
        for (path, source) in sources {
            files.write(&format!("several/{name}/{path}"), source);
        }
        let judge = ["judge", &files.path("p"), "--submission", &dir, "--language", language, "--json", "--all-cases"];
        let ended = end(cupel_with_cache(judge), b"");
        serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
    };
    let c = [
        (
            "a.c",
            "#include <stdlib.h>\n#include \"util.h\"\nlist_int twice(long long n) {\n    list_int two = {malloc(16), 2};\n    \
             two.items[0] = n;\n    two.items[1] = helper(n);\n    return two;\n}\n",
        ),
        ("util.h", "long long helper(long long n);\n"),
        ("util.c", "#include \"util.h\"\nlong long helper(long long n) { return 2 * n; }\n"),
    ];
    let cpp = [
        (
            "a.cpp",
            "#include <vector>\n#include \"util.hpp\"\nstd::vector<long long> twice(long long n) { return {n, helper(n)}; }\n",
        ),
        ("util.hpp", "long long helper(long long n);\n"),
        ("util.cc", "#include \"util.hpp\"\nlong long helper(long long n) { return 2 * n; }\n"),
    ];
    let newer = cpp.map(|(path, source)| (path.replace(".cc", ".cpp"), source));
    let newer = newer.each_ref().map(|(path, source)| (path.as_str(), *source));
    for (language, sources) in [("c", c), ("cpp", cpp), ("cpp20", newer)] {
        let whole = judged(language, &sources);
        assert_eq!(whole["verdict"], "AC", "{language}: {whole:#}");
        let part = judged(&format!("{language}-part"), &sources[..2]);
        let output = part["compile"]["output"].as_str().unwrap_or_default();
        assert_eq!(part["verdict"], "CE", "{language}: {part:#}");
        assert!(output.contains("helper"), "{language}: {output}");
        let message = part["message"].as_str().unwrap_or_default();
        assert!(!message.contains("twice"), "{language}: the function is there: {message}");
    }
}

#[test]
fn in_cpp_a_class_solution_is_called_only_if_it_defines_the_function() {
    let files = doubles();
    for (name, source) in [
        (
            "a.cpp",
            "#include <vector>\n// No class Solution { twice } needed here.\nstd::vector<long long> twice(long long n) { return {n, 2 * n}; }\n",
        ),
        (
            "b.cpp",
            "#include <vector>\nstruct Solution { long long n; };\nstd::vector<long long> twice(long long n) {\n    Solution one{n};\n    return {one.n, 2 * one.n};\n}\n",
        ),
        (
            "c.cpp",
            "#include <vector>\nstruct Base { std::vector<long long> twice(long long n) { return {n, 2 * n}; } };\nstruct Solution : Base {};\n",
        ),
    ] {
        check(&files, name, source, "AC", "");
    }
}

#[test]
fn a_result_of_another_type_is_a_wrong_answer_with_that_message() {
    let files = doubles();
    for (name, source, words) in [
        ("a.py", "def twice(n):\n    return 'text'\n", "expected list<int>, got string"),
        ("b.py", "def twice(n):\n    pass\n", "expected list<int>, got nothing"),
        ("c.py", "def twice(n):\n    return [n, 'x']\n", "expected list<int>, got string where int stands"),
        ("d.py", "def twice(n):\n    return [n, 2.0 * n]\n", "got float where int stands"),
        ("e.py", "def twice(n):\n    return [n, True]\n", "got bool where int stands"),
        ("f.py", "def twice(n):\n    return [n, 1 << 70]\n", "does not fit into int"),
        ("a.js", "function twice(n) { return 'text'; }\n", "expected list<int>, got string"),
        ("b.js", "function twice(n) { return [n, 1.5]; }\n", "got float where int stands"),
        ("c.js", "function twice(n) { return [n, 2n ** 63n]; }\n", "does not fit into int"),
        ("d.js", "function twice(n) { return { n }; }\n", "expected list<int>, got Object"),
        ("a.ts", "function twice(n: number): any { return new Map(); }\n", "expected list<int>, got map"),
        (
            "Solution.java",
            "class Solution { Object twice(long n) { return \"text\"; } }\n",
            "expected list<int>, got string",
        ),
    ] {
        check(&files, name, source, "WA", words);
    }
    let text = package("name = \"f\"\nparameters = []\nreturns = \"string\"", &[("", "\"\"\n")]);
    for (name, source) in [
        ("a.py", "def f():\n    return '\\ud800'\n"),
        ("a.js", "const f = () => '\\ud800';\n"),
        ("Solution.java", "class Solution { String f() { return \"\\ud800\"; } }\n"),
    ] {
        check(&text, name, source, "WA", "half of a surrogate pair");
    }
    for (name, source) in [
        ("a.cpp", "#include <string>\nstd::string f() { return \"\\xc3\"; }\n"),
        ("a.c", "char *f(void) { return \"\\xed\\xa0\\x80\"; }\n"),
        ("a.go", "package main\n\nfunc f() string { return \"\\xff\" }\n"),
    ] {
        check(&text, name, source, "WA", "not UTF-8");
    }
}

#[test]
fn a_cyclic_result_is_a_wrong_answer_with_that_message() {
    let ring = |kind: &str| {
        package(
            &format!("name = \"ring\"\nparameters = [{{ name = \"n\", type = \"int\" }}]\nreturns = \"{kind}\""),
            &[("1\n", "[1]\n")],
        )
    };
    let words = "the result has a cycle";
    let lists = ring("ListNode<int>");
    for (name, source) in [
        ("a.py", "def ring(n):\n    node = ListNode(n)\n    node.next = node\n    return node\n"),
        ("a.js", "function ring(n) { const node = new ListNode(n); node.next = node; return node; }\n"),
        (
            "a.ts",
            "function ring(n: number): ListNode { const node = new ListNode(n); node.next = node; return node; }\n",
        ),
        (
            "Solution.java",
            "class Solution { ListNode<Long> ring(long n) { var node = new ListNode<Long>(n); node.next = node; return node; } }\n",
        ),
        (
            "a.cpp",
            "ListNode<long long> *ring(long long n) { auto *node = new ListNode<long long>(n); node->next = node; return node; }\n",
        ),
        (
            "a.c",
            "ListNode_int *ring(long long n) { static ListNode_int node; node.val = n; node.next = &node; return &node; }\n",
        ),
        (
            "a.go",
            "package main\n\nfunc ring(n int) *ListNode[int] {\n\tnode := &ListNode[int]{Val: n}\n\tnode.Next = node\n\treturn node\n}\n",
        ),
    ] {
        check(&lists, name, source, "WA", words);
    }
    let trees = ring("TreeNode<int>");
    for (name, source) in [
        ("a.py", "def ring(n):\n    node = TreeNode(n)\n    node.left = node.right = node\n    return node\n"),
        ("a.js", "function ring(n) { const node = new TreeNode(n); node.left = node; return node; }\n"),
        (
            "Solution.java",
            "class Solution { TreeNode<Long> ring(long n) { var node = new TreeNode<Long>(n); node.right = node; return node; } }\n",
        ),
        (
            "a.cpp",
            "TreeNode<long long> *ring(long long n) { auto *node = new TreeNode<long long>(n); node->left = node; return node; }\n",
        ),
        ("a.c", "TreeNode_int *ring(long long n) { static TreeNode_int node; node.left = &node; return &node; }\n"),
        (
            "a.go",
            "package main\n\nfunc ring(n int) *TreeNode[int] {\n\tnode := &TreeNode[int]{Val: n}\n\tnode.Right = node\n\treturn node\n}\n",
        ),
        (
            "a.rs",
            "use crate::TreeNode;\nuse std::{cell::RefCell, rc::Rc};\n\npub fn ring(n: i64) -> Option<Rc<RefCell<TreeNode<i64>>>> {\n    let node = Rc::new(RefCell::new(TreeNode::new(n)));\n    node.borrow_mut().left = Some(node.clone());\n    Some(node)\n}\n",
        ),
    ] {
        check(&trees, name, source, "WA", words);
    }
}

/// A function `made`, which is called for these numbers of nodes. Each test expects one node.
fn made_of_nodes(kind: &str, counts: &[&str]) -> Files {
    let function = format!("name = \"made\"\nparameters = [{{ name = \"n\", type = \"int\" }}]\nreturns = \"{kind}\"");
    package(&function, &counts.iter().map(|count| (*count, "[-1]\n")).collect::<Vec<_>>())
}

#[test]
fn a_list_with_more_than_a_million_nodes_is_too_long_and_has_no_cycle() {
    let files = made_of_nodes("ListNode<int>", &["1000001\n", "1000000\n"]);
    for (name, source) in [
        (
            "a.py",
            "def made(n):\n    node = None\n    for i in range(n):\n        node = ListNode(i, node)\n    return node\n",
        ),
        (
            "a.js",
            "function made(n) {\n  let node = null;\n  for (let i = 0; i < n; i++) node = new ListNode(i, node);\n  return node;\n}\n",
        ),
        (
            "Solution.java",
            "class Solution { ListNode<Long> made(long n) {\n    ListNode<Long> node = null;\n    while (n-- > 0) node = new ListNode<>(n, node);\n    return node;\n} }\n",
        ),
        (
            "a.cpp",
            "ListNode<long long> *made(long long n) {\n    ListNode<long long> *node = nullptr;\n    while (n-- > 0) node = new ListNode<long long>(n, node);\n    return node;\n}\n",
        ),
        (
            "a.c",
            "#include <stdlib.h>\nListNode_int *made(long long n) {\n    ListNode_int *node = NULL;\n    while (n-- > 0) {\n        ListNode_int *next = node;\n        node = malloc(sizeof *node);\n        node->val = n;\n        node->next = next;\n    }\n    return node;\n}\n",
        ),
        (
            "a.go",
            "package main\n\nfunc made(n int) *ListNode[int] {\n\tvar node *ListNode[int]\n\tfor ; n > 0; n-- {\n\t\tnode = &ListNode[int]{n, node}\n\t}\n\treturn node\n}\n",
        ),
    ] {
        let object = check(&files, name, source, "WA", "a list of the result is too long: more than 1000000 nodes");
        let allowed = object["cases"][1]["judge_message"].as_str().unwrap();
        assert!(allowed.starts_with("at [0]: expected -1, got "), "{name}: {allowed}");
    }
}

#[test]
fn a_tree_with_more_than_a_million_nodes_is_too_large_and_has_no_cycle() {
    let files = made_of_nodes("TreeNode<int>", &["1000001\n"]);
    for (name, source) in [
        (
            "a.py",
            "def made(n):\n    all = [TreeNode(0) for i in range(n)]\n    for i in range(1, n):\n        setattr(all[(i - 1) // 2], 'left' if i % 2 else 'right', all[i])\n    return all[0]\n",
        ),
        (
            "a.js",
            "function made(n) {\n  const all = Array.from({ length: n }, () => new TreeNode(0));\n  for (let i = 1; i < n; i++) all[(i - 1) >> 1][i % 2 ? 'left' : 'right'] = all[i];\n  return all[0];\n}\n",
        ),
        (
            "Solution.java",
            "class Solution { TreeNode<Long> made(long n) {\n    java.util.List<TreeNode<Long>> all = new java.util.ArrayList<>();\n    for (int i = 0; i < n; i++) {\n        all.add(new TreeNode<>(0L));\n        if (i % 2 == 1) all.get((i - 1) / 2).left = all.get(i);\n        else if (i > 0) all.get((i - 1) / 2).right = all.get(i);\n    }\n    return all.get(0);\n} }\n",
        ),
        (
            "a.cpp",
            "TreeNode<long long> *made(long long n) {\n    auto *all = new TreeNode<long long>[n];\n    for (long long i = 1; i < n; i++) (i % 2 ? all[(i - 1) / 2].left : all[(i - 1) / 2].right) = &all[i];\n    return all;\n}\n",
        ),
        (
            "a.c",
            "#include <stdlib.h>\nTreeNode_int *made(long long n) {\n    TreeNode_int *all = calloc(n, sizeof *all);\n    for (long long i = 1; i < n; i++) *(i % 2 ? &all[(i - 1) / 2].left : &all[(i - 1) / 2].right) = &all[i];\n    return all;\n}\n",
        ),
        (
            "a.go",
            "package main\n\nfunc made(n int) *TreeNode[int] {\n\tall := make([]TreeNode[int], n)\n\tfor i := 1; i < n; i++ {\n\t\tif i%2 == 1 {\n\t\t\tall[(i-1)/2].Left = &all[i]\n\t\t} else {\n\t\t\tall[(i-1)/2].Right = &all[i]\n\t\t}\n\t}\n\treturn &all[0]\n}\n",
        ),
        (
            "a.rs",
            "use crate::TreeNode;\nuse std::{cell::RefCell, rc::Rc};\n\npub fn made(n: i64) -> Option<Rc<RefCell<TreeNode<i64>>>> {\n    let all: Vec<_> = (0..n).map(|_| Rc::new(RefCell::new(TreeNode::new(0)))).collect();\n    for i in 1..all.len() {\n        let mut parent = all[(i - 1) / 2].borrow_mut();\n        let side = if i % 2 == 1 { Some(all[i].clone()) } else { None };\n        if side.is_some() { parent.left = side } else { parent.right = Some(all[i].clone()) }\n    }\n    Some(all[0].clone())\n}\n",
        ),
    ] {
        check(&files, name, source, "WA", "a tree of the result is too large: more than 1000000 nodes");
    }
    let shared = "def made(n):\n    node = TreeNode(n)\n    for _ in range(30):\n        node = TreeNode(n, node, node)\n    return node\n";
    check(&files, "b.py", shared, "WA", "the result has a cycle, or a node with two parents");
}

#[test]
fn a_malformed_result_is_a_wrong_answer_with_the_reason() {
    let returns = |kind: &str, answer: &str| package(&format!("name = \"f\"\nreturns = \"{kind}\""), &[("", answer)]);
    let chars = returns("char", "\"a\"\n");
    let not_ascii = "a char of the result is not ASCII";
    for (name, source) in [
        ("a.rs", "pub fn f() -> char { 'é' }\n"),
        ("a.c", "char f(void) { return (char)0xe9; }\n"),
        ("a.cpp", "char f() { return char(0xe9); }\n"),
        ("a.go", "package main\n\nfunc f() byte { return 0xe9 }\n"),
    ] {
        check(&chars, name, source, "WA", not_ascii);
    }
    check(&chars, "b.c", "char f(void) { return 0; }\n", "WA", "expected \"a\", got \"\\u0000\"");
    let twice = "#include <stdlib.h>\nmap_int f(void) {\n    map_int map = {malloc(16), calloc(2, 8), 2};\n    map.keys[0] = map.keys[1] = \"a\";\n    return map;\n}\n";
    check(&returns("map<string,int>", "{\"a\":0}\n"), "a.c", twice, "WA", "a map of the result has the same key twice");
    let lists = returns("ListNode<int>", "[1]\n");
    for (name, source, words) in [
        ("a.py", "def f():\n    return ListNode(1, 5)\n", "expected ListNode<int>, got int without `val` where a node"),
        (
            "b.py",
            "class Node:\n    val = 1\n\ndef f():\n    return ListNode(1, Node())\n",
            "got Node without `next` where a node stands",
        ),
        (
            "a.js",
            "const f = () => new ListNode(1, 5);\n",
            "expected ListNode<int>, got int without `next` where a node",
        ),
    ] {
        check(&lists, name, source, "WA", words);
    }
    let trees = returns("TreeNode<int>", "[1]\n");
    for (name, source) in
        [("a.py", "def f():\n    return TreeNode(1, [2])\n"), ("a.js", "const f = () => new TreeNode(1, [2]);\n")]
    {
        let object = check(&trees, name, source, "WA", "expected TreeNode<int>, got list without `");
        assert!(object["cases"][0]["judge_message"].as_str().unwrap().ends_with("where a node stands"), "{object:#}");
    }
    check(&returns("list<float>", "[1]\n"), "a.js", "const f = () => [1n];\n", "WA", "a BigInt where float stands");
    check(
        &returns("list<int>", "[]\n"),
        "a.js",
        "const f = () => new DataView(new ArrayBuffer(8));\n",
        "WA",
        "got DataView",
    );
    let large = "class Solution { Object f() { return java.math.BigInteger.ONE; } }\n";
    check(&returns("int", "1\n"), "Solution.java", large, "WA", "expected int, got BigInteger");
}

#[test]
fn limits_apply_to_functions_as_to_programs() {
    let files = package("name = \"f\"\nparameters = []\nreturns = \"list<string>\"", &[("", "[]\n")]);
    // A busy machine may need much longer to grant the CPU time.
    let limit_time = |limits: &str| {
        let others = "memory_mib = 128\noutput_mib = 1\n\n[function]\nname = \"f\"\nreturns = \"list<string>\"";
        files.write("p/problem.toml", &format!("title = \"F\"\n\n[limits]\n{limits}\n{others}\n"));
    };
    limit_time("time = 1.0\nwall_time = 120.0");
    check(&files, "t.py", "def f():\n    while True: pass\n", "TLE", "");
    limit_time("time = 60.0");
    check(
        &files,
        "m.c",
        "#include <stdlib.h>\n#include <string.h>\nlist_string f(void) { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }\n",
        "MLE",
        "",
    );
    check(&files, "o.py", "def f():\n    while True: print('x' * 1000)\n", "OLE", "");
    // The result also counts as output.
    check(&files, "r.py", "def f():\n    return ['x' * 100000] * 11\n", "OLE", "");
}
