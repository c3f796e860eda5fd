/** Two pointers: the window between them is never too heavy. */
class Solution {
    public ListNode<Long> lightTail(ListNode<Long> train, long strength) {
        ListNode<Long> first = train;
        long weight = 0;
        for (ListNode<Long> last = train; last != null; last = last.next) {
            weight += last.val;
            while (weight > strength) {
                weight -= first.val;
                first = first.next;
            }
        }
        return first;
    }
}
