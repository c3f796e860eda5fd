static NAME cupel_read_NAME(void) {
    NAME optional = {0};
    optional.present = cupel_read_bool();
    if (optional.present) optional.value = cupel_read_INNER();
    return optional;
}
static void cupel_write_NAME(NAME optional) {
    cupel_write_bool(optional.present);
    if (optional.present) cupel_write_INNER(optional.value);
}
