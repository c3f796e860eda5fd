//! Cupel's driver: reads the arguments, calls the submission, and writes the result to descriptor 3. The code that
//! depends on types is generated from the signature. Standard input: a line with the nonce, a line with the signature,
//! then the values. With the argument `--cupel-batch`: a line with the signature, then the tests, each of which arrives
//! after the answer to the previous one; see batch.rs.
#![allow(dead_code, non_snake_case, non_camel_case_types)]

mod call;
mod solution;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::io::FromRawFd;
use std::rc::Rc;

/// A node of a linked list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListNode<T> {
    pub val: T,
    pub next: Option<Box<ListNode<T>>>,
}

impl<T> ListNode<T> {
    pub fn new(val: T) -> Self {
        ListNode { val, next: None }
    }
}

/// A node of a binary tree.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeNode<T> {
    pub val: T,
    pub left: Tree<T>,
    pub right: Tree<T>,
}

impl<T> TreeNode<T> {
    pub fn new(val: T) -> Self {
        TreeNode { val, left: None, right: None }
    }
}

pub type Link<T> = Option<Box<ListNode<T>>>;
pub type Tree<T> = Option<Rc<RefCell<TreeNode<T>>>>;

const RESULT: &str = "/proc/self/fd/3";
const NODES_MAX: usize = 1_000_000;

pub(crate) struct Reader {
    data: Vec<u8>,
    at: usize,
}

impl Reader {
    fn line(&mut self) -> String {
        let begin = self.at;
        while self.data[self.at] != b'\n' {
            self.at += 1;
        }
        self.at += 1;
        String::from_utf8_lossy(&self.data[begin..self.at - 1]).into_owned()
    }

    fn word(&mut self) -> &str {
        while matches!(self.data[self.at], b' ' | b'\n') {
            self.at += 1;
        }
        let begin = self.at;
        while !matches!(self.data[self.at], b' ' | b'\n') {
            self.at += 1;
        }
        std::str::from_utf8(&self.data[begin..self.at]).unwrap()
    }

    pub(crate) fn int(&mut self) -> i64 {
        self.word().parse().unwrap()
    }

    pub(crate) fn int32(&mut self) -> i32 {
        self.word().parse().unwrap()
    }

    pub(crate) fn float(&mut self) -> f64 {
        self.word().parse().unwrap()
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.word() == "1"
    }

    pub(crate) fn string(&mut self) -> String {
        let length = self.int() as usize;
        let begin = self.at + 1;
        self.at = begin + length;
        String::from_utf8(self.data[begin..self.at].to_vec()).unwrap()
    }

    pub(crate) fn char(&mut self) -> char {
        self.string().chars().next().unwrap()
    }

    pub(crate) fn list<T>(&mut self, item: impl Fn(&mut Reader) -> T) -> Vec<T> {
        (0..self.int()).map(|_| item(self)).collect()
    }

    pub(crate) fn optional<T>(&mut self, item: impl Fn(&mut Reader) -> T) -> Option<T> {
        self.bool().then(|| item(self))
    }

    pub(crate) fn map<T>(&mut self, item: impl Fn(&mut Reader) -> T) -> HashMap<String, T> {
        (0..self.int()).map(|_| (self.string(), item(self))).collect()
    }

    pub(crate) fn list_node<T>(&mut self, item: impl Fn(&mut Reader) -> T) -> Link<T> {
        let mut first = None;
        for val in self.list(item).into_iter().rev() {
            first = Some(Box::new(ListNode { val, next: first }));
        }
        first
    }

    pub(crate) fn tree_node<T>(&mut self, item: impl Fn(&mut Reader) -> T) -> Tree<T> {
        let mut parents: Vec<Rc<RefCell<TreeNode<T>>>> = Vec::new();
        for place in 0..self.int() as usize {
            if !self.bool() {
                continue;
            }
            let node = Rc::new(RefCell::new(TreeNode::new(item(self))));
            if place > 0 {
                let mut parent = parents[(place - 1) / 2].borrow_mut();
                let side = if place % 2 == 1 { &mut parent.left } else { &mut parent.right };
                *side = Some(node.clone());
            }
            parents.push(node);
        }
        parents.into_iter().next()
    }
}

/// The result as lines of words, or the reason why it is not a value of the declared type.
pub(crate) struct Writer {
    out: Vec<u8>,
    wrong: Option<&'static str>,
}

impl Writer {
    fn word(&mut self, word: impl std::fmt::Display) {
        writeln!(self.out, "{}", word).unwrap();
    }

    pub(crate) fn int(&mut self, n: &i64) {
        self.word(n);
    }

    pub(crate) fn int32(&mut self, n: &i32) {
        self.word(n);
    }

    pub(crate) fn float(&mut self, x: &f64) {
        if x.is_nan() { self.word("nan") } else { self.word(format_args!("{:?}", x)) }
    }

    pub(crate) fn bool(&mut self, b: &bool) {
        self.word(*b as u8);
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.word(text.len());
        self.word(text);
    }

    pub(crate) fn char(&mut self, c: &char) {
        if !c.is_ascii() {
            self.wrong = Some("a char of the result is not ASCII");
        }
        self.string(c.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn list<T>(&mut self, items: &[T], item: impl Fn(&mut Writer, &T)) {
        self.word(items.len());
        items.iter().for_each(|each| item(self, each));
    }

    pub(crate) fn optional<T>(&mut self, value: &Option<T>, item: impl Fn(&mut Writer, &T)) {
        self.bool(&value.is_some());
        if let Some(value) = value {
            item(self, value);
        }
    }

    pub(crate) fn map<T>(&mut self, map: &HashMap<String, T>, item: impl Fn(&mut Writer, &T)) {
        self.word(map.len());
        for (key, value) in map {
            self.string(key);
            item(self, value);
        }
    }

    pub(crate) fn list_node<T>(&mut self, link: &Link<T>, item: impl Fn(&mut Writer, &T)) {
        let mut vals = Vec::new();
        let mut at = link;
        while let Some(node) = at {
            vals.push(&node.val);
            at = &node.next;
        }
        self.word(vals.len());
        vals.into_iter().for_each(|val| item(self, val));
    }

    pub(crate) fn tree_node<T>(&mut self, tree: &Tree<T>, item: impl Fn(&mut Writer, &T)) {
        let mut places: Vec<Tree<T>> = vec![tree.clone()];
        let (mut at, mut nodes) = (0, 0);
        while at < places.len() {
            if let Some(node) = places[at].clone() {
                nodes += 1;
                if nodes > NODES_MAX {
                    let all = || places.iter().flatten();
                    let distinct: HashSet<_> = all().map(|node| Rc::as_ptr(node)).collect();
                    self.wrong = Some(match distinct.len() < all().count() {
                        true => "the result has a cycle, or a node with two parents",
                        false => "a tree of the result is too large: more than 1000000 nodes",
                    });
                    return;
                }
                let node = node.borrow();
                places.push(node.left.clone());
                places.push(node.right.clone());
            }
            at += 1;
        }
        while matches!(places.last(), Some(None)) {
            places.pop();
        }
        self.word(places.len());
        for place in &places {
            self.bool(&place.is_some());
            if let Some(node) = place {
                item(self, &node.borrow().val);
            }
        }
    }
}

/// Calls the submission, and writes a frame. `ok` returns the status for values of this length.
fn answer(reader: &mut Reader, nonce: &str, ok: impl Fn(usize) -> String) {
    let mut writer = Writer { out: Vec::new(), wrong: None };
    call::call(reader, &mut writer);
    let (status, rest) = match writer.wrong {
        Some(why) => ("wrong".to_owned(), why.as_bytes()),
        None => (ok(writer.out.len()), &writer.out[..]),
    };
    let mut frame = format!("{} {}\n", nonce, status).into_bytes();
    frame.extend_from_slice(rest);
    send(&frame);
    if writer.wrong.is_some() {
        end();
    }
}

fn send(frame: &[u8]) {
    if let Ok(mut channel) = OpenOptions::new().write(true).open(RESULT) {
        let _ = channel.write_all(frame);
    }
}

fn end() -> ! {
    let _ = std::io::stdout().flush();
    std::process::exit(0);
}

/// Takes over standard input, which is empty for the submission from now on, as it is for a single test.
fn take_input() -> File {
    // Descriptor 0 is open, and only this function owns it.
    let first = unsafe { File::from_raw_fd(0) };
    let input = first.try_clone().unwrap();
    drop(first);
    // The lowest free descriptor is 0.
    std::mem::forget(File::open("/dev/null"));
    input
}

/// Receives more input. Returns whether there was any.
fn receive(reader: &mut Reader, input: &mut File) -> bool {
    let mut chunk = [0; 1 << 16];
    let length = input.read(&mut chunk).unwrap_or(0);
    reader.data.extend_from_slice(&chunk[..length]);
    length > 0
}

/// The next line of the input. Ends the process at the end of the input.
fn next_line(reader: &mut Reader, input: &mut File) -> String {
    while !reader.data[reader.at..].contains(&b'\n') {
        if !receive(reader, input) {
            end();
        }
    }
    reader.line()
}

/// Calls the submission for one test after another. The input contains at most one unanswered test.
fn batch() -> ! {
    let mut input = take_input();
    let mut reader = Reader { data: Vec::new(), at: 0 };
    next_line(&mut reader, &mut input);
    let mut is_first = true;
    loop {
        let header = next_line(&mut reader, &mut input);
        let mut words = header.split(' ');
        let nonce = words.next().unwrap();
        let length: usize = words.next().unwrap().parse().unwrap();
        while reader.data.len() - reader.at < length && receive(&mut reader, &mut input) {}
        if is_first {
            send(format!("{} ready\n", nonce).as_bytes());
        }
        is_first = false;
        answer(&mut reader, nonce, |length| format!("ok {}", length));
        reader.data.clear();
        reader.at = 0;
    }
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--cupel-batch") {
        batch();
    }
    let mut data = Vec::new();
    std::io::stdin().read_to_end(&mut data).unwrap();
    let mut reader = Reader { data, at: 0 };
    let nonce = reader.line();
    reader.line();
    answer(&mut reader, &nonce, |_| "ok".to_owned());
    end();
}
