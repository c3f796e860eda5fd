static NAME *cupel_read_NAME(void) {
    NAME *first = NULL, **last = &first;
    for (long long left = cupel_read_int(); left > 0; left--) {
        NAME *node = cupel_room(NULL, sizeof *node);
        node->val = cupel_read_INNER();
        node->next = NULL;
        *last = node;
        last = &node->next;
    }
    return first;
}
static void cupel_write_NAME(NAME *first) {
    long long count = 0;
    for (NAME *node = first; node; node = node->next) {
        if (count++ < CUPEL_NODES_MAX) continue;
        uintptr_t *places = cupel_room(NULL, (size_t)count * sizeof *places);
        size_t end = 0;
        for (NAME *each = first; end < (size_t)count; each = each->next) places[end++] = (uintptr_t)each;
        cupel_wrong = cupel_too_many(places, end, "the result has a cycle",
                                     "a list of the result is too long: more than 1000000 nodes");
        cupel_free(places);
        return;
    }
    cupel_write_int(count);
    for (NAME *node = first; node; node = node->next) cupel_write_INNER(node->val);
}
