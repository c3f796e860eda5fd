#include <stddef.h>

ListNode_int *lightTail(ListNode_int *train, long long strength) {
    long long total = 0;
    for (ListNode_int *wagon = train; wagon; wagon = wagon->next) total += wagon->val;
    while (total > strength) {
        total -= train->val;
        train = train->next;
    }
    return train;
}
