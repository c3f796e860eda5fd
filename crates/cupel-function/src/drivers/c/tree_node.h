static NAME *cupel_read_NAME(void) {
    size_t count = (size_t)cupel_read_int(), nodes = 0;
    NAME **parents = cupel_room(NULL, count * sizeof *parents);
    for (size_t i = 0; i < count; i++) {
        if (!cupel_read_bool()) continue;
        NAME *node = cupel_room(NULL, sizeof *node);
        node->val = cupel_read_INNER();
        node->left = node->right = NULL;
        if (i > 0) *(i % 2 == 1 ? &parents[(i - 1) / 2]->left : &parents[(i - 1) / 2]->right) = node;
        parents[nodes++] = node;
    }
    NAME *root = nodes > 0 ? parents[0] : NULL;
    cupel_free(parents);
    return root;
}
static void cupel_write_NAME(NAME *root) {
    size_t size = 16, end = 0, nodes = 0;
    NAME **places = cupel_room(NULL, size * sizeof *places);
    if (root) places[end++] = root;
    for (size_t i = 0; i < end; i++) {
        if (!places[i]) continue;
        if (++nodes > CUPEL_NODES_MAX) {
            uintptr_t *all = cupel_room(NULL, end * sizeof *all);
            for (size_t at = 0; at < end; at++) all[at] = (uintptr_t)places[at];
            cupel_wrong = cupel_too_many(all, end, "the result has a cycle, or a node with two parents",
                                         "a tree of the result is too large: more than 1000000 nodes");
            cupel_free(all);
            cupel_free(places);
            return;
        }
        if (end + 2 > size) places = cupel_room(places, (size *= 2) * sizeof *places);
        places[end++] = places[i]->left;
        places[end++] = places[i]->right;
    }
    while (end > 0 && !places[end - 1]) end--;
    cupel_write_int((long long)end);
    for (size_t i = 0; i < end; i++) {
        cupel_write_bool(places[i] != NULL);
        if (places[i]) cupel_write_INNER(places[i]->val);
    }
    cupel_free(places);
}
