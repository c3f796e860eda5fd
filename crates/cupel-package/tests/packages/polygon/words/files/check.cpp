// Arguments: paths of input, output and answer. Exit codes: 0 accepts, 1 rejects, 3 is a fault of the package.
#include <cstdio>
#include <fstream>

#include "helper.h"

int main(int argc, char** argv) {
    if (argc < 4) return 3;
    std::ifstream output(argv[2]), answer(argv[3]);
    long long given, expected;
    if (!(answer >> expected)) return 3;
    if (!(output >> given) || given != expected) {
        std::fprintf(stderr, "wrong answer %lld words are expected\n", expected);
        return 1;
    }
    std::fprintf(stderr, "ok %lld words\n", expected);
    return zero();
}
