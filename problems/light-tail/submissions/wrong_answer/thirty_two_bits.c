// The sum does not fit into an int.
#include <stddef.h>

ListNode_int *lightTail(ListNode_int *train, long long strength) {
    int total = 0;
    for (ListNode_int *wagon = train; wagon; wagon = wagon->next) total += (int)wagon->val;
    while (train && total > strength) {
        total -= (int)train->val;
        train = train->next;
    }
    return train;
}
