// TreeNode is a node of a binary tree.
type TreeNode[T any] struct {
	Val         T
	Left, Right *TreeNode[T]
}
