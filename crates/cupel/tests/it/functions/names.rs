//! Names that a submission may use although the driver, its language or the C library uses them too.

use super::{check, doubles, package};
use crate::judge::Files;

/// A function problem with one test: a function `name` that adds 1.
fn next_number(name: &str) -> Files {
    let function = format!("name = \"{name}\"\nparameters = [{{ name = \"n\", type = \"int\" }}]\nreturns = \"int\"");
    package(&function, &[("41\n", "42\n"), ("1\n", "2\n"), ("2\n", "3\n")])
}

#[test]
fn a_submission_may_define_node_types_that_the_signature_does_not_use() {
    let files = doubles();
    for (name, source) in [
        (
            "a.py",
            "class ListNode:\n    pass\nclass TreeNode:\n    pass\ndef twice(n):\n    ListNode(), TreeNode()\n    return [n, 2 * n]\n",
        ),
        (
            "a.js",
            "class ListNode {}\nclass TreeNode {}\nfunction twice(n) { new ListNode(), new TreeNode(); return [n, 2n * BigInt(n)]; }\n",
        ),
        (
            "a.ts",
            "class ListNode { low = 0; }\nclass TreeNode { high = 0; }\nfunction twice(n: number): (number | bigint)[] { new ListNode().low = new TreeNode().high; return [n, 2n * BigInt(n)]; }\n",
        ),
        (
            "Solution.java",
            "class ListNode { long low; }\nclass TreeNode { long high; }\nclass Solution { long[] twice(long n) { new ListNode().low = new TreeNode().high; return new long[] {n, 2 * n}; } }\n",
        ),
        (
            "a.cpp",
            "#include <vector>\nstruct ListNode { int key; ListNode *before; };\nstruct TreeNode { long long sum; };\nclass Solution { public: std::vector<long long> twice(long long n) { ListNode node{1, nullptr}; TreeNode root{n}; return {n, root.sum * 2 * node.key}; } };\n",
        ),
        (
            "a.c",
            "#include <stdlib.h>\ntypedef struct { int key; } ListNode;\ntypedef struct { long long sum; } TreeNode;\nlist_int twice(long long n) {\n    ListNode node = {2};\n    TreeNode root = {n};\n    list_int two = {malloc(16), 2};\n    two.items[0] = n;\n    two.items[1] = root.sum * node.key;\n    return two;\n}\n",
        ),
        (
            "a.go",
            "package main\n\ntype ListNode struct{ key int }\n\ntype TreeNode struct{ sum int }\n\nfunc twice(n int) []int {\n\tnode, root := ListNode{2}, TreeNode{n}\n\treturn []int{n, root.sum * node.key}\n}\n",
        ),
        (
            "a.rs",
            "struct ListNode { key: i64 }\nstruct TreeNode { sum: i64 }\npub fn twice(n: i64) -> Vec<i64> {\n    let (node, root) = (ListNode { key: 2 }, TreeNode { sum: n });\n    vec![n, root.sum * node.key]\n}\n",
        ),
    ] {
        check(&files, name, source, "AC", "");
    }
}

#[test]
fn a_submission_may_use_the_names_that_the_driver_uses() {
    let files = doubles();
    for (name, source) in [
        (
            "a.go",
            "package main\n\ntype io struct{ fmt, os int }\n\nvar math, reflect, runtime, syscall, utf8 = 1, 2, 3, 4, 5\n\nfunc sort(bytes []int) []int { return bytes }\n\nfunc in(to int) int { return 2 * to }\n\nfunc to(in int) int { return in }\n\nfunc strings() {}\n\nfunc strconv() {}\n\nfunc max(a, b int) int { return a + b }\n\nfunc a0(n int) []int { return sort([]int{to(n), in(n)}) }\n\nfunc twice(n int) []int { return a0(n) }\n",
        ),
        (
            // Its own imports, with other and with the same aliases.
            "b.go",
            "package main\n\nimport (\n\t\"bytes\"\n\t\"fmt\"\n\tm \"math\"\n\t\"sort\"\n\tstrings \"strconv\"\n)\n\nfunc twice(n int) []int {\n\tvar text bytes.Buffer\n\tfmt.Fprint(&text, strings.Itoa(int(m.Max(1, 2))))\n\tvalues := []int{2 * n, n}\n\tsort.Ints(values)\n\treturn values\n}\n",
        ),
        (
            "Solution.java",
            "class Error { }\nclass Number { }\nclass Runtime { }\nclass Node { }\nclass Reader { }\nclass Kind { }\nclass List { }\nclass Solution { long[] twice(long n) { new Error(); new Number(); new List(); return new long[] {n, 2 * n}; } }\n",
        ),
        (
            "a.cpp",
            "#include <vector>\nstruct Reader { int n; };\nstruct Writer { int n; };\ntemplate <class T> struct Codec { T n; };\nvoid batch() {}\nstd::vector<long long> twice(long long n) { batch(); return {n, Codec<int>{2}.n * n}; }\n",
        ),
    ] {
        check(&files, name, source, "AC", "");
    }
}

#[test]
fn in_go_the_function_may_have_a_name_that_the_driver_once_used_for_a_variable() {
    for name in ["to", "made", "a0", "left", "result", "fmt", "max"] {
        let source = format!("package main\n\nfunc {name}(n int) int {{ return n + 1 }}\n");
        check(&next_number(name), "a.go", &source, "AC", "");
    }
}

/// Every object in JavaScript has such functions, and others are global.
#[test]
fn in_javascript_a_function_may_have_the_name_of_a_built_in_one() {
    for name in ["toString", "constructor", "apply", "parseInt", "require"] {
        let files = next_number(name);
        check(&files, "a.js", &format!("function {name}(n) {{ return n + 1; }}\n"), "AC", "");
        check(&files, "b.js", &format!("exports.{name} = (n) => n + 1;\n"), "AC", "");
        check(&files, "c.js", "module.exports = (n) => n + 1;\n", "AC", "");
        check(&files, "d.js", "function other(n) { return n + 1; }\n", "CE", "not found");
        check(&files, "e.js", "class Solution { other(n) { return n + 1; } }\n", "CE", "not found");
        if name != "constructor" {
            let body = format!("class Solution {{ {name}(n) {{ return n + 1; }} }}\n");
            check(&files, "f.js", &body, "AC", "");
            check(&files, "g.js", &format!("{body}module.exports = new Solution();\n"), "AC", "");
        }
    }
}

#[test]
fn in_javascript_a_class_may_have_the_name_of_a_built_in_one() {
    let function = "class = \"Map\"\nmethods = [{ name = \"toString\", parameters = [{ name = \"n\", type = \"int\" }], returns = \"int\" }]";
    let files = package(function, &[("[\"Map\",\"toString\"]\n[[],[41]]\n", "[null,42]\n")]);
    check(&files, "a.js", "class Map { toString(n) { return n + 1; } }\n", "AC", "");
    check(&files, "b.js", "class Other { toString(n) { return n + 1; } }\n", "CE", "not found");
    check(&files, "c.js", "class Map { other(n) { return n + 1; } }\n", "CE", "not found");
}

/// `unix` and `linux` are macros of GCC.
#[test]
fn in_c_and_cpp_a_function_may_have_a_name_of_the_library_or_a_macro() {
    for name in ["abs", "read", "write", "index", "round", "strlen", "isnan", "y1", "dup", "linux"] {
        let source = format!(
            "#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n\
             long long {name}(long long n) {{ return n == 0 ? 1 : n == 41 ? {name}(n - 41) + 41 : n + 1; }}\n"
        );
        check(&next_number(name), "a.c", &source, "AC", "");
    }
    let source = "class Solution { public: long long linux(long long n) { return n + 1; } };\n";
    check(&next_number("linux"), "a.cpp", source, "AC", "");
    // The declaration in the library equals that of the submission, whose function is called nevertheless.
    let function = "name = \"abs\"\nparameters = [{ name = \"unix\", type = \"int32\" }]\nreturns = \"int32\"";
    let files = package(function, &[("-5\n", "-4\n")]);
    check(&files, "a.c", "#include <stdlib.h>\nint abs(int unix) { return unix + 1; }\n", "AC", "");
    check(&files, "a.cpp", "class Solution { public: int abs(int unix) { return unix + 1; } };\n", "AC", "");
    check(&files, "b.c", "#include <stdlib.h>\nint other(int n) { return n + 1; }\n", "CE", "abs not found");
    // The driver itself calls `free`.
    let parameters = "[{ name = \"list\", type = \"ListNode<int>\" }, { name = \"tree\", type = \"TreeNode<int>\" }]";
    let function = format!("name = \"free\"\nparameters = {parameters}\nreturns = \"ListNode<int>\"");
    let files = package(&function, &[("[1,2]\n[1]\n", "[2]\n")]);
    let source =
        "ListNode_int *free(ListNode_int *list, TreeNode_int *tree) { return tree->left ? NULL : list->next; }\n";
    check(&files, "c.c", source, "AC", "");
}

#[test]
fn a_second_definition_of_a_node_type_that_the_signature_uses_is_named_as_the_fault() {
    let function =
        "name = \"next\"\nparameters = [{ name = \"head\", type = \"ListNode<int>\" }]\nreturns = \"ListNode<int>\"";
    let files = package(function, &[("[1,2]\n", "[2]\n")]);
    for (name, node, source) in [
        (
            "a.cpp",
            "ListNode",
            "struct ListNode { long long val; ListNode *next; };\nListNode *next(ListNode *head) { return head->next; }\n",
        ),
        (
            "b.cpp",
            "ListNode",
            "template <class T> struct ListNode { T val; ListNode *next; };\nListNode<long long> *next(ListNode<long long> *head) { return head->next; }\n",
        ),
        (
            "a.c",
            "ListNode_int",
            "typedef struct ListNode_int { long long val; struct ListNode_int *next; } ListNode_int;\nListNode_int *next(ListNode_int *head) { return head->next; }\n",
        ),
        (
            "a.go",
            "ListNode",
            "package main\n\ntype ListNode struct {\n\tVal int\n\tNext *ListNode\n}\n\nfunc next(head *ListNode) *ListNode { return head.Next }\n",
        ),
        (
            "Solution.java",
            "ListNode",
            "class ListNode { long val; ListNode next; }\nclass Solution { ListNode next(ListNode head) { return head.next; } }\n",
        ),
        (
            "a.rs",
            "ListNode",
            "pub struct ListNode { pub val: i64, pub next: Option<Box<ListNode>> }\npub fn next(head: Option<Box<ListNode>>) -> Option<Box<ListNode>> { head?.next }\n",
        ),
        (
            "a.ts",
            "ListNode",
            "class ListNode { val = 0; next: ListNode | null = null; }\nfunction next(head: ListNode): ListNode | null { return head.next; }\n",
        ),
    ] {
        let object =
            check(&files, name, source, "CE", &format!("the submission defines {node}, which the driver also"));
        assert!(!object["message"].as_str().unwrap().contains("not found"), "{name}: {object:#}");
    }
    // In Java, a class inside another one is another type, and the method then has other parameters.
    let inner = "class Solution {\n    static class ListNode { long val; ListNode next; }\n    ListNode next(ListNode head) { return head.next; }\n}\n";
    check(&files, "Solution.java", inner, "CE", "the driver defines ListNode; a submission must not define another");
    files.write("p/tests/sample/1.in", "[1,2]\n");
    files.write("p/tests/sample/1.out", "[2]\n");
    check(&files, "Solution.java", inner, "CE", "takes (Solution.ListNode); it is called with (ListNode)");
    // These languages do not look at the type of a node.
    for (name, source) in [
        ("a.py", "class ListNode:\n    pass\n\ndef next(head):\n    return head.next\n"),
        ("a.js", "class ListNode {}\nfunction next(head) { return head.next; }\n"),
    ] {
        check(&files, name, source, "AC", "");
    }
}
