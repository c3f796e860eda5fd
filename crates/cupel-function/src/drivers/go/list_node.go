// ListNode is a node of a linked list.
type ListNode[T any] struct {
	Val  T
	Next *ListNode[T]
}
