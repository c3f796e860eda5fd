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
        if (count++ == CUPEL_NODES_MAX) {
            cupel_wrong = "the result has a cycle";
            return;
        }
    }
    cupel_write_int(count);
    for (NAME *node = first; node; node = node->next) cupel_write_INNER(node->val);
}
