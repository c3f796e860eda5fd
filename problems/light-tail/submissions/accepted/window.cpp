#include <bits/stdc++.h>
using namespace std;

// Two pointers: the window between them is never too heavy.
class Solution {
public:
    ListNode<long long> *lightTail(ListNode<long long> *train, long long strength) {
        ListNode<long long> *first = train;
        long long weight = 0;
        for (auto *last = train; last; last = last->next) {
            weight += last->val;
            while (weight > strength) {
                weight -= first->val;
                first = first->next;
            }
        }
        return first;
    }
};
