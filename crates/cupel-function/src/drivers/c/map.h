static NAME cupel_read_NAME(void) {
    NAME map = {0};
    map.size = (size_t)cupel_read_int();
    map.keys = cupel_room(NULL, map.size * sizeof *map.keys);
    map.values = cupel_room(NULL, map.size * sizeof *map.values);
    for (size_t i = 0; i < map.size; i++) {
        map.keys[i] = cupel_read_string();
        map.values[i] = cupel_read_INNER();
    }
    return map;
}
static void cupel_write_NAME(NAME map) {
    cupel_write_int((long long)map.size);
    for (size_t i = 0; i < map.size; i++) {
        cupel_write_string(map.keys[i]);
        cupel_write_INNER(map.values[i]);
    }
}
