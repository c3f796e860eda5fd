use crate::TreeNode;
use std::cell::RefCell;
use std::rc::Rc;

type Tree = Option<Rc<RefCell<TreeNode<i32>>>>;

const NEVER: i64 = -1_000_000_000_000_000_000;

fn joined(a: &[i64], b: &[i64], most: usize) -> Vec<i64> {
    let mut both = vec![NEVER; (a.len() + b.len() - 1).min(most)];
    for (i, x) in a.iter().enumerate().take(most) {
        for (j, y) in b.iter().enumerate().take(most - i) {
            both[i + j] = both[i + j].max(x + y);
        }
    }
    both
}

/// The best of what is from here on up, by the number of owls: at any rate, and with this hollow empty.
fn visit(tree: &Tree, most: usize) -> (Vec<i64>, Vec<i64>) {
    let node = match tree {
        None => return (vec![0], vec![0]),
        Some(node) => node.borrow(),
    };
    let (left, left_empty) = visit(&node.left, most);
    let (right, right_empty) = visit(&node.right, most);
    let empty = joined(&left, &right, most);
    let mut full = joined(&joined(&left_empty, &right_empty, most), &[NEVER, i64::from(node.val)], most);
    full.resize(full.len().max(empty.len()), NEVER);
    for (best, other) in full.iter_mut().zip(&empty) {
        *best = (*best).max(*other);
    }
    (full, empty)
}

pub fn owlTree(tree: Tree, owls: i32) -> i64 {
    visit(&tree, owls as usize + 1).0.into_iter().max().unwrap_or(0)
}
