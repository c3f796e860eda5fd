package main

func lightTail(train *ListNode[int], strength int) *ListNode[int] {
	total := 0
	for wagon := train; wagon != nil; wagon = wagon.Next {
		total += wagon.Val
	}
	for total > strength {
		total -= train.Val
		train = train.Next
	}
	return train
}
