// A tail that weighs exactly the strength is held, too.
class Solution {
public:
    ListNode<long long> *lightTail(ListNode<long long> *train, long long strength) {
        long long total = 0;
        for (auto *wagon = train; wagon; wagon = wagon->next) total += wagon->val;
        while (train && total >= strength) {
            total -= train->val;
            train = train->next;
        }
        return train;
    }
};
