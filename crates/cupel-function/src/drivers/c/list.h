static NAME cupel_read_NAME(void) {
    NAME list = {0};
    list.size = (size_t)cupel_read_int();
    list.items = cupel_room(NULL, list.size * sizeof *list.items);
    for (size_t i = 0; i < list.size; i++) list.items[i] = cupel_read_INNER();
    return list;
}
static void cupel_write_NAME(NAME list) {
    cupel_write_int((long long)list.size);
    for (size_t i = 0; i < list.size; i++) cupel_write_INNER(list.items[i]);
}
