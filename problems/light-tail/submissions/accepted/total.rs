use crate::ListNode;

pub fn lightTail(train: Option<Box<ListNode<i64>>>, strength: i64) -> Option<Box<ListNode<i64>>> {
    let mut total = 0;
    let mut wagon = &train;
    while let Some(node) = wagon {
        total += node.val;
        wagon = &node.next;
    }
    let mut tail = train;
    while total > strength {
        let mut node = tail?;
        total -= node.val;
        tail = node.next.take();
    }
    tail
}
