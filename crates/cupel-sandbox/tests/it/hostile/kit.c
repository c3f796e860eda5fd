#include "kit.h"

static struct { const char *name; attack_fn run; } attacks[512];
static int attack_count;

void kit_register(const char *name, attack_fn run) {
  attacks[attack_count].name = name;
  attacks[attack_count++].run = run;
}

int main(int argc, char **argv) {
  for (int i = 0; argc > 1 && i < attack_count; i++)
    if (strcmp(attacks[i].name, argv[1]) == 0)
      return attacks[i].run(argc - 2, argv + 2);
  dprintf(2, "no such attack\n");
  return 255;
}
